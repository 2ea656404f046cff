"""T5 (Raffel et al., 2019), with relative positions and Hugging Face's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .config import Config, activation_of
from .layers import Layers
from .output import HiddenOutput, SequenceOutput
from .pretrained import PretrainedModel


@dataclass
class T5Config(Config):
    """Sizes and options of T5, with the values of the small model.

    `feed_forward_proj` is an activation, or "gated-" and an activation for a network with a gate.

    Example:
        >>> from pyflame import models
        >>> models.T5Config().d_model
        512
    """

    model_type: ClassVar[str] = "t5"
    fixed: ClassVar[Mapping[str, tuple[Any, ...]]] = {"is_encoder_decoder": (True,)}

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    initializer_factor: float = 1.0
    feed_forward_proj: str = "relu"
    pad_token_id: int = 0
    eos_token_id: int = 1

    def __post_init__(self) -> None:
        if self.num_decoder_layers is None:
            self.num_decoder_layers = self.num_layers

    @property
    def activation(self) -> tuple[str, bool]:
        """The name of the activation, and whether the network has a gate."""
        name = self.feed_forward_proj.removeprefix("gated-")
        gated = name != self.feed_forward_proj
        return "gelu_new" if gated and name == "gelu" else name, gated


def buckets(both_sides: bool, count: int, reach: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The bucket of each distance from -reach to reach: exact for near ones, logarithmic for others."""
    side = count // 2 if both_sides else count
    exact = side // 2
    distance = np.arange(-reach, reach + 1)
    away = abs(distance) if both_sides else np.maximum(-distance, 0)
    # In single precision, as elsewhere: a distance at the edge of a bucket must not fall into the next one.
    far = np.log((np.maximum(away, 1) / exact).astype(np.float32)) / np.float32(math.log(reach / exact))
    steps = (far * np.float32(side - exact)).astype(np.int64)
    found = np.where(away < exact, away, np.minimum(exact + steps, side - 1))
    return found + side * (both_sides & (distance > 0))


class T5Attention(nn.Module):
    """Attention of several heads, whose scores are not scaled; the first of a stack knows the distances."""

    def __init__(self, config: T5Config, both_sides: bool, has_distances: bool) -> None:
        super().__init__()
        inner = config.num_heads * config.d_kv
        self.heads, self.both_sides = config.num_heads, both_sides
        self.count, self.reach = config.relative_attention_num_buckets, config.relative_attention_max_distance
        self.q, self.k, self.v = (nn.Linear(config.d_model, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, config.d_model, bias=False)
        self.relative_attention_bias = nn.Embedding(self.count, config.num_heads) if has_distances else None
        self.dropout = nn.Dropout(config.dropout_rate)
        factor = config.initializer_factor
        nn.init.normal_(self.q.weight, 0.0, factor * (config.d_model * config.d_kv) ** -0.5)
        for layer in (self.k, self.v):
            nn.init.normal_(layer.weight, 0.0, factor * config.d_model**-0.5)
        nn.init.normal_(self.o.weight, 0.0, factor * inner**-0.5)
        if self.relative_attention_bias is not None:
            nn.init.normal_(self.relative_attention_bias.weight, 0.0, factor * config.d_model**-0.5)

    def distances(self, queries: int, keys: int) -> Tensor:
        """What the distance adds to each score, (1, heads, queries, keys)."""
        assert self.relative_attention_bias is not None
        # Beyond the reach all distances of one side share a bucket.
        distance = pf.clip(pf.arange(keys) - pf.arange(queries).unsqueeze(1), -self.reach, self.reach)
        places = pf.tensor(buckets(self.both_sides, self.count, self.reach))[distance + self.reach]
        return self.relative_attention_bias(places).permute(2, 0, 1)[None]

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        q, k, v = (
            layer(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, y in ((self.q, x), (self.k, context), (self.v, context))
        )
        dropped = self.dropout.p if self.training else 0.0
        return self.o(F.scaled_dot_product_attention(q, k, v, bias, dropped, scale=1.0).transpose(1, 2).flatten(2))


class T5DenseReluDense(nn.Module):
    """A network with one hidden layer, perhaps scaled by a gate."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        name, self.gated = config.activation
        factor = config.initializer_factor
        for part in ("wi_0", "wi_1") if self.gated else ("wi",):
            layer = nn.Linear(config.d_model, config.d_ff, bias=False)
            nn.init.normal_(layer.weight, 0.0, factor * config.d_model**-0.5)
            setattr(self, part, layer)
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)
        nn.init.normal_(self.wo.weight, 0.0, factor * config.d_ff**-0.5)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.act = activation_of(name)

    def forward(self, x: Tensor) -> Tensor:
        if self.gated:
            inner = self.act(self.get_submodule("wi_0")(x)) * self.get_submodule("wi_1")(x)
        else:
            inner = self.act(self.get_submodule("wi")(x))
        return self.wo(self.dropout(inner))


class T5Sublayer(nn.Module):
    """What a sublayer computes of its normalized input, beside a shortcut."""

    def __init__(self, config: T5Config, name: str, part: nn.Module) -> None:
        super().__init__()
        self.add_module(name, part)
        self.layer_norm = nn.RMSNorm(config.d_model, eps=config.layer_norm_epsilon)
        nn.init.constant_(self.layer_norm.get_parameter("weight"), config.initializer_factor)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.part = name

    def forward(self, x: Tensor, context: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        y, part = self.layer_norm(x), self.get_submodule(self.part)
        y = part(y) if isinstance(part, T5DenseReluDense) else part(y, y if context is None else context, bias)
        return x + self.dropout(y)


class T5Stack(nn.Module):
    """The encoder or the decoder."""

    def __init__(self, config: T5Config, layers: int, words: nn.Embedding, decoder: bool) -> None:
        super().__init__()
        self.embed_tokens = words
        self.decoder = decoder

        def block(first: bool) -> Layers:
            parts = [T5Sublayer(config, "SelfAttention", T5Attention(config, not decoder, first))]
            if decoder:
                parts.append(T5Sublayer(config, "EncDecAttention", T5Attention(config, True, False)))
            parts.append(T5Sublayer(config, "DenseReluDense", T5DenseReluDense(config)))
            return Layers(parts)

        self.block = nn.ModuleList(block(place == 0) for place in range(layers))
        self.final_layer_norm = nn.RMSNorm(config.d_model, eps=config.layer_norm_epsilon)
        nn.init.constant_(self.final_layer_norm.get_parameter("weight"), config.initializer_factor)
        self.dropout = nn.Dropout(config.dropout_rate)

    def first_attention(self) -> T5Attention:
        """The one that knows the distances."""
        found = self.get_submodule("block.0.layer.0.SelfAttention")
        assert isinstance(found, T5Attention)
        return found

    def forward(
        self,
        input_ids: Tensor,
        mask: Tensor | None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
    ) -> Tensor:
        x = self.dropout(self.embed_tokens(input_ids))
        count = x.shape[1]
        bias = self.first_attention().distances(count, count)
        if self.decoder:
            bias = bias.masked_fill(~pf.ones(count, count, dtype=pf.bool).tril(), -math.inf)
        bias = hidden(bias, mask)
        others = hidden(pf.zeros(1, 1, 1, 1, dtype=x.dtype), context_mask)
        for block in self.block:
            attention, *between, network = block.get_submodule("layer").children()
            x = attention(x, None, bias)
            if context is not None:
                x = between[0](x, context, others)
            x = network(x)
        return self.dropout(self.final_layer_norm(x))


def hidden(bias: Tensor, mask: Tensor | None) -> Tensor:
    """A bias of scores that hides padding, where the mask (batch, keys) is 0."""
    return bias if mask is None else bias.masked_fill((mask == 0)[:, None, None, :], -math.inf)


class T5Model(PretrainedModel):
    """T5 without a head.

    Args:
        config: sizes and options.

    Called with (input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, encoder_outputs), where ids are
    (batch, positions) and masks are 1 for text and 0 for padding; gives `last_hidden_state`, (batch, positions
    of the decoder, features), and `encoder_last_hidden_state`, which can be passed as `encoder_outputs` instead of
    `input_ids`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.T5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
        >>> output = models.T5Model(config)(pf.tensor([[1, 2, 3]]), decoder_input_ids=pf.tensor([[0, 4]]))
        >>> output.last_hidden_state.shape
        pyflame.Size([1, 2, 8])
    """

    config_class = T5Config
    base_model_prefix = "transformer"
    ignored = r"^(lm_head\.weight|decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight)$"
    tied: ClassVar = {"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"}

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        nn.init.normal_(self.shared.weight, 0.0, config.initializer_factor)
        self.encoder = T5Stack(config, config.num_layers, self.shared, False)
        self.decoder = T5Stack(config, int(config.num_decoder_layers or 0), self.shared, True)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Tensor | HiddenOutput | None = None,
    ) -> SequenceOutput:
        if decoder_input_ids is None:
            raise ValueError("[t5] decoder_input_ids is missing: the decoder begins with the padding token")
        if (input_ids is None) == (encoder_outputs is None):
            raise ValueError("[t5] expected either input_ids or encoder_outputs")
        if encoder_outputs is None:
            context = self.encoder(input_ids, attention_mask)
        else:
            given = encoder_outputs
            context = given.last_hidden_state if isinstance(given, HiddenOutput) else given
        x = self.decoder(decoder_input_ids, decoder_attention_mask, context, attention_mask)
        return SequenceOutput(x, context)
