"""Samples of fused ops: normalization and attention, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...dtypes import DType, bool_, float32, float64
from ..bridge import Array
from .model import FLOATS, Operand, OpInfo, Sample, draw, generator

Dims = tuple[int, ...]


def wide(dtype: DType) -> DType:
    return float64 if dtype is float64 else float32


# ---- normalization: shape of x, dimensions of a row (or groups), number of weights, memory of x
ROWS: tuple[tuple[Dims, int, int, str], ...] = (
    ((3, 5), 1, 0, "dense"), ((2, 3, 4), 2, 2, "dense"), ((3, 37), 1, 1, "transposed"), ((4, 6), 1, 2, "sliced"),
    ((4, 3), 1, 2, "expanded"), ((0, 3), 1, 2, "dense"), ((70, 130), 1, 2, "dense"),
)  # fmt: skip
GROUPS: tuple[tuple[Dims, int, int, str], ...] = (
    ((2, 4, 3), 2, 0, "dense"), ((2, 6, 5, 3), 3, 2, "dense"), ((3, 4, 17), 1, 1, "transposed"),
    ((2, 4, 3), 4, 2, "sliced"), ((0, 4, 3), 2, 2, "dense"), ((3, 8), 2, 2, "dense"), ((40, 4, 70), 2, 2, "dense"),
)  # fmt: skip


def weight_shape(name: str, shape: Dims, split: int) -> Dims:
    return (shape[1],) if name.startswith("group") else shape[len(shape) - split :]


def standard(name: str, x: Array, eps: float, split: int) -> tuple[Array, Array]:
    """The normalized elements, and what they were multiplied by."""
    grouped = name.startswith("group")
    size = x.size // (x.shape[0] * split) if grouped and x.size else 0
    rows = x.reshape(x.shape[0], split, size) if grouped else x
    dims = (2,) if grouped else tuple(range(x.ndim - split, x.ndim))
    if not x.size:
        return x, x
    centred = rows if name.startswith("rms") else rows - rows.mean(dims, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(dims, keepdims=True) + eps)
    return (centred * scale).reshape(x.shape), np.broadcast_to(scale, rows.shape).reshape(x.shape)


def along(name: str, weight: Array, x: Array) -> Array:
    return weight.reshape(-1, *(1,) * (x.ndim - 2)) if name.startswith("group") else weight


def norm(name: str) -> Callable[..., Array]:
    def reference(operands: Sequence[Array], eps: float, **split: int) -> Array:
        x, *rest = operands
        y, _ = standard(name, x, eps, *split.values())
        y = y * along(name, rest[0], x) if rest else y
        return y + along(name, rest[1], x) if len(rest) > 1 else y

    return reference


def norm_grad(name: str) -> Callable[..., tuple[Array, ...]]:
    def reference(operands: Sequence[Array], eps: float, **split: int) -> tuple[Array, ...]:
        grad, x, *rest = operands
        (count,) = split.values()
        y, scale = standard(name, x, eps, count)
        shape = weight_shape(name, x.shape, count)
        dims = (0, *range(2, x.ndim)) if name.startswith("group") else tuple(range(x.ndim - len(shape)))
        weights = [(grad * y).sum(dims).reshape(shape), grad.sum(dims).reshape(shape)]
        g = grad * along(name, rest[0], x) if rest else grad
        rows = (x.shape[0], count, -1) if name.startswith("group") else (-1, int(np.prod(shape)))
        if x.size:
            gr, yr = g.reshape(rows), y.reshape(rows)
            inner = yr * (gr * yr).mean(-1, keepdims=True)
            inner = inner if name.startswith("rms") else inner + gr.mean(-1, keepdims=True)
            g = (gr - inner).reshape(x.shape) * scale
        return (g, weights[0]) if name.startswith("rms") else (g, *weights)

    return reference


def norm_samples(name: str, gradient: bool) -> Callable[[DType], list[Sample]]:
    cases, attr = (GROUPS, "groups") if name.startswith("group") else (ROWS, "dims")

    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for shape, split, weights, memory in cases:
            operands = [Operand(draw(rng, shape, dtype, -2, 2), dtype, memory) for _ in range(1 + gradient)]
            own = weight_shape(name, shape, split)
            most = 1 if gradient or name.startswith("rms") else 2
            operands += [Operand(draw(rng, own, wide(dtype), -2, 2), wide(dtype)) for _ in range(min(weights, most))]
            small = operands[0].values.size < 100
            result.append(Sample((tuple(operands),), {"eps": 1e-3, attr: split}, differentiable=small))
        return result

    return samples


def norm_dtypes(name: str, gradient: bool) -> Callable[[Sample, DType], tuple[DType, ...] | DType]:
    def result(sample: Sample, dtype: DType) -> tuple[DType, ...] | DType:
        more = (wide(dtype),) * (1 if name.startswith("rms") else 2)
        return (dtype, *more) if gradient else dtype

    return result


# ---- attention: batch, heads, groups, queries, keys, features, value features, causal, mask, memory
ATTENTION: tuple[tuple[int, int, int, int, int, int, int, bool, str, str], ...] = (
    (1, 2, 2, 3, 4, 5, 2, False, "", "dense"), (2, 4, 2, 4, 3, 2, 3, True, "", "dense"),
    (1, 2, 1, 3, 5, 4, 4, False, "bool", "transposed"), (2, 2, 2, 3, 4, 3, 3, False, "float", "sliced"),
    (2, 2, 1, 3, 4, 3, 3, True, "float", "expanded"), (1, 1, 1, 0, 4, 2, 2, False, "", "dense"),
    (1, 1, 1, 2, 0, 2, 2, False, "", "dense"), (1, 2, 1, 100, 150, 20, 33, True, "", "dense"),
    (1, 1, 1, 60, 200, 8, 16, False, "bool", "dense"),
)  # fmt: skip


def scores(q: Array, k: Array, mask: Array | None, scale: float, causal: bool) -> Array:
    found = q @ np.swapaxes(k, -1, -2) * scale
    if causal:
        found = np.where(np.tril(np.ones(found.shape[-2:], bool)), found, -np.inf)
    if mask is not None:
        found = np.where(mask, found, -np.inf) if mask.dtype == np.bool_ else found + mask
    return found


def attend(operands: Sequence[Array], scale: float, causal: bool) -> tuple[Array, ...]:
    """Result, total and weights, with keys and values repeated for the heads that share them."""
    q, k, v, *rest = operands
    each = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, each, 1) for x in (k, v))
    found = scores(q, k, rest[0] if rest else None, scale, causal)
    top = np.max(found, -1, keepdims=True, initial=-np.inf)
    powers = np.exp(found - np.where(np.isinf(top), 0, top))
    total = powers.sum(-1, keepdims=True)
    blind = total == 0
    weights = np.where(blind, 0.0, powers / np.where(blind, 1, total))
    logs = np.where(blind, np.inf, np.log(np.where(blind, 1, total)) + np.where(blind, 0, top))
    return weights @ v, logs[..., 0], weights


def attention(operands: Sequence[Array], scale: float, causal: bool) -> tuple[Array, ...]:
    return attend(operands, scale, causal)[:2]


def attention_grad(operands: Sequence[Array], scale: float, causal: bool) -> tuple[Array, ...]:
    grad, _, _, q, k, v, *_ = operands
    _, _, weights = attend(operands[3:], scale, causal)
    groups, each = k.shape[1], q.shape[1] // k.shape[1]
    shared = [np.repeat(x, each, 1) for x in (k, v)]

    def gathered(x: Array) -> Array:
        return x.reshape(x.shape[0], groups, each, *x.shape[2:]).sum(2)

    slopes = grad @ np.swapaxes(shared[1], -1, -2)
    slopes = weights * (slopes - (slopes * weights).sum(-1, keepdims=True)) * scale
    back = np.swapaxes(slopes, -1, -2) @ q, np.swapaxes(weights, -1, -2) @ grad
    return slopes @ shared[0], gathered(back[0]), gathered(back[1])


def attention_samples(gradient: bool) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator("attention")
        result = []
        for n, h, g, queries, keys, d, e, causal, kind, memory in ATTENTION:
            shapes: list[Dims] = [(n, h, queries, d), (n, g, keys, d), (n, g, keys, e)]
            operands = [Operand(draw(rng, shape, dtype, -1, 1), dtype, memory) for shape in shapes]
            if kind == "bool":
                seen = rng.random((1, h, queries, keys)) > 0.3
                seen[:, :, 0] = False  # a query that sees nothing
                operands.append(Operand(seen, bool_))
            elif kind:
                operands.append(Operand(draw(rng, (n, 1, queries, keys), dtype, -1, 1), dtype))
            attrs: dict[str, Any] = {"scale": 0.4, "causal": causal}
            if gradient:
                values = [operand.values for operand in operands]
                out, total, _ = attend(values, **attrs)
                operands = [
                    Operand(draw(rng, out.shape, dtype, -1, 1), dtype),
                    Operand(out, dtype),
                    Operand(total, wide(dtype)),
                    *operands,
                ]
            smooth = 0 < queries * keys < 100 and kind != "bool"  # totals of rows that see nothing are infinite
            result.append(Sample((tuple(operands),), attrs, differentiable=smooth))
        return result

    return samples


def attention_dtypes(sample: Sample, dtype: DType) -> tuple[DType, ...]:
    return dtype, wide(dtype)


def three(sample: Sample, dtype: DType) -> tuple[DType, ...]:
    return (dtype,) * 3


FUSED = [
    *(
        OpInfo(name, norm_samples(name, False), norm(name), FLOATS, norm_dtypes(name, False), slack=8)
        for name in ("layer_norm", "rms_norm", "group_norm")
    ),
    *(
        OpInfo(f"{name}_grad", norm_samples(name, True), norm_grad(name), FLOATS, norm_dtypes(name, True), slack=64)
        for name in ("layer_norm", "rms_norm", "group_norm")
    ),
    OpInfo("attention", attention_samples(False), attention, FLOATS, attention_dtypes, slack=16),
    OpInfo("attention_grad", attention_samples(True), attention_grad, FLOATS, three, slack=64),
]
