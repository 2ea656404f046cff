"""Derivatives of an op by samples against central differences along random directions, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _core
from .._tensor import Tensor
from ..dtypes import float64
from .bridge import Array, to_numpy, to_tensor
from .samples import Operand, OpInfo, Sample

STEP = 1e-5


def inner(left: Sequence[Array], right: Sequence[Array]) -> float:
    return sum(float(np.sum(a * b)) for a, b in zip(left, right, strict=True))


def moved(operands: Sequence[Operand], directions: Sequence[Array], by: float) -> list[Operand]:
    return [operand.with_values(operand.values + by * d) for operand, d in zip(operands, directions, strict=True)]


def random_directions(operands: Sequence[Operand], rng: np.random.Generator) -> list[Array]:
    """Zero for what is not differentiable; for expanded operands, a direction that keeps them so."""
    return [
        operand.with_values(rng.standard_normal(operand.values.shape)).values
        if operand.dtype is float64
        else np.zeros_like(operand.values)
        for operand in operands
    ]


def leaves(operands: Sequence[Operand]) -> list[Tensor]:
    tensors = [operand.tensor() for operand in operands]
    for tensor in tensors:
        if tensor.dtype is float64:
            tensor.requires_grad = True
    return tensors


def gradient(outputs: list[Tensor], upstream: list[Tensor], inputs: list[Tensor]) -> list[Tensor | None]:
    """Gradients with their own history; None where no path leads."""
    pairs = [(output, seed) for output, seed in zip(outputs, upstream, strict=True) if output.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    found: list[Tensor | None] = _core.gradients_of([p[0] for p in pairs], [p[1] for p in pairs], inputs, True, True)
    return found


def arrays(gradients: Sequence[Tensor | None], inputs: Sequence[Tensor]) -> list[Array]:
    return [
        np.zeros(tuple(tensor.shape)) if found is None else to_numpy(found)
        for found, tensor in zip(gradients, inputs, strict=True)
    ]


def check_gradients(info: OpInfo, sample: Sample) -> None:
    """First derivatives against differences of the NumPy reference, second against differences of the first."""
    rng = np.random.default_rng(7)
    operands = sample.operands()
    shapes = [(tuple(out.shape), out.dtype) for out in info.call(sample, [operand.tensor() for operand in operands])]
    smooth = [k for k, (_, dtype) in enumerate(shapes) if dtype is float64]
    upstream = [Operand(rng.standard_normal(shapes[k][0]), float64) for k in smooth]
    directions = random_directions(operands, rng)
    differentiable = [k for k, operand in enumerate(operands) if operand.dtype is float64]
    weights = [rng.standard_normal(operands[k].values.shape) for k in differentiable]

    def loss(at: Sequence[Operand]) -> float:
        results = info.expected(sample, [operand.values for operand in at])
        return inner([results[k] for k in smooth], [seed.values for seed in upstream])

    def first(at: Sequence[Operand], seeds: Sequence[Operand]) -> tuple[list[Tensor], list[Tensor | None]]:
        """The inputs (operands, then seeds) and the gradients of the operands."""
        inputs = leaves([*at, *seeds])
        outputs = info.call(sample, inputs[: len(at)])
        chosen = [inputs[k] for k in differentiable]
        return inputs, gradient([outputs[k] for k in smooth], inputs[len(at) :], chosen)

    inputs, gradients = first(operands, upstream)
    chosen = [inputs[k] for k in differentiable]
    analytic = inner(arrays(gradients, chosen), [directions[k] for k in differentiable])
    numeric = (loss(moved(operands, directions, STEP)) - loss(moved(operands, directions, -STEP))) / (2 * STEP)
    np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-6, err_msg=f"gradient of {sample}")
    if not sample.twice:
        return

    def weighted(by: float) -> float:
        at, seeds = moved(operands, directions, by), moved(upstream, seed_directions, by)
        tensors, found = first(at, seeds)
        return inner(arrays(found, [tensors[k] for k in differentiable]), weights)

    seed_directions = random_directions(upstream, rng)
    present = [(found, weight) for found, weight in zip(gradients, weights, strict=True) if found is not None]
    second = gradient([found for found, _ in present], [to_tensor(weight, float64) for _, weight in present],
                      [tensor for tensor in inputs if tensor.dtype is float64])  # fmt: skip
    along = [d for d, operand in zip(directions, operands, strict=True) if operand.dtype is float64] + seed_directions
    floating = [tensor for tensor in inputs if tensor.dtype is float64]
    analytic = inner(arrays(second, floating), along)
    numeric = (weighted(STEP) - weighted(-STEP)) / (2 * STEP)
    np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-5, err_msg=f"second derivative of {sample}")
