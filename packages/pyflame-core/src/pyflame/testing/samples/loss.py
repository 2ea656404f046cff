"""Samples of the records that are losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...dtypes import DType, float32, float64, int64
from ..bridge import Array
from .model import FLOATS, Operand, OpInfo, Sample, draw, generator

Dims = tuple[int, ...]
# shape of the log-probabilities, ids to ignore, memory
CASES: tuple[tuple[Dims, int, str], ...] = (
    ((4, 3), -100, "dense"), ((4, 3), 1, "dense"), ((3,), -100, "dense"), ((2, 3, 2, 2), -100, "dense"),
    ((2, 5, 3), 4, "transposed"), ((4, 3), -100, "sliced"), ((4, 3), -100, "expanded"), ((1, 1), -100, "dense"),
)  # fmt: skip
NONE, MEAN, SUM = range(3)


def picks(target: Array, classes: int, ignore_index: int) -> Array:
    """One-hot rows along dimension 1 (or 0 for a single sample), zero where ignored."""
    ids = np.arange(classes).reshape(-1, *(1,) * (target.ndim - 1)) if target.ndim else np.arange(classes)
    hot = (np.expand_dims(target, min(target.ndim, 1)) == ids) & np.expand_dims(
        target != ignore_index, min(target.ndim, 1)
    )
    return hot.astype(np.float64)


def nll_loss(x: Array, target: Array, ignore_index: int, reduction: int) -> Array:
    dim = min(target.ndim, 1)
    loss = -(x * picks(target, x.shape[dim], ignore_index)).sum(dim)
    if reduction == NONE:
        return loss
    return loss.sum() / (target != ignore_index).sum() if reduction == MEAN else loss.sum()


def nll_loss_grad(grad: Array, target: Array, ignore_index: int, reduction: int, classes: int) -> Array:
    if reduction == MEAN:
        grad = grad / (target != ignore_index).sum()
    spread = np.expand_dims(np.broadcast_to(grad, target.shape), min(target.ndim, 1))
    return -spread * picks(target, classes, ignore_index)


def ids(rng: np.random.Generator, shape: Dims, memory: str) -> tuple[int, Operand]:
    dim = min(len(shape) - 1, 1)
    target = rng.integers(0, shape[dim], shape[:dim] + shape[dim + 1 :])
    return shape[dim], Operand(target, int64, memory_of(target.shape, memory))


def memory_of(shape: Dims, memory: str) -> str:
    return memory if len(shape) > (memory == "transposed") else "dense"


def log_softmax(x: Array) -> Array:
    shifted = x - x.max(1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def class_cross_entropy(x: Array, target: Array, ignore_index: int, reduction: int) -> tuple[Array, Array]:
    return nll_loss(log_softmax(x), target, ignore_index, reduction), log_softmax(x)


def class_cross_entropy_grad(grad: Array, log_probs: Array, target: Array, ignore_index: int, reduction: int) -> Array:
    rows = nll_loss_grad(grad, target, ignore_index, reduction, log_probs.shape[1])
    return rows - np.exp(log_probs) * rows.sum(1, keepdims=True)


Cases = tuple[tuple[Dims, int, str], ...]
ROWS: Cases = (
    ((4, 3), -100, "dense"), ((4, 3), 1, "sliced"), ((4, 3), -100, "transposed"), ((1, 1), -100, "dense"),
    ((3, 100), 2, "dense"), ((70, 40), 7, "dense"),
)  # fmt: skip


def loss_samples(name: str, cases: Cases, highest: int) -> Callable[[DType], list[Sample]]:
    """Losses of elements from -4 to `highest`."""

    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for shape, ignore_index, memory in cases:
            _, target = ids(rng, shape, memory)
            x = Operand(draw(rng, shape, dtype, -4, highest), dtype, memory)
            for reduction in (NONE, MEAN, SUM):
                result.append(Sample((x, target), {"ignore_index": ignore_index, "reduction": reduction}))
        empty = Operand(np.zeros((0, 3)), dtype), Operand(np.zeros(0), int64)
        return [*result, Sample(empty, {"ignore_index": -100, "reduction": SUM})]

    return samples


def grad_samples(name: str, cases: Cases, reads_x: bool) -> Callable[[DType], list[Sample]]:
    """Gradients of losses; reads_x: they take the log-probabilities, else the number of classes."""

    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []

        def add(classes: int, grad: Operand, x: Operand, target: Operand, attrs: dict[str, Any]) -> None:
            operands = (grad, x, target) if reads_x else (grad, target)
            result.append(Sample(operands, attrs if reads_x else {**attrs, "classes": classes}))

        for shape, ignore_index, memory in cases:
            classes, target = ids(rng, shape, memory)
            x = Operand(draw(rng, shape, dtype, -4, 0), dtype, memory)
            for reduction in (NONE, MEAN, SUM):
                grad_shape = target.values.shape if reduction == NONE else ()
                grad = Operand(draw(rng, grad_shape, dtype, -4, 4), dtype, memory_of(grad_shape, memory))
                add(classes, grad, x, target, {"ignore_index": ignore_index, "reduction": reduction})
        none = Operand(np.zeros(0), dtype)
        attrs = {"ignore_index": -100, "reduction": NONE}
        add(3, none, Operand(np.zeros((0, 3)), dtype), Operand(np.zeros(0), int64), attrs)
        return result

    return samples


def both(sample: Sample, dtype: DType) -> tuple[DType, ...]:
    return dtype, dtype


ENTROPY, ENTROPY_GRAD = "class_cross_entropy", "class_cross_entropy_grad"
NATIVE = (float32, float64)
LOSS = [
    OpInfo("nll_loss", loss_samples("nll_loss", CASES, 0), nll_loss, FLOATS),
    OpInfo("nll_loss_grad", grad_samples("nll_loss_grad", CASES, False), nll_loss_grad, FLOATS),
    OpInfo(ENTROPY, loss_samples(ENTROPY, ROWS, 4), class_cross_entropy, NATIVE, both, slack=8),
    OpInfo(ENTROPY_GRAD, grad_samples(ENTROPY_GRAD, ROWS, True), class_cross_entropy_grad, NATIVE, slack=8),
]
