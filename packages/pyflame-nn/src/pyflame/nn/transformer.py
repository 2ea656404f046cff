"""Transformers (Vaswani et al., "Attention Is All You Need", 2017): layers, stacks of them, and both together."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pyflame import DType, Tensor, full

from . import functional as F, init
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Activation] = {"relu": F.relu, "gelu": F.gelu}


class TransformerLayer(Module):
    """What encoder and decoder layers share: self-attention and a feed-forward network with a hidden layer."""

    attentions: tuple[str, ...] = ("self_attn",)
    self_attn: MultiheadAttention
    linear1: Linear
    linear2: Linear
    activation: Activation

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        make: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **make))
        self.linear1 = Linear(d_model, dim_feedforward, **make)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **make)
        self.norm_first = norm_first
        places = range(1, len(self.attentions) + 2)
        for place in places:
            setattr(self, f"norm{place}", LayerNorm(d_model, layer_norm_eps, **make))
        for place in places:
            setattr(self, f"dropout{place}", Dropout(dropout))
        if isinstance(activation, str):
            if activation not in ACTIVATIONS:
                raise RuntimeError(f"[transformer] activation is {activation!r}: expected 'relu', 'gelu' or a function")
            activation = ACTIVATIONS[activation]
        self.activation = activation

    def _sublayer(self, place: int, x: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """A sublayer with its shortcut, its dropout and its norm, which comes first or last."""
        norm, dropout = getattr(self, f"norm{place}"), getattr(self, f"dropout{place}")
        if self.norm_first:
            return x + dropout(compute(norm(x)))
        return norm(x + dropout(compute(x)))

    def _feed(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _attend(self, x: Tensor, mask: Tensor | None, padding: Tensor | None, causal: bool | None) -> Tensor:
        return self.self_attn(x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=bool(causal))[0]


class TransformerEncoderLayer(TransformerLayer):
    """Self-attention and a feed-forward network, each with a shortcut and a layer norm.

    Args:
        d_model: features of input and output.
        nhead: number of heads.
        dim_feedforward: features of the hidden layer.
        activation: "relu", "gelu" or a function.
        batch_first: the input is (batch, positions, features) instead of (positions, batch, features).
        norm_first: normalize before attention and network instead of after them.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.TransformerEncoderLayer(8, 2, batch_first=True)(pf.randn(3, 5, 8)).shape
        pyflame.Size([3, 5, 8])
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        x = self._sublayer(1, src, lambda x: self._attend(x, src_mask, src_key_padding_mask, is_causal))
        return self._sublayer(2, x, self._feed)


class TransformerDecoderLayer(TransformerLayer):
    """Self-attention, attention to the encoder's output and a feed-forward network; see `TransformerEncoderLayer`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.TransformerDecoderLayer(8, 2)(pf.randn(5, 3, 8), pf.randn(7, 3, 8)).shape
        pyflame.Size([5, 3, 8])
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def remember(x: Tensor) -> Tensor:
            return self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )[0]

        x = self._sublayer(1, tgt, lambda x: self._attend(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        return self._sublayer(3, self._sublayer(2, x, remember), self._feed)


class TransformerEncoder(Module):
    """A stack of copies of an encoder layer.

    Args:
        encoder_layer: what is copied.
        num_layers: how many copies.
        norm: what is applied to the output.
        enable_nested_tensor: accepted and without effect, as is `mask_check`: there are no nested tensors.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2)(pf.randn(5, 3, 8)).shape
        pyflame.Size([5, 3, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = ModuleList([deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """A stack of copies of a decoder layer; the arguments are those of `TransformerEncoder`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2), 2)
        >>> decoder(pf.randn(5, 3, 8), pf.randn(7, 3, 8)).shape
        pyflame.Size([5, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder, and a decoder that attends to its output.

    Args:
        d_model: features of source and target.
        nhead: number of heads.
        num_encoder_layers: how many layers encode.
        num_decoder_layers: how many layers decode.
        custom_encoder: used instead of the encoder, as is `custom_decoder`.

    The others are those of `TransformerEncoderLayer`; weights are drawn by `init.xavier_uniform_`.

    Raises:
        RuntimeError: batch sizes or features of source and target differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> model = nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
        >>> mask = nn.Transformer.generate_square_subsequent_mask(5)
        >>> model(pf.randn(7, 3, 8), pf.randn(5, 3, 8), tgt_mask=mask).shape
        pyflame.Size([5, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        make: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first)
        if custom_encoder is None:
            encoded = TransformerEncoderLayer(*options, **make)
            custom_encoder = TransformerEncoder(encoded, num_encoder_layers, LayerNorm(d_model, layer_norm_eps, **make))
        if custom_decoder is None:
            decoded = TransformerDecoderLayer(*options, **make)
            custom_decoder = TransformerDecoder(decoded, num_decoder_layers, LayerNorm(d_model, layer_norm_eps, **make))
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: DType | None = None) -> Tensor:
        """Return (sz, sz): minus infinity above the diagonal, which hides later positions, and zero elsewhere."""
        return full((sz, sz), float("-inf"), dtype=dtype).triu(1)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        shapes = f"[transformer] src has shape {tuple(src.shape)}, tgt {tuple(tgt.shape)}"
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(f"{shapes}: the batch sizes must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(f"{shapes}: expected {self.d_model} features")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
