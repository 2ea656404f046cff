"""Attention layers (Vaswani et al., "Attention Is All You Need", 2017)."""

from __future__ import annotations

from typing import Any

from pyflame import DType, Tensor, empty

from . import functional as F, init
from .linear import Linear
from .module import Module
from .parameter import Parameter


class NonDynamicallyQuantizableLinear(Linear):
    """The output projection of attention, under the name PyTorch prints."""


class MultiheadAttention(Module):
    """Attention of several heads, each of which sees its own part of the projected features.

    Args:
        embed_dim: features of queries and of the output.
        num_heads: divides the features.
        dropout: probability that a weight is dropped, in training.
        bias: whether the projections have biases.
        add_bias_kv: append a learned key and value.
        add_zero_attn: append a key and value of zeros.
        kdim: features of the keys; `embed_dim` by default, as `vdim` for the values.
        batch_first: inputs and output are (batch, positions, features) instead of (positions, batch, features).

    Called with (query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal);
    returns the output and the weights, or None without `need_weights`.

    Raises:
        ValueError: a size is not positive.
        AssertionError: the features do not divide into the heads.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> x = pf.randn(2, 5, 8)
        >>> output, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
        >>> output.shape, weights.shape
        (pyflame.Size([2, 5, 8]), pyflame.Size([2, 5, 5]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"[attention] {embed_dim} features, {num_heads} heads: expected positive numbers")
        if embed_dim % num_heads:
            raise AssertionError(f"[attention] {embed_dim} features do not divide into {num_heads} heads")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self._one_weight = self.kdim == embed_dim == self.vdim

        def add(name: str, wanted: bool, *shape: int) -> None:
            value = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)

        separate = not self._one_weight
        add("q_proj_weight", separate, embed_dim, embed_dim)
        add("k_proj_weight", separate, embed_dim, self.kdim)
        add("v_proj_weight", separate, embed_dim, self.vdim)
        add("in_proj_weight", self._one_weight, 3 * embed_dim, embed_dim)
        add("in_proj_bias", bias, 3 * embed_dim)
        add("bias_k", add_bias_kv, 1, 1, embed_dim)
        add("bias_v", add_bias_kv, 1, 1, embed_dim)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        turned = self.batch_first and query.ndim == 3
        if turned:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        output, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._one_weight,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (output.transpose(0, 1) if turned else output), weights


class SelfAttention(MultiheadAttention):
    """`MultiheadAttention` of an input (batch, positions, features) to itself; returns the output alone.

    Args:
        embed_dim: features of input and output.
        num_heads: divides the features.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.SelfAttention(8, 2)(pf.randn(2, 5, 8)).shape
        pyflame.Size([2, 5, 8])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(embed_dim, num_heads, dropout, bias, batch_first=True, device=device, dtype=dtype)

    def forward(  # type: ignore[override]
        self,
        input: Tensor,
        key_padding_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        return super().forward(input, input, input, key_padding_mask, False, attn_mask, is_causal=is_causal)[0]


class CrossAttention(MultiheadAttention):
    """`MultiheadAttention` of (batch, positions, features) to a context; returns the output alone.

    Args:
        embed_dim: features of input and output.
        num_heads: divides the features.
        kdim: features of the context; `embed_dim` by default.
        vdim: features of the values, if they are given besides.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CrossAttention(8, 2, kdim=6, vdim=6)(pf.randn(2, 5, 8), pf.randn(2, 7, 6)).shape
        pyflame.Size([2, 5, 8])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        kdim: int | None = None,
        vdim: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            embed_dim, num_heads, dropout, bias, kdim=kdim, vdim=vdim, batch_first=True, device=device, dtype=dtype
        )

    def forward(  # type: ignore[override]
        self,
        input: Tensor,
        context: Tensor,
        value: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
    ) -> Tensor:
        values = context if value is None else value
        return super().forward(input, context, values, key_padding_mask, False, attn_mask)[0]
