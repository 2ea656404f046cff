"""Samples of the layer of recurrent cells, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...dtypes import DType, float32, float64
from ..bridge import Array
from .model import Operand, OpInfo, Sample, draw, generator

TANH, RELU, LSTM, GRU = range(4)
GATES = {TANH: 1, RELU: 1, LSTM: 4, GRU: 3}
# cell, reverse, steps, batch, hidden, memory
CASES: tuple[tuple[int, bool, int, int, int, str], ...] = (
    (TANH, False, 3, 2, 4, "dense"), (RELU, True, 3, 2, 4, "transposed"), (LSTM, False, 3, 2, 4, "dense"),
    (LSTM, True, 2, 3, 5, "sliced"), (GRU, False, 3, 2, 4, "expanded"), (GRU, True, 2, 1, 3, "dense"),
    (LSTM, False, 1, 2, 3, "dense"), (TANH, False, 2, 0, 3, "dense"), (LSTM, False, 5, 7, 19, "dense"),
    (GRU, True, 6, 33, 20, "dense"), (TANH, False, 4, 3, 40, "dense"),
)  # fmt: skip


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def layer(operands: Sequence[Array], cell: int, reverse: bool) -> tuple[Array, ...]:
    x, weight, bias, h, *rest = operands
    steps = range(x.shape[0])
    c = rest[0] if rest else None
    found: dict[int, tuple[Array, ...]] = {}
    for t in reversed(steps) if reverse else steps:
        a, b = x[t], h @ weight.T + bias
        one, two = (np.split(v, GATES[cell], 1) for v in (a, b))
        if cell == LSTM:
            i, f, o = (sigmoid(one[k] + two[k]) for k in (0, 1, 3))
            g = np.tanh(one[2] + two[2])
            c = f * c + i * g
            h = o * np.tanh(c)
            found[t] = h, c, np.concatenate([i, f, g, o], 1)
        elif cell == GRU:
            r, z = (sigmoid(one[k] + two[k]) for k in (0, 1))
            fresh = np.tanh(one[2] + r * two[2])
            h = (h - fresh) * z + fresh
            found[t] = h, np.concatenate([r, z, fresh, two[2]], 1)
        else:
            h = np.tanh(a + b) if cell == TANH else np.maximum(a + b, 0)
            found[t] = (h,)
    return tuple(np.stack([found[t][k] for t in steps]) for k in range(len(found[0])))


def layer_grad(operands: Sequence[Array], cell: int, reverse: bool) -> tuple[Array, ...]:
    """By complex steps: exact to rounding, and independent of how the kernel derives."""
    upstream = 2 if cell == LSTM else 1
    results = {LSTM: 3, GRU: 2}.get(cell, 1)
    seeds, inputs = operands[:upstream], [np.array(v, dtype=complex) for v in operands[upstream + results :]]
    wanted = {LSTM: (0, 1, 3, 4), GRU: (0, 1, 2, 3)}.get(cell, (0, 1, 3))
    gradients = []
    for k in wanted:
        gradient = np.zeros(inputs[k].shape)
        for place in np.ndindex(gradient.shape):
            moved = [v.copy() for v in inputs]
            moved[k][place] += 1e-30j
            outputs = layer_complex(moved, cell, reverse)
            gradient[place] = sum((seed * out.imag).sum() for seed, out in zip(seeds, outputs)) / 1e-30
        gradients.append(gradient)
    return tuple(gradients)


def layer_complex(operands: Sequence[Array], cell: int, reverse: bool) -> tuple[Array, ...]:
    if cell != RELU:
        return layer(operands, cell, reverse)
    x, weight, bias, h = operands
    found: dict[int, Array] = {}
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        sums = x[t] + h @ weight.T + bias
        h = found[t] = np.where(sums.real > 0, sums, 0)
    return (np.stack([found[t] for t in range(len(x))]),)


def samples(gradient: bool) -> Callable[[DType], list[Sample]]:
    def make(dtype: DType) -> list[Sample]:
        rng = generator("recurrent")
        result = []
        for cell, reverse, steps, batch, hidden, memory in CASES:
            if gradient and batch * hidden > 20:
                continue  # the reference takes a run for each number
            gates = GATES[cell] * hidden
            shapes: list[tuple[int, ...]] = [
                (steps, batch, gates), (gates, hidden), (gates,), *((batch, hidden),) * (2 if cell == LSTM else 1)
            ]  # fmt: skip
            operands = [Operand(draw(rng, s, dtype, -1, 1), dtype, memory if len(s) == 3 else "dense") for s in shapes]
            attrs: dict[str, Any] = {"cell": cell, "reverse": reverse}
            if gradient:
                made = layer([operand.values for operand in operands], **attrs)
                seeds = made[: 2 if cell == LSTM else 1]
                operands = [
                    *(Operand(draw(rng, seed.shape, dtype, -1, 1), dtype) for seed in seeds),
                    *(Operand(values, dtype) for values in made),
                    *operands,
                ]
            small = steps * batch * hidden < 50
            result.append(Sample((tuple(operands),), attrs, differentiable=small and batch > 0))
        return result

    return make


def result_dtypes(gradient: bool) -> Callable[[Sample, DType], DType | tuple[DType, ...]]:
    def result(sample: Sample, dtype: DType) -> DType | tuple[DType, ...]:
        cell = sample.attrs["cell"]
        count = {LSTM: 4, GRU: 4}.get(cell, 3) if gradient else {LSTM: 3, GRU: 2}.get(cell, 1)
        return (dtype,) * count

    return result


KINDS = (float64, float32)
RECURRENT = [
    OpInfo("recurrent", samples(False), layer, KINDS, result_dtypes(False), slack=8),
    OpInfo("recurrent_grad", samples(True), layer_grad, KINDS, result_dtypes(True), slack=64),
]
