"""Samples of creation, shape and matrix ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...dtypes import DType, bool_, float32, float64, int32, int64
from ..bridge import Array, rounded
from .model import ALL, MEMORY, Operand, OpInfo, Sample, draw, generator, smooth
from .unary import target_dtype

Case = tuple[tuple[int, ...], str, dict[str, Any]]


def cases(name: str, table: Sequence[Case]) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        return [
            Sample((Operand(draw(rng, shape, dtype, -4, 4), dtype, memory),), attrs) for shape, memory, attrs in table
        ]

    return samples


RESHAPE: list[Case] = [
    ((2, 3, 4), "dense", {"shape": (6, 4)}), ((2, 3, 4), "dense", {"shape": (-1,)}), ((6,), "dense", {"shape": (2, 3)}),
    ((3, 4), "transposed", {"shape": (12,)}), ((4, 3), "transposed", {"shape": (4, 3, 1)}),
    ((2, 3, 4), "transposed", {"shape": (2, 12)}), ((4, 6), "sliced", {"shape": (2, 2, 2, 3)}),
    ((4, 6), "sliced", {"shape": (24,)}), ((4, 3), "expanded", {"shape": (2, 2, 3)}),
    ((4, 3), "expanded", {"shape": (12,)}), ((), "dense", {"shape": (1, 1)}), ((1,), "dense", {"shape": ()}),
    ((0, 3), "dense", {"shape": (3, 0)}), ((0, 3), "dense", {"shape": (0,)}), ((1, 3), "dense", {"shape": (3, 1, 1)}),
]  # fmt: skip
EXPAND: list[Case] = [
    ((1, 3), "dense", {"shape": (4, 3)}), ((3,), "dense", {"shape": (2, -1)}), ((), "dense", {"shape": (2, 2)}),
    ((2, 1, 3), "dense", {"shape": (2, 4, 3)}), ((3, 1), "sliced", {"shape": (3, 5)}),
    ((1, 3), "transposed", {"shape": (2, 3)}), ((0, 1), "dense", {"shape": (0, 4)}),
    ((2, 3), "dense", {"shape": (2, 3)}),
]  # fmt: skip
PERMUTE: list[Case] = [
    ((2, 3, 4), "dense", {"dims": (2, 0, 1)}), ((2, 3), "dense", {"dims": (1, 0)}), ((), "dense", {"dims": ()}),
    ((2, 3, 4), "transposed", {"dims": (0, 2, 1)}), ((4, 3), "sliced", {"dims": (1, 0)}),
    ((3,), "dense", {"dims": (0,)}),
    ((0, 3), "dense", {"dims": (1, 0)}), ((4, 3), "expanded", {"dims": (1, 0)}),
]  # fmt: skip


def slices(dim: int, start: int, step: int, length: int) -> dict[str, int]:
    return {"dim": dim, "start": start, "step": step, "length": length}


SLICE: list[Case] = [
    ((5, 3), "dense", slices(0, 1, 2, 2)), ((2, 6), "dense", slices(-1, 0, 3, 2)), ((4,), "dense", slices(0, 2, 1, 0)),
    ((4, 4), "transposed", slices(1, 1, 1, 3)), ((4, 3), "sliced", slices(0, 0, 3, 2)),
    ((3,), "dense", slices(0, 0, 1, 3)),
    ((4, 3), "expanded", slices(0, 1, 1, 2)), ((0, 3), "dense", slices(1, 0, 1, 2)),
    ((7,), "dense", slices(0, 6, 5, 1)),
]  # fmt: skip


def embeds(dim: int, start: int, step: int, size: int) -> dict[str, int]:
    return {"dim": dim, "start": start, "step": step, "size": size}


EMBED: list[Case] = [
    ((2, 3), "dense", embeds(0, 1, 2, 5)), ((2, 3), "dense", embeds(-1, 0, 1, 3)),
    ((2, 3), "transposed", embeds(1, 1, 1, 6)),
    ((3, 2), "sliced", embeds(0, 0, 1, 4)), ((0,), "dense", embeds(0, 1, 1, 3)),
    ((3, 2), "expanded", embeds(0, 2, 3, 9)),
]  # fmt: skip
FLIP: list[Case] = [
    ((2, 3, 4), "dense", {"dims": (0,)}), ((2, 3, 4), "dense", {"dims": (-1, 1)}), ((2, 3), "dense", {"dims": None}),
    ((3, 4), "transposed", {"dims": (0,)}), ((4, 3), "sliced", {"dims": (0, 1)}), ((4, 3), "expanded", {"dims": (0,)}),
    ((), "dense", {"dims": (0,)}), ((0, 2), "dense", {"dims": (0,)}),
]  # fmt: skip
ALIAS: list[Case] = [
    ((2, 3), "dense", {}), ((3, 4), "transposed", {}), ((4, 3), "sliced", {}), ((4, 3), "expanded", {}),
    ((), "dense", {}),
    ((0, 2), "dense", {}),
]  # fmt: skip
TRIANGLE: list[Case] = [
    *(((3, 4), memory, {"diagonal": d}) for memory in MEMORY for d in (-1, 0, 2)),
    ((2, 3, 3), "dense", {}), ((0, 3), "dense", {}), ((2, 2), "dense", {"diagonal": -9}),
    ((2, 2), "dense", {"diagonal": 9}),
]  # fmt: skip


def expand(x: Array, shape: tuple[int, ...]) -> Array:
    lead = len(shape) - x.ndim
    return np.broadcast_to(x, [x.shape[i - lead] if size == -1 else size for i, size in enumerate(shape)])


def sliced(x: Array, dim: int, start: int, step: int, length: int) -> Array:
    return np.take(x, start + step * np.arange(length), axis=dim)


def embed(x: Array, dim: int, start: int, step: int, size: int) -> Array:
    shape = list(x.shape)
    shape[dim] = size
    out = np.zeros(shape, x.dtype)
    window: list[slice] = [slice(None)] * x.ndim
    window[dim] = slice(start, start + step * x.shape[dim], step)
    out[tuple(window)] = x
    return out


def flip(x: Array, dims: tuple[int, ...] | None) -> Array:
    return np.flip(x, dims if x.ndim else ())


def cat_samples(dtype: DType) -> list[Sample]:
    rng = generator("cat")

    def parts(dim: int, *operands: tuple[tuple[int, ...], str]) -> Sample:
        tensors = tuple(Operand(draw(rng, shape, dtype, -4, 4), dtype, memory) for shape, memory in operands)
        return Sample((tensors,), {"dim": dim})

    dense, many = "dense", [((1, 2), "dense")] * 9
    return [
        parts(0, ((2, 3), dense), ((1, 3), dense)), parts(-1, ((2, 3), dense), ((2, 1), dense), ((2, 0), dense)),
        parts(1, ((2, 3, 2), "transposed"), ((2, 2, 2), "sliced")), parts(0, ((3, 3), "expanded"), ((2, 3), dense)),
        parts(0, ((4,), dense)), parts(0, *many), parts(0, ((0,), dense), ((0,), dense)),
    ]  # fmt: skip


def full_samples(dtype: DType) -> list[Sample]:
    value: Any = True if dtype is bool_ else 2.5 if dtype.is_floating_point else 7
    return [Sample((), {"value": value, "dtype": dtype, "shape": shape}) for shape in ((), (2, 3), (0, 2), (2000,))]


def full(value: Any, dtype: DType, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(rounded(value, dtype), shape)


def arange_samples(dtype: DType) -> list[Sample]:
    runs = ((0, 1, 5), (3, 2, 4), (5, 1, 0), (0, 1, 100)) + (() if dtype.name == "uint8" else ((2, -1, 5),))
    return [Sample((), {"start": a, "step": s, "length": n, "dtype": dtype}) for a, s, n in runs]


def arange(start: float, step: float, length: int, dtype: DType) -> Array:
    return rounded(start + step * np.arange(length), dtype)


def matmul_samples(dtype: DType) -> list[Sample]:
    rng = generator("matmul")
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 2)),
        ((2, 1, 3, 4), (3, 4, 2)), ((5, 2, 3), (3,)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((2, 3), (3, 0)),
        ((1, 1), (1, 1)), ((17, 33), (33, 19)), ((1, 40), (40, 21)), ((21, 40), (40, 1)),
    ]  # fmt: skip

    def values(shape: tuple[int, ...]) -> Array:
        return smooth(rng, shape, -2, 2) if dtype.is_floating_point else draw(rng, shape, dtype, -3, 4)

    result = [
        Sample((Operand(values(a), dtype), Operand(values(b), dtype)), differentiable=math.prod(a) < 50)
        for a, b in shapes
    ]
    for left, right in (("transposed", "dense"), ("dense", "transposed"), ("transposed", "transposed"),
                        ("sliced", "expanded"), ("expanded", "sliced")):  # fmt: skip
        result.append(Sample((Operand(values((3, 4)), dtype, left), Operand(values((4, 5)), dtype, right))))
        result.append(Sample((Operand(values((2, 3, 4)), dtype, left), Operand(values((2, 4, 2)), dtype, right))))
    return result


def linear_samples(dtype: DType) -> list[Sample]:
    rng = generator("linear")

    def operands(rows: tuple[int, ...], size: int, out: int, *memory: str) -> tuple[Operand, ...]:
        shapes = ((*rows, size), (out, size), (out,))
        values = (smooth(rng, s, -2, 2) if dtype.is_floating_point else draw(rng, s, dtype, -3, 4) for s in shapes)
        return tuple(Operand(v, dtype, m) for v, m in zip(values, memory or ("dense",) * 3))

    plain = [
        ((2,), 3, 4),
        ((), 3, 4),
        ((2, 2), 3, 2),
        ((1,), 1, 1),
        ((0,), 3, 2),
        ((2,), 0, 3),
        ((2,), 3, 0),
        ((), 2, 1),
    ]
    result = [Sample(operands(*shapes)) for shapes in plain]
    result += [Sample(operands((17,), 33, 19), differentiable=False)]
    for memory in (("transposed", "dense", "sliced"), ("dense", "transposed", "dense"), ("sliced", "expanded", "expanded"),
                   ("expanded", "sliced", "dense")):  # fmt: skip
        result += [Sample(operands((2,), 3, 4, *memory)), Sample(operands((2, 2), 3, 2, *memory))]
    return result


def transposed_matmul_samples(dtype: DType) -> list[Sample]:
    rng = generator("transposed_matmul")

    def operands(k: int, n: int, m: int, *memory: str) -> tuple[Operand, ...]:
        values = (
            smooth(rng, s, -2, 2) if dtype.is_floating_point else draw(rng, s, dtype, -3, 4) for s in ((k, n), (k, m))
        )
        return tuple(Operand(v, dtype, how) for v, how in zip(values, memory or ("dense",) * 2))

    sizes = [(3, 2, 4), (1, 1, 1), (1, 3, 2), (0, 2, 3), (2, 0, 3), (2, 3, 0)]
    result = [Sample(operands(*size)) for size in sizes]
    result += [Sample(operands(33, 17, 19), differentiable=False)]
    for memory in (("transposed", "dense"), ("dense", "transposed"), ("sliced", "expanded"), ("expanded", "sliced")):
        result.append(Sample(operands(3, 2, 4, *memory)))
    return result


def linear(x: Array, weight: Array, bias: Array) -> Array:
    total: Array = x @ weight.T + bias
    return total


SHAPE = [
    OpInfo("full", full_samples, full, ALL, target_dtype),
    OpInfo("arange", arange_samples, arange, (float64, float32), target_dtype),
    OpInfo("arange_int", arange_samples, arange, (int64, int32), target_dtype),
    OpInfo("reshape", cases("reshape", RESHAPE), lambda x, shape: np.reshape(x, shape), ALL),
    OpInfo("expand", cases("expand", EXPAND), expand, ALL),
    OpInfo("permute", cases("permute", PERMUTE), lambda x, dims: np.transpose(x, dims), ALL),
    OpInfo("slice", cases("slice", SLICE), sliced, ALL),
    OpInfo("alias", cases("alias", ALIAS), lambda x: x, ALL),
    OpInfo("to_layout", cases("to_layout", [(s, m, {"layout": 0}) for s, m, _ in ALIAS]), lambda x, layout: x, ALL),
    OpInfo("embed", cases("embed", EMBED), embed, ALL),
    OpInfo("cat", cat_samples, lambda tensors, dim: np.concatenate(tensors, dim), ALL),
    OpInfo("flip", cases("flip", FLIP), flip, ALL),
    OpInfo("tril", cases("tril", TRIANGLE), lambda x, diagonal=0: np.tril(x, diagonal), ALL),
    OpInfo("triu", cases("triu", TRIANGLE), lambda x, diagonal=0: np.triu(x, diagonal), ALL),
    OpInfo("matmul", matmul_samples, np.matmul, ALL, slack=16),
    OpInfo("linear", linear_samples, linear, ALL, slack=16),
    OpInfo("transposed_matmul", transposed_matmul_samples, lambda a, b: a.T @ b, ALL, slack=16),
]
