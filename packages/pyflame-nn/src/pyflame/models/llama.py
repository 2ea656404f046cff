"""Llama (Touvron et al., 2023), with grouped queries and rotary positions, and Hugging Face's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .cache import KeyValueCache, causal_mask
from .config import Config, activation_of
from .decoder import embed, language_model_output, next_positions, run_layers
from .generation import GenerationMixin
from .output import HiddenOutput, LogitsOutput
from .pretrained import PretrainedModel, draw_normal
from .rotary import angles_of, frequencies, turned


@dataclass
class LlamaConfig(Config):
    """Sizes and options of Llama, with the values of the model of 7 billion parameters.

    `rope_scaling` may be None or of the types "default", "linear" and "llama3"; `rope_parameters`, in which newer files
    keep it together with `rope_theta`, is understood too.

    Example:
        >>> from pyflame import models
        >>> models.LlamaConfig(num_attention_heads=8, num_key_value_heads=2, hidden_size=64).head_dim
        8
    """

    model_type: ClassVar[str] = "llama"
    fixed: ClassVar[Mapping[str, tuple[Any, ...]]] = {"pretraining_tp": (1,)}

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    pad_token_id: int | None = None
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    tie_word_embeddings: bool = False
    rope_theta: float = 10000.0
    rope_scaling: dict[str, Any] | None = None
    attention_bias: bool = False
    attention_dropout: float = 0.0
    mlp_bias: bool = False
    head_dim: int | None = None

    def __post_init__(self) -> None:
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.num_attention_heads
        if self.head_dim is None:
            self.head_dim = self.hidden_size // self.num_attention_heads
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"[llama] {self.num_attention_heads} heads of queries are no multiple of {self.num_key_value_heads} "
                f"heads of keys"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        rope = values.get("rope_parameters")
        if rope is not None:
            values = {**values, "rope_theta": rope.get("rope_theta", 10000.0), "rope_scaling": rope}
        return super().from_dict(values)


class LlamaAttention(nn.Module):
    """Causal attention in which groups of query heads share a head of keys and values."""

    def __init__(self, config: LlamaConfig, place: int) -> None:
        super().__init__()
        size, width, bias = config.hidden_size, int(config.head_dim or 0), config.attention_bias
        heads, shared = config.num_attention_heads, int(config.num_key_value_heads or 0)
        self.head_dim, self.place, self.dropout, self.grouped = width, place, config.attention_dropout, heads != shared
        self.q_proj = nn.Linear(size, heads * width, bias=bias)
        self.k_proj = nn.Linear(size, shared * width, bias=bias)
        self.v_proj = nn.Linear(size, shared * width, bias=bias)
        self.o_proj = nn.Linear(heads * width, size, bias=bias)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], mask: Tensor | None, cache: KeyValueCache | None
    ) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = turned(q, angles), turned(k, angles)
        if cache is not None:
            k, v = cache.update(self.place, k, v)
        dropped = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, mask, dropped, is_causal=mask is None, enable_gqa=self.grouped)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class LlamaMLP(nn.Module):
    """A network with one hidden layer, scaled by a gate (Shazeer, 2020)."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(size, inner, bias=config.mlp_bias)
        self.up_proj = nn.Linear(size, inner, bias=config.mlp_bias)
        self.down_proj = nn.Linear(inner, size, bias=config.mlp_bias)
        self.act_fn = activation_of(config.hidden_act)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class LlamaDecoderLayer(nn.Module):
    """Attention and a network, each after a norm and beside a shortcut."""

    def __init__(self, config: LlamaConfig, place: int) -> None:
        super().__init__()
        self.self_attn = LlamaAttention(config, place)
        self.mlp = LlamaMLP(config)
        self.input_layernorm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], mask: Tensor | None, cache: KeyValueCache | None
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), angles, mask, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class LlamaModel(PretrainedModel):
    """Llama without a head; called as `GPT2Model`.

    Args:
        config: sizes and options.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.LlamaConfig(vocab_size=9, hidden_size=8, intermediate_size=16, num_hidden_layers=1,
        ...     num_attention_heads=4, num_key_value_heads=2)
        >>> models.LlamaModel(config)(pf.tensor([[1, 2, 3]])).last_hidden_state.shape
        pyflame.Size([1, 3, 8])
    """

    config_class = LlamaConfig
    base_model_prefix = "model"
    ignored = r"rotary_emb\.inv_freq$"

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.layers = nn.ModuleList(LlamaDecoderLayer(config, place) for place in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.frequencies = frequencies(int(config.head_dim or 0), config.rope_theta, config.rope_scaling)
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
        x = embed("llama", self.embed_tokens, input_ids, inputs_embeds)
        cache = KeyValueCache() if past_key_values is None and use_cache else past_key_values
        if position_ids is None:
            position_ids = next_positions(cache, x.shape[1])
        angles = angles_of(position_ids, self.frequencies, x.dtype)
        mask = causal_mask(cache, x.shape[1], attention_mask)
        return run_layers(self.layers, self.norm, x, cache, output_hidden_states, angles, mask, cache)


class LlamaForCausalLM(GenerationMixin):
    """Llama that tells the next word.

    Args:
        config: sizes and options.

    Called as `GPT2LMHeadModel`, with keyword arguments. `generate` writes text.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.LlamaConfig(vocab_size=9, hidden_size=8, intermediate_size=16, num_hidden_layers=1,
        ...     num_attention_heads=4, num_key_value_heads=2, eos_token_id=None)
        >>> models.LlamaForCausalLM(config).generate(pf.tensor([[1, 2]]), max_new_tokens=3).shape
        pyflame.Size([1, 5])
    """

    config_class = LlamaConfig
    base_model_prefix = "model"
    ignored = r"rotary_emb\.inv_freq$"
    tied: ClassVar = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.model = LlamaModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        nn.init.normal_(self.lm_head.weight, 0.0, config.initializer_range)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: KeyValueCache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool = False,
        output_hidden_states: bool = False,
    ) -> LogitsOutput:
        base = self.model(
            input_ids, past_key_values, attention_mask, position_ids, inputs_embeds, use_cache, output_hidden_states
        )
        return language_model_output(base, self.lm_head, labels)
