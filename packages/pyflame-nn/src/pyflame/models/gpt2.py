"""GPT-2 (Radford et al., 2019), with Hugging Face's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .cache import KeyValueCache, causal_mask
from .config import Config, activation_of
from .decoder import embed, language_model_output, next_positions, run_layers
from .generation import GenerationMixin
from .output import HiddenOutput, LogitsOutput
from .pretrained import PretrainedModel, draw_normal


@dataclass
class GPT2Config(Config):
    """Sizes and options of GPT-2, with the values of the small model.

    Example:
        >>> from pyflame import models
        >>> models.GPT2Config().n_embd
        768
    """

    model_type: ClassVar[str] = "gpt2"
    fixed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    }

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    bos_token_id: int | None = 50256
    eos_token_id: int | list[int] | None = 50256


class Conv1D(nn.Module):
    """A linear layer whose weight is (inputs, outputs), as GPT-2 stores it."""

    def __init__(self, outputs: int, inputs: int, std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(pf.empty(inputs, outputs))
        self.bias = nn.Parameter(pf.zeros(outputs))
        nn.init.normal_(self.weight, 0.0, std)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias

    def extra_repr(self) -> str:
        return f"nf={self.weight.shape[1]}, nx={self.weight.shape[0]}"


class GPT2Attention(nn.Module):
    """Causal attention of several heads."""

    def __init__(self, config: GPT2Config, place: int) -> None:
        super().__init__()
        size, std = config.n_embd, config.initializer_range
        if size % config.n_head:
            raise ValueError(f"[gpt2] {size} features do not divide into {config.n_head} heads")
        self.heads, self.place = config.n_head, place
        self.c_attn = Conv1D(3 * size, size, std)
        self.c_proj = Conv1D(size, size, std / math.sqrt(2 * config.n_layer))
        self.attn_dropout = nn.Dropout(config.attn_pdrop)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KeyValueCache | None) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.c_attn(x).chunk(3, -1))
        if cache is not None:
            k, v = cache.update(self.place, k, v)
        dropped = self.attn_dropout.p if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, mask, dropped, is_causal=mask is None)
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).flatten(2)))


class GPT2MLP(nn.Module):
    """A network with one hidden layer."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        size, std = config.n_embd, config.initializer_range
        inner = 4 * size if config.n_inner is None else config.n_inner
        self.c_fc = Conv1D(inner, size, std)
        self.c_proj = Conv1D(size, inner, std / math.sqrt(2 * config.n_layer))
        self.act = activation_of(config.activation_function)
        self.dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))


class GPT2Block(nn.Module):
    """Attention and a network, each after a layer norm and beside a shortcut."""

    def __init__(self, config: GPT2Config, place: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = GPT2Attention(config, place)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = GPT2MLP(config)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KeyValueCache | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), mask, cache)
        return x + self.mlp(self.ln_2(x))


class GPT2Model(PretrainedModel):
    """GPT-2 without a head.

    Args:
        config: sizes and options.

    Called with (input_ids, past_key_values, attention_mask, position_ids, inputs_embeds, use_cache,
    output_hidden_states); ids are (batch, positions), the mask (batch, positions with those of the cache) is 1 for text
    and 0 for padding. Gives `last_hidden_state` (batch, positions, features).

    Raises:
        ValueError: a text has more positions than the model knows.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.GPT2Model(models.GPT2Config(vocab_size=9, n_positions=8, n_embd=4, n_layer=1, n_head=2))
        >>> model.eval()(pf.tensor([[1, 2, 3]])).last_hidden_state.shape
        pyflame.Size([1, 3, 4])
    """

    config_class = GPT2Config
    base_model_prefix = "transformer"
    ignored = r"\.attn\.(masked_)?bias$"

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = nn.Dropout(config.embd_pdrop)
        self.h = nn.ModuleList(GPT2Block(config, place) for place in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        draw_normal(self, config.initializer_range)

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: KeyValueCache | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool = False,
        output_hidden_states: bool = False,
    ) -> HiddenOutput:
        x = embed("gpt2", self.wte, input_ids, inputs_embeds)
        cache = KeyValueCache() if past_key_values is None and use_cache else past_key_values
        count, known = x.shape[1], self.config.n_positions
        positions = count if cache is None else cache.length + count
        if positions > known:
            raise ValueError(f"[gpt2] the text has {positions} positions: the model knows {known}")
        if position_ids is None:
            position_ids = next_positions(cache, count)
        mask = causal_mask(cache, count, attention_mask)
        x = self.drop(x + self.wpe(position_ids))
        return run_layers(self.h, self.ln_f, x, cache, output_hidden_states, mask, cache)


class GPT2LMHeadModel(GenerationMixin):
    """GPT-2 that tells the next word.

    Args:
        config: sizes and options.

    Called as `GPT2Model`, and with labels (batch, positions), the ids of the text itself, of which -100 are left out of
    the loss; gives `logits` (batch, positions, words). `generate` writes text.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.GPT2Config(vocab_size=9, n_positions=8, n_embd=4, n_layer=1, n_head=2, eos_token_id=None)
        >>> models.GPT2LMHeadModel(config).generate(pf.tensor([[1, 2]]), max_new_tokens=3, top_k=5, seed=0).shape
        pyflame.Size([1, 5])
    """

    config_class = GPT2Config
    base_model_prefix = "transformer"
    ignored = r"\.attn\.(masked_)?bias$"
    tied: ClassVar = {"lm_head.weight": "transformer.wte.weight"}

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        nn.init.normal_(self.lm_head.weight, 0.0, config.initializer_range)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.transformer.wte.weight

    def max_positions(self) -> int | None:
        return int(self.config.n_positions)

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: KeyValueCache | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool = False,
        output_hidden_states: bool = False,
    ) -> LogitsOutput:
        base = self.transformer(
            input_ids, past_key_values, attention_mask, position_ids, inputs_embeds, use_cache, output_hidden_states
        )
        return language_model_output(base, self.lm_head, labels)
