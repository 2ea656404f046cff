"""Transformers for tokens (Vaswani et al., 2017), made of the layers of `pyflame.nn`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import pyflame as pf
from pyflame import Tensor, nn

from .config import Config


@dataclass
class TransformerConfig(Config):
    """Sizes and options of a transformer, with the values of the base model of the paper.

    `activation` is "relu" or "gelu"; with `norm_first` layers normalize their input instead of their sum; `positions`
    is "sinusoidal" or "learned".

    Example:
        >>> from pyflame import models
        >>> text = models.TransformerConfig(d_model=64).to_json()
        >>> models.TransformerConfig.from_json(text).d_model
        64
    """

    model_type: ClassVar[str] = "transformer"

    vocab_size: int = 32000
    d_model: int = 512
    num_heads: int = 8
    num_encoder_layers: int = 6
    num_decoder_layers: int = 6
    d_ff: int = 2048
    dropout: float = 0.1
    activation: str = "relu"
    norm_first: bool = False
    layer_norm_eps: float = 1e-5
    max_len: int = 512
    positions: str = "sinusoidal"
    pad_token_id: int | None = None


class MultiHeadAttention(nn.Module):
    """Attention of several heads over (batch, positions, features), in which the mask says what takes part.

    Args:
        d_model: features of input and output.
        num_heads: divides the features.
        dropout: probability that a weight is dropped, in training.
        bias: whether the projections have biases.

    Called with (query, key, value, mask): key and value are the query by default; the mask broadcasts to (batch, heads,
    queries, keys) and is True, or 1, where a key takes part.

    Raises:
        ValueError: features do not divide into heads.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.MultiHeadAttention(8, 2)(pf.randn(3, 5, 8)).shape
        pyflame.Size([3, 5, 8])
    """

    def __init__(self, d_model: int, num_heads: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        if num_heads < 1 or d_model % num_heads:
            raise ValueError(f"[attention] {d_model} features do not divide into {num_heads} heads")
        self.num_heads, self.dropout = num_heads, dropout
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(d_model, d_model, bias=bias) for _ in range(4)
        )

    def forward(
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        key = query if key is None else key
        value = key if value is None else value
        q, k, v = (
            layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        seen = None if mask is None else mask != 0
        dropped = self.dropout if self.training else 0.0
        y = nn.functional.scaled_dot_product_attention(q, k, v, seen, dropped)
        return self.out_proj(y.transpose(1, 2).flatten(2))


class TokenEmbedding(nn.Module):
    """Embeddings of tokens, scaled by the root of their size, and of positions."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        if config.positions not in ("sinusoidal", "learned"):
            raise ValueError(f"[transformer] positions is {config.positions!r}: expected 'sinusoidal' or 'learned'")
        self.tokens = nn.Embedding(config.vocab_size, config.d_model, padding_idx=config.pad_token_id)
        nn.init.normal_(self.tokens.weight, 0.0, config.d_model**-0.5)
        sinusoidal = config.positions == "sinusoidal"
        self.positions: nn.Module = (
            nn.PositionalEncoding(config.d_model, config.max_len, 0.0)
            if sinusoidal
            else nn.LearnedPositionalEmbedding(config.max_len, config.d_model)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.scale = math.sqrt(config.d_model)

    def forward(self, ids: Tensor) -> Tensor:
        return self.dropout(self.positions(self.tokens(ids) * self.scale))


def layer_options(config: TransformerConfig) -> tuple[int, int, int, float, str, float, bool, bool]:
    """The arguments of a layer of `pyflame.nn`."""
    sizes = (config.d_model, config.num_heads, config.d_ff, config.dropout)
    return (*sizes, config.activation, config.layer_norm_eps, True, config.norm_first)


def left_out(mask: Tensor | None) -> Tensor | None:
    """True for padding, of a mask that is 1 for text."""
    return None if mask is None else mask == 0


class TransformerEncoder(nn.Module):
    """Encodes tokens (batch, positions) as features (batch, positions, d_model).

    Args:
        config: sizes and options.

    Called with (input_ids, attention_mask); the mask is 1 for text and 0 for padding.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.TransformerConfig(9, d_model=8, num_heads=2, num_encoder_layers=1, d_ff=16)
        >>> models.TransformerEncoder(config)(pf.tensor([[1, 2, 3]])).shape
        pyflame.Size([1, 3, 8])
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = TokenEmbedding(config)
        layer = nn.TransformerEncoderLayer(*layer_options(config))
        norm = nn.LayerNorm(config.d_model, config.layer_norm_eps) if config.norm_first else None
        self.encoder = nn.TransformerEncoder(layer, config.num_encoder_layers, norm)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.encoder(self.embedding(input_ids), src_key_padding_mask=left_out(attention_mask))


class TransformerDecoder(nn.Module):
    """Decodes tokens (batch, positions) with what an encoder says, each position seeing those before it.

    Args:
        config: sizes and options.

    Called with (input_ids, memory, attention_mask, memory_mask); masks are 1 for text and 0 for padding.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.TransformerConfig(9, d_model=8, num_heads=2, num_decoder_layers=1, d_ff=16)
        >>> models.TransformerDecoder(config)(pf.tensor([[1, 2]]), pf.randn(1, 5, 8)).shape
        pyflame.Size([1, 2, 8])
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = TokenEmbedding(config)
        layer = nn.TransformerDecoderLayer(*layer_options(config))
        norm = nn.LayerNorm(config.d_model, config.layer_norm_eps) if config.norm_first else None
        self.decoder = nn.TransformerDecoder(layer, config.num_decoder_layers, norm)

    def forward(
        self,
        input_ids: Tensor,
        memory: Tensor,
        attention_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        count = input_ids.shape[1]
        later = ~pf.ones(count, count, dtype=pf.bool).tril()
        return self.decoder(
            self.embedding(input_ids),
            memory,
            tgt_mask=later,
            tgt_key_padding_mask=left_out(attention_mask),
            memory_key_padding_mask=left_out(memory_mask),
        )


class Transformer(nn.Module):
    """An encoder and a decoder that give logits of the target's next tokens.

    Args:
        config: sizes and options.
        share_embeddings: one matrix for tokens of source and target and for the logits.

    Called with (input_ids, decoder_input_ids, attention_mask, decoder_attention_mask), all (batch, positions).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.TransformerConfig(9, 8, 2, num_encoder_layers=1, num_decoder_layers=1, d_ff=16)
        >>> models.Transformer(config)(pf.tensor([[1, 2, 3]]), pf.tensor([[4, 5]])).shape
        pyflame.Size([1, 2, 9])
    """

    def __init__(self, config: TransformerConfig, share_embeddings: bool = True) -> None:
        super().__init__()
        self.config = config
        self.encoder = TransformerEncoder(config)
        self.decoder = TransformerDecoder(config)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if share_embeddings:
            self.decoder.embedding.tokens.weight = self.encoder.embedding.tokens.weight
            self.head.weight = self.encoder.embedding.tokens.weight

    def forward(
        self,
        input_ids: Tensor,
        decoder_input_ids: Tensor,
        attention_mask: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        memory = self.encoder(input_ids, attention_mask)
        return self.head(self.decoder(decoder_input_ids, memory, decoder_attention_mask, attention_mask))
