"""Samples of the sum over paths of connectionist temporal classification, and of its gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...dtypes import DType, float32, float64, int64
from ..bridge import Array
from .model import Operand, OpInfo, Sample, draw, generator

# steps, batch, classes, places, input lengths, target lengths, memory
CASES: tuple[tuple[int, int, int, int, tuple[int, ...], tuple[int, ...], str], ...] = (
    (4, 2, 3, 5, (4, 3), (2, 1), "dense"), (3, 1, 4, 3, (3,), (1,), "transposed"), (5, 2, 3, 5, (5, 4), (2, 0), "sliced"),
    (3, 2, 3, 3, (3, 1), (1, 1), "expanded"), (2, 0, 3, 3, (), (), "dense"), (9, 3, 5, 9, (9, 8, 9), (4, 3, 2), "dense"),
)  # fmt: skip


def path_sum(x: Array, labels: Array, steps: int, target: int, blank: int) -> Array:
    """Probabilities, not logarithms: numbers of any kind, complex ones included."""
    places = 2 * target + 1
    ids = labels[:places]
    p = np.exp(x[:, ids])
    alpha = np.where(np.arange(places) < 2, p[0], 0)
    for t in range(1, steps):
        moved = alpha + np.concatenate([[0], alpha[:-1]])
        jumps = np.concatenate([[0, 0], alpha[:-2]])[:places]
        before = np.concatenate([[-1, -1], ids[:-2]])[:places]
        moved = moved + np.where((ids != blank) & (ids != before) & (np.arange(places) > 1), jumps, 0)
        alpha = moved * p[t]
    return np.log(alpha[-2:].sum())


def ctc(x: Array, labels: Array, inputs: Array, targets: Array, blank: int) -> Array:
    each = [path_sum(x[:, b], labels[b], int(inputs[b]), int(targets[b]), blank) for b in range(x.shape[1])]
    return np.array(each) if each else np.zeros(0)


def ctc_grad(grad: Array, x: Array, labels: Array, inputs: Array, targets: Array, blank: int) -> Array:
    """By complex steps: exact to rounding."""
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1e-30j
        b = place[1]
        result[place] = grad[b] * path_sum(moved[:, b], labels[b], int(inputs[b]), int(targets[b]), blank).imag / 1e-30
    return result


def samples(gradient: bool) -> Callable[[DType], list[Sample]]:
    def make(dtype: DType) -> list[Sample]:
        rng = generator("ctc")
        result = []
        for steps, batch, classes, places, inputs, targets, memory in CASES:
            labels = np.zeros((batch, places), int)
            labels[:, 1::2] = rng.integers(1, classes, (batch, places // 2))
            operands = [
                Operand(draw(rng, (steps, batch, classes), dtype, -3, 0), dtype, memory),
                Operand(labels, int64),
                Operand(np.array(inputs, int), int64),
                Operand(np.array(targets, int), int64),
            ]
            if gradient:
                operands.insert(0, Operand(draw(rng, (batch,), dtype, 1, 2), dtype))
            result.append(Sample(tuple(operands), {"blank": 0}, differentiable=batch > 0))
        return result

    return make


CTC = [
    OpInfo("ctc", samples(False), ctc, (float64, float32), slack=16),
    OpInfo("ctc_grad", samples(True), ctc_grad, (float64, float32), slack=64),
]
