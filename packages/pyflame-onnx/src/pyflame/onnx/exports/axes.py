"""Which axes of the inputs are dynamic, and tracing at several of their sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, product
from typing import Any

import numpy as np

import pyflame as pf
from pyflame.graph.ir import Graph

from .program import DynamicShapeError, Program

# How far the sizes of a trace are from the example's, by trace and symbol: distinct, so that sizes can be told apart.
OFFSETS = (2, 5, 3, 7, 1, 4, 6)
TRACES = 4
MOST_TRIES = 32
# What a model raises at sizes it does not take.
STOPS = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)


@dataclass(frozen=True)
class Axes:
    """The dynamic axes of a model.

    Attributes:
        inputs: input name -> axis -> symbol.
        outputs: output name -> axis -> symbol.
        sizes: symbol -> its size in the example.
    """

    inputs: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


def read_axes(
    dynamic: Mapping[str, Any] | None, inputs: Mapping[str, tuple[int, ...]], outputs: Sequence[str], what: str
) -> Axes:
    """Read what the caller says about dynamic axes.

    Args:
        dynamic: {name: {axis: label}} or {name: [axes]}; a label may be a string or have a `__name__`.
        inputs: input name -> shape of the example.
        outputs: output names.
        what: how messages call the argument.

    Raises:
        ValueError: a name or axis does not exist, or a symbol has two sizes.
    """
    found: dict[str, dict[int, str]] = {}
    sizes: dict[str, int] = {}
    for name, entry in (dynamic or {}).items():
        if name not in inputs and name not in outputs:
            known = ", ".join([*inputs, *outputs])
            raise ValueError(f"[onnx] {what} names {name!r}, which is neither input nor output: there are {known}")
        for axis, label in axis_labels(name, entry):
            if name not in inputs:
                found.setdefault(name, {})[axis] = label
                continue
            shape = inputs[name]
            if not -len(shape) <= axis < len(shape):
                raise ValueError(f"[onnx] {what}: {name} has {len(shape)} axes, there is no axis {axis}")
            axis %= len(shape)
            found.setdefault(name, {})[axis] = label
            if sizes.setdefault(label, shape[axis]) != shape[axis]:
                raise ValueError(
                    f"[onnx] {what}: axis {axis} of {name} is {label!r}, which is {sizes[label]} elsewhere, but has "
                    f"size {shape[axis]} in the example: equal names are equal sizes"
                )
    return Axes(
        {name: found[name] for name in found if name in inputs},
        {name: found[name] for name in found if name not in inputs},
        sizes,
    )


def axis_labels(name: str, entry: Any) -> list[tuple[int, str]]:
    """Axes with their labels; those without one are named after the value."""
    if entry is None:
        return []
    if isinstance(entry, Mapping):
        pairs = [(int(axis), label) for axis, label in entry.items() if label is not None]
    elif all(isinstance(one, int) for one in entry):
        pairs = [(axis, f"{name}_axis_{axis}") for axis in entry]
    else:  # one entry per axis, None where it is static
        pairs = [(axis, label) for axis, label in enumerate(entry) if label is not None]
    return [(axis, label if isinstance(label, str) else label.__name__) for axis, label in pairs]


def candidates(size: int) -> list[partial[int]]:
    """Ways to choose other sizes: larger, smaller, multiples."""
    steps = [1, *([size] if size > 1 else []), *(k for k in (2, 4, 8, 16, 32) if size % k == 0 and size > k)]
    signed = [sign * step for step in steps for sign in (1, -1) if size + sign * step * max(OFFSETS) > 1]
    return [partial(moved, size, step) for step in signed]


def moved(size: int, step: int, offset: int) -> int:
    """A size some steps away."""
    return size + step * offset


def trace_sizes(trace: Callable[[Mapping[str, int]], Graph], axes: Axes) -> Program:
    """Trace a model so that sizes which follow from dynamic axes can be told from constants.

    Args:
        trace: from sizes of the symbols to a graph.
        axes: the symbols and their example sizes.

    Raises:
        DynamicShapeError: the model does not run at other sizes, or computes something else there.
    """
    if not axes.sizes:
        return Program([trace({})])
    example = [trace(axes.sizes)] if min(axes.sizes.values()) > 1 else []  # axes of size 1 may broadcast
    first: Exception | None = None
    for chosen in islice(choices(trace, axes), MOST_TRIES):
        points = [
            {
                symbol: way(OFFSETS[(k * (j + 1) + 2 * j) % len(OFFSETS)])
                for j, (symbol, way) in enumerate(zip(axes.sizes, chosen))
            }
            for k in range(TRACES)
        ]
        try:
            return Program([*(trace(point) for point in points), *example])
        except STOPS as error:
            first = first or error
    raise refused(", ".join(map(repr, axes.sizes)), dict(axes.sizes), first)


def choices(trace: Callable[[Mapping[str, int]], Graph], axes: Axes) -> Iterator[tuple[partial[int], ...]]:
    """Ways of choosing sizes of all symbols: a little larger at first, then what works for each symbol alone."""
    plain = tuple(candidates(size)[0] for size in axes.sizes.values())
    yield plain
    yield from product(*(working(trace, axes, symbol, size) for symbol, size in axes.sizes.items()))


def working(trace: Callable[[Mapping[str, int]], Graph], axes: Axes, symbol: str, size: int) -> list[partial[int]]:
    """Ways of choosing sizes at which the model runs and has one structure."""
    first: Exception | None = None
    found = []
    for way in candidates(size):
        try:
            Program([trace({**axes.sizes, symbol: way(offset)}) for offset in OFFSETS[:2]])
        except STOPS as error:
            first = first or error
        else:
            found.append(way)
    if not found:
        raise refused(repr(symbol), size, first)
    return found


def refused(symbols: str, size: Any, error: Exception | None) -> DynamicShapeError:
    if isinstance(error, DynamicShapeError):
        return error
    return DynamicShapeError(
        f"[onnx] {symbols} cannot be dynamic: at other sizes than {size} the model stops with "
        f"{type(error).__name__}: {error}"
    )


def resized(example: pf.Tensor, shape: Sequence[int]) -> pf.Tensor:
    """An example of another shape, from the same values, so that indices stay in range."""
    values = example.to(pf.float32).numpy() if example.dtype is pf.bfloat16 else example.numpy()
    return pf.tensor(np.resize(values, tuple(shape)), dtype=example.dtype)
