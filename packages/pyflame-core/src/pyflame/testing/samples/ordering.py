"""Samples of sorting, selection by order, and binary search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...dtypes import DType
from ..bridge import Array
from .model import ALL, NUMBERS, Operand, OpInfo, Sample, draw, generator, int64_dtype
from .scan import LINES, SPECIAL, with_places

Attrs = dict[str, Any]


def flat(x: Array) -> Array:
    return x.reshape(x.shape or (1,))


def order(x: Array, dim: int, descending: bool = False) -> Array:
    """The stable order along `dim`, NaN largest."""
    lines = np.moveaxis(flat(x), dim, 0)
    if descending:
        places = len(lines) - 1 - np.argsort(lines[::-1], axis=0, kind="stable")[::-1]
    else:
        places = np.argsort(lines, axis=0, kind="stable")
    return np.moveaxis(places, 0, dim)


def sort(x: Array, dim: int, descending: bool = False) -> tuple[Array, Array]:
    places = order(x, dim, descending)
    return np.take_along_axis(flat(x), places, dim).reshape(x.shape), places.reshape(x.shape)


def topk(x: Array, dim: int, k: int, largest: bool = True, sorted: bool = True) -> tuple[Array, Array]:
    places = np.take(order(x, dim, largest), range(k), dim)
    values = np.take_along_axis(flat(x), places, dim)
    return (values, places) if x.ndim else (values.reshape(()), places.reshape(()))


def picked(x: Array, dim: int, keepdim: bool, places: Array) -> tuple[Array, Array]:
    """The elements at one place of each line, given with the dimension kept."""
    values = np.take_along_axis(flat(x), places, dim)
    if x.ndim == 0:
        return values.reshape(()), places.reshape(())
    return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))


def kthvalue(x: Array, dim: int, k: int, keepdim: bool = False) -> tuple[Array, Array]:
    return picked(x, dim, keepdim, np.take(order(x, dim), [k - 1], dim))


def middle(ignores_nan: bool) -> Callable[..., tuple[Array, Array]]:
    def reference(x: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
        nan = np.isnan(flat(x))
        present = np.sum(~nan, axis=dim, keepdims=True)
        length = flat(x).shape[dim]
        if ignores_nan:
            ranks = np.maximum(present - 1, 0) // 2
        else:
            ranks = np.where(present < length, present, (length - 1) // 2)
        return picked(x, dim, keepdim, np.take_along_axis(order(x, dim), ranks, dim))

    return reference


def most_frequent(line: Array) -> int:
    """The last place of the smallest of the most frequent elements."""
    keys = np.where(np.isnan(line), np.inf, line)
    values, counts = np.unique(keys, return_counts=True)
    return int(np.flatnonzero(keys == values[counts == counts.max()].min())[-1])


def mode(x: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    lines = np.moveaxis(flat(x), dim, -1)
    places = np.empty((*lines.shape[:-1], 1), np.int64)
    for at in np.ndindex(lines.shape[:-1]):
        places[at] = most_frequent(lines[at])
    return picked(x, dim, keepdim, np.moveaxis(places, -1, dim))


def searchsorted(sorted: Array, values: Array, right: bool = False) -> Array:
    side: Any = "right" if right else "left"
    if sorted.ndim == 1:
        return np.asarray(np.searchsorted(sorted, values, side))
    out = np.empty(values.shape, np.int64)
    for at in np.ndindex(values.shape[:-1]):
        out[at] = np.searchsorted(sorted[at], values[at], side)
    return out


def line_samples(name: str, *choices: Callable[[int], Attrs], empty: bool = True) -> Callable[[DType], list[Sample]]:
    """Lines of every kind; the choices, one after the other, say which other attributes a line of a length gets."""

    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for k, (shape, memory, dim) in enumerate(LINES):
            length = shape[dim] if shape else 1
            if not length and not empty:
                continue
            operand = Operand(draw(rng, shape, dtype, -4, 4), dtype, memory)
            attrs = {"dim": dim, **choices[k % len(choices)](length)}
            tied = memory == "expanded" or operand.values.size >= 50
            result.append(Sample((operand,), attrs, differentiable=not tied))
        values = [SPECIAL] if dtype.is_floating_point else [np.array([[1, 2, 1, 2], [0, 0, 1, 1]])]
        for special in (*values, np.tile(np.arange(40) % 7, (3, 40))):
            for choice in choices:
                operand = Operand(special, dtype)
                result.append(Sample((operand,), {"dim": 1, **choice(special.shape[1])}, differentiable=False))
        return result

    return samples


def search_samples(dtype: DType) -> list[Sample]:
    rng = generator("searchsorted")
    cases: list[tuple[tuple[int, ...], tuple[int, ...], str]] = [
        ((5,), (7,), "dense"), ((5,), (2, 3), "dense"), ((5,), (), "dense"), ((0,), (3,), "dense"),
        ((5,), (0,), "dense"), ((2, 3, 5), (2, 3, 4), "dense"), ((3, 5), (3, 2), "transposed"),
        ((3, 5), (3, 2), "sliced"), ((3, 5), (3, 2), "expanded"), ((2, 0), (2, 3), "dense"), ((2, 4), (2, 0), "dense"),
    ]  # fmt: skip
    result = []
    for k, (lines, shape, memory) in enumerate(cases):
        ordered = Operand(np.sort(draw(rng, lines, dtype, -3, 3), axis=-1), dtype, memory)
        values = Operand(draw(rng, shape, dtype, -4, 4), dtype, memory if len(shape) > 1 else "dense")
        result.append(Sample((ordered, values), {"right": k % 2 == 1}))
    ties = Operand(np.array([0, 1, 1, 1, 2]), dtype)
    result += [Sample((ties, Operand(np.array([0, 1, 2, 3]), dtype)), {"right": right}) for right in (False, True)]
    if dtype.is_floating_point:
        ends = Operand(np.array([-np.inf, 0.0, np.inf, np.nan]), dtype)
        result += [Sample((ends, ends), {"right": right}) for right in (False, True)]
    return result


def keep(length: int) -> Attrs:
    return {"keepdim": True}


def drop(length: int) -> Attrs:
    return {"keepdim": False}


ORDERING = [
    OpInfo("sort", line_samples("sort", lambda n: {}, lambda n: {"descending": True}), sort, ALL, with_places),
    OpInfo("topk", line_samples("topk", lambda n: {"k": n // 5 or min(n, 1)}, lambda n: {"k": (n + 1) // 2, "largest": False},
                                lambda n: {"k": min(n, 2)}), topk, NUMBERS, with_places),
    OpInfo("kthvalue", line_samples("kthvalue", lambda n: {"k": (n + 1) // 2, "keepdim": False},
                                    lambda n: {"k": 1, "keepdim": True}, empty=False), kthvalue, NUMBERS, with_places),
    OpInfo("median", line_samples("median", drop, keep, empty=False), middle(False), NUMBERS, with_places),
    OpInfo("nanmedian", line_samples("nanmedian", drop, keep, empty=False), middle(True), NUMBERS, with_places),
    OpInfo("mode", line_samples("mode", drop, keep, empty=False), mode, ALL, with_places),
    OpInfo("searchsorted", search_samples, searchsorted, ALL, int64_dtype),
]  # fmt: skip
