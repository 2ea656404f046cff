"""Attention: weighted sums of values, with weights from the likeness of queries and keys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ... import _core
from ...dtypes import DType, bool_
from ..creation import ones, zeros
from ..join import cat, pad, repeat_interleave
from ..random import rand
from ..shape import broadcast_shapes

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_cast = _core.ops.cast
_expand = _core.ops.expand
_matmul = _core.ops.matmul
_mean = _core.ops.mean
_mul = _core.ops.mul
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_slice = _core.ops.slice
_softmax = _core.ops.softmax
_where = _core.ops.where


def _dropped(x: Tensor, p: float) -> Tensor:
    keep = _cast(_core.ops.ge(rand(*x.shape, dtype=x.dtype), p), x.dtype)
    return _mul(x, _mul(keep, 1.0 / (1.0 - p) if p < 1.0 else 0.0))


def _swapped(x: Tensor) -> Tensor:
    return _permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _additive(op: str, name: str, mask: Tensor, dtype: DType, allowed: bool) -> Tensor:
    """A mask to add to scores; of a bool mask, elements equal to `allowed` take part."""
    if mask.dtype.name == "bool":
        zero, out = (0.0, -math.inf) if allowed else (-math.inf, 0.0)
        return _cast(_where(mask, zero, out), dtype)
    if not mask.dtype.is_floating_point:
        raise RuntimeError(f"[{op}] {name} has dtype {mask.dtype.name}: expected bool or a float")
    return mask


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Average values with weights softmax(query @ key.T * scale + attn_mask).

    Vaswani et al., "Attention Is All You Need" (2017).

    Args:
        query: (..., queries, features)
        key: (..., keys, features)
        value: (..., keys, value_features)
        attn_mask: broadcasts to (..., queries, keys): bool, True where a key takes part, or a float that is added.
        dropout_p: how many weights are dropped; the caller sets 0 outside training.
        is_causal: query i sees the keys up to i only.
        scale: None for 1 / sqrt(features).
        enable_gqa: let groups of query heads, dimension -3, share the fewer heads of keys and values.

    Raises:
        RuntimeError: shapes do not fit, or both `attn_mask` and `is_causal` are given.

    Example:
        >>> import pyflame as pf
        >>> q, k = pf.zeros(1, 2), pf.ones(3, 2)
        >>> pf.ops.scaled_dot_product_attention(q, k, pf.tensor([[0.0], [3.0], [6.0]]))
        tensor([[3.]])
    """
    op = "scaled_dot_product_attention"
    shapes = f"[{op}] query has shape {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(f"{shapes}: expected at least two dimensions (positions, features)")
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(f"[{op}] dtypes are {query.dtype.name}, {key.dtype.name}, {value.dtype.name}: must be equal")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(f"{shapes}: features of queries and keys, and numbers of keys and values must agree")
    if attn_mask is not None and is_causal:
        raise RuntimeError(f"[{op}] both attn_mask and is_causal are given: give one")
    if enable_gqa:
        heads = query.shape[-3] if query.ndim > 2 else 0
        if min(key.ndim, value.ndim) < 3 or not heads or heads % key.shape[-3] or heads % value.shape[-3]:
            raise RuntimeError(f"{shapes}: enable_gqa needs heads of queries that are a multiple of the others'")
    features = query.shape[-1]
    factor = scale if scale is not None else 1.0 / math.sqrt(features) if features else 1.0
    if dropout_p == 0.0 and query.dtype.is_floating_point:
        fused = _fused(query, key, value, attn_mask, factor, is_causal)
        if fused is not None:
            return fused
    if enable_gqa:
        key = repeat_interleave(key, heads // key.shape[-3], key.ndim - 3)
        value = repeat_interleave(value, heads // value.shape[-3], value.ndim - 3)
    mask = None if attn_mask is None else _additive(op, "attn_mask", attn_mask, query.dtype, True)
    return _attend(_mul(query, factor), key, value, mask, 0 if is_causal else None, dropout_p)


def _fused(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, factor: float, is_causal: bool
) -> Tensor | None:
    """The kernel's result, from operands with four dimensions; None where heads or batches meet in other ways."""
    lead, heads = tuple(query.shape[:-3]), query.shape[-3] if query.ndim > 2 else 1
    shared = key.shape[-3] if key.ndim > 2 else 1
    if tuple(key.shape[:-2]) != tuple(value.shape[:-2]) or tuple(key.shape[:-3]) != lead or key.ndim != query.ndim:
        return None
    if shared != heads and (not shared or heads % shared):
        return None
    batch, queries, keys = math.prod(lead), query.shape[-2], key.shape[-2]
    operands = [_reshape(x, (batch, x.shape[-3] if x.ndim > 2 else 1, *x.shape[-2:])) for x in (query, key, value)]
    if mask is not None:
        if mask.dtype.name != "bool" and not mask.dtype.is_floating_point:
            return None
        full = (*lead, heads, queries, keys)
        if mask.ndim > query.ndim or broadcast_shapes(mask.shape, full) != full:
            return None
        mask = mask if mask.dtype.name == "bool" else _cast(mask, query.dtype)
        if query.ndim > 4 and mask.ndim > 3:
            mask = _reshape(_expand(mask, full), (batch, heads, queries, keys))
        operands.append(_reshape(mask, (1,) * (4 - mask.ndim) + tuple(mask.shape)))
    attended = _core.ops.attention(operands, factor, is_causal)[0]
    return _reshape(attended, (*query.shape[:-1], value.shape[-1]))


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, first: int | None, dropout_p: float
) -> Tensor:
    """Attention of some queries; `first` is the number of the first of them when they see no later keys."""
    scores = _matmul(query, _swapped(key))
    if first is not None:
        seen = _core.ops.tril(ones(query.shape[-2], key.shape[-2], dtype=bool_), first)
        scores = _where(seen, scores, -math.inf)
    if mask is None:
        weights = _softmax(scores, -1)
    else:  # a query that sees nothing gets zeros
        scores = _add(scores, mask)
        blind = _core.ops.all(_core.ops.eq(scores, -math.inf), scores.ndim - 1, True)
        weights = _where(blind, 0.0, _softmax(_where(blind, 0.0, scores), -1))
    if dropout_p:
        weights = _dropped(weights, dropout_p)
    return _matmul(weights, value)


def _heads(x: Tensor, batch: int, heads: int) -> Tensor:
    """(positions, batch, features) -> (batch * heads, positions, features / heads)"""
    positions, _, features = x.shape
    split = _reshape(x, (positions, batch * heads, features // heads))
    return _permute(split, (1, 0, 2))


def _projected(
    query: Tensor, key: Tensor, value: Tensor, weights: list[Tensor], bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    biases = (
        [None] * 3 if bias is None else [_slice(bias, 0, k * w.shape[0], 1, w.shape[0]) for k, w in enumerate(weights)]
    )
    q, k, v = (_core.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))
    return q, k, v


def _check(query: Tensor, key: Tensor, value: Tensor, embed_dim: int, heads: int, separate: bool) -> None:
    op = "multi_head_attention_forward"
    shapes = f"[{op}] query has shape {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    if query.ndim not in (2, 3) or key.ndim != query.ndim or value.ndim != query.ndim:
        raise AssertionError(f"{shapes}: all need two dimensions, or three with a batch")
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"{shapes}: expected {embed_dim} features")
    if heads < 1 or embed_dim % heads:
        raise AssertionError(f"[{op}] {embed_dim} features do not divide into {heads} heads")
    same = tuple(key.shape)[:-1] == tuple(value.shape)[:-1] if separate else key.shape == value.shape
    if not same:
        raise AssertionError(f"{shapes}: keys and values must agree")


def _mask_of_heads(mask: Tensor, batch: int, heads: int, queries: int, keys: int) -> Tensor:
    op = "multi_head_attention_forward"
    if mask.ndim == 2 and tuple(mask.shape) == (queries, keys):
        return _reshape(mask, (1, queries, keys))
    if mask.ndim == 3 and tuple(mask.shape) == (batch * heads, queries, keys):
        return mask
    raise RuntimeError(
        f"[{op}] attn_mask has shape {tuple(mask.shape)}: expected ({queries}, {keys}), or the same for each of "
        f"{batch * heads} heads"
    )


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Project, attend in several heads, and project again.

    Args:
        query: (queries, batch, features), or the same without batch.
        key: (keys, batch, key_features)
        value: (keys, batch, value_features)
        in_proj_weight: (3 * features, features), for queries, keys and values; None with separate weights.
        in_proj_bias: (3 * features,)
        bias_k: (1, 1, features), one more key; likewise `bias_v`.
        add_zero_attn: one more key and value, of zeros.
        key_padding_mask: (batch, keys), True where a key is left out, or a float that is added.
        need_weights: return the weights too.
        attn_mask: (queries, keys) or (batch * heads, queries, keys), True where a key is left out, or a float.
        static_k: (batch * heads, keys, features / heads), in place of projected keys; likewise `static_v`.
        average_attn_weights: return the mean of the heads' weights.
        is_causal: says that `attn_mask` is the causal one.

    Returns:
        (queries, batch, features), and the weights (batch, queries, keys) or None.

    Raises:
        AssertionError: shapes do not fit.
        RuntimeError: a mask does not fit.

    Example:
        >>> import pyflame as pf
        >>> x, w = pf.ones(3, 1, 2), pf.ones(6, 2)
        >>> y, weights = pf.ops.multi_head_attention_forward(
        ...     x, x, x, 2, 1, w, None, None, None, False, 0.0, pf.ones(2, 2), None)
        >>> y.shape, weights.shape
        (pyflame.Size([3, 1, 2]), pyflame.Size([1, 3, 3]))
    """
    op = "multi_head_attention_forward"
    _check(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    if is_causal and attn_mask is None:
        raise RuntimeError(f"[{op}] is_causal says what attn_mask is: give the mask too")
    single = query.ndim == 2
    if single:
        query, key, value = (_reshape(x, (x.shape[0], 1, x.shape[1])) for x in (query, key, value))
        if key_padding_mask is not None:
            key_padding_mask = _reshape(key_padding_mask, (1, *key_padding_mask.shape))
    queries, batch, features = query.shape
    if use_separate_proj_weight:
        separate = [w for w in (q_proj_weight, k_proj_weight, v_proj_weight) if w is not None]
        if len(separate) != 3:
            raise AssertionError(f"[{op}] use_separate_proj_weight needs the three weights")
    else:
        if in_proj_weight is None:
            raise AssertionError(f"[{op}] in_proj_weight is missing")
        separate = [_slice(in_proj_weight, 0, k * features, 1, features) for k in range(3)]
    q, k, v = _projected(query, key, value, separate, in_proj_bias)
    padding = None
    if key_padding_mask is not None:
        padding = _additive(op, "key_padding_mask", key_padding_mask, q.dtype, False)
    mask = None
    if attn_mask is not None:
        mask = _additive(op, "attn_mask", attn_mask, q.dtype, False)
        mask = _mask_of_heads(mask, batch, num_heads, queries, key.shape[0])
    more = 0
    if bias_k is not None and bias_v is not None:
        k = cat([k, _expand(bias_k, (1, batch, features))])
        v = cat([v, _expand(bias_v, (1, batch, features))])
        more += 1
    q, k, v = _heads(q, batch, num_heads), _heads(k, batch, num_heads), _heads(v, batch, num_heads)
    k, v = k if static_k is None else static_k, v if static_v is None else static_v
    if add_zero_attn:
        nothing = zeros(batch * num_heads, 1, features // num_heads, dtype=k.dtype)
        k, v = cat([k, nothing], 1), cat([v, nothing], 1)
        more += 1
    keys = k.shape[1]
    if more:
        mask = None if mask is None else pad(mask, (0, more))
        padding = None if padding is None else pad(padding, (0, more))
    if padding is not None:
        if tuple(padding.shape) != (batch, keys):
            raise AssertionError(f"[{op}] key_padding_mask is for {tuple(padding.shape)}, not ({batch}, {keys}) keys")
        each = _expand(_reshape(padding, (batch, 1, 1, keys)), (batch, num_heads, 1, keys))
        each = _reshape(each, (batch * num_heads, 1, keys))
        mask = each if mask is None else _add(mask, each)
    dropped = dropout_p if training else 0.0
    weights = None
    if need_weights:
        scores = _matmul(_mul(q, math.sqrt(1.0 / (features // num_heads))), _swapped(k))
        weights = _softmax(scores if mask is None else _add(scores, mask), -1)
        if dropped:
            weights = _dropped(weights, dropped)
        attended = _matmul(weights, v)
        weights = _reshape(weights, (batch, num_heads, queries, keys))
        if average_attn_weights:
            weights = _mean(weights, 1, False)
        weights = _reshape(weights, tuple(weights.shape)[1:]) if single else weights
    else:
        attended = scaled_dot_product_attention(q, k, v, mask, dropped)
    joined = _reshape(_permute(attended, (1, 0, 2)), (queries, batch, features))
    y = _core.linear(joined, out_proj_weight, out_proj_bias)
    return _reshape(y, (queries, y.shape[-1])) if single else y, weights
