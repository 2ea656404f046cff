"""Comparing gradients with finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._tensor import Tensor
from .._types import Array
from ..autograd import grad
from ..ops.creation import from_array


def _outputs(function: Callable[..., Any], inputs: Sequence[Any]) -> list[Tensor]:
    result = function(*inputs)
    listed = [result] if isinstance(result, Tensor) else list(result)
    return [y for y in listed if y.dtype.is_floating_point]


def _numeric(function: Callable[..., Any], inputs: list[Any], place: int, weights: list[Array], eps: float) -> Array:
    """Central differences of the weighted sum of all outputs."""
    values = np.array(_core.to_array(_core.detach(inputs[place])))
    slope = np.zeros_like(values)
    for index in np.ndindex(values.shape):
        sums = []
        for step in (eps, -eps):
            moved = values.copy()
            moved[index] += step
            changed = [*inputs[:place], from_array(moved, inputs[place].dtype), *inputs[place + 1 :]]
            found = [_core.to_array(_core.detach(y)) for y in _outputs(function, changed)]
            sums.append(sum(float((y * weight).sum()) for y, weight in zip(found, weights)))
        slope[index] = (sums[0] - sums[1]) / (2.0 * eps)
    return slope


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Compare the gradients of a function with central differences, for random weights of its outputs.

    Args:
        function: from tensors to a tensor or a list of them.
        inputs: a tensor or a list; those that require grad must be float64.
        raise_exception: raise where gradients differ, instead of returning False.

    Raises:
        RuntimeError: gradients differ.
        ValueError: no input requires grad, or one that does is not float64.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], dtype=pf.float64, requires_grad=True)
        >>> pf.testing.gradcheck(lambda x: x * x, x)
        True
    """
    listed = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [place for place, x in enumerate(listed) if isinstance(x, Tensor) and x.requires_grad]
    if not places or any(listed[place].dtype.name != "float64" for place in places):
        raise ValueError("[gradcheck] at least one input must require grad, and those that do must be float64")
    outputs = _outputs(function, listed)
    draw = np.random.default_rng(0)
    weights = [draw.uniform(0.5, 1.5, tuple(y.shape)) for y in outputs]
    starts = [from_array(weight, y.dtype) for weight, y in zip(weights, outputs)]
    connected = [(y, start) for y, start in zip(outputs, starts) if y.requires_grad]
    wanted = [listed[place] for place in places]
    if connected:
        found = grad([y for y, _ in connected], wanted, [start for _, start in connected], materialize_grads=True)
    else:
        found = tuple(from_array(np.zeros(tuple(x.shape)), x.dtype) for x in wanted)
    for place, gradient in zip(places, found):
        expected = _numeric(function, listed, place, weights, eps)
        actual = _core.to_array(gradient)
        if np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True):
            continue
        if raise_exception:
            raise RuntimeError(
                f"[gradcheck] input {place}: gradient {actual.tolist()}, differences give {expected.tolist()}"
            )
        return False
    return True


def gradgradcheck(
    function: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3
) -> bool:
    """Compare second derivatives with central differences of the first ones.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], dtype=pf.float64, requires_grad=True)
        >>> pf.testing.gradgradcheck(lambda x: x * x * x, x)
        True
    """
    listed = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [place for place, x in enumerate(listed) if isinstance(x, Tensor) and x.requires_grad]

    def first(*args: Any) -> list[Tensor]:
        wanted = [x if x.requires_grad else _core.detach(x).requires_grad_() for x in (args[place] for place in places)]
        replaced = list(args)
        for place, x in zip(places, wanted):
            replaced[place] = x
        outputs = [y for y in _outputs(function, replaced) if y.requires_grad]
        draw = np.random.default_rng(1)
        starts = [from_array(draw.uniform(0.5, 1.5, tuple(y.shape)), y.dtype) for y in outputs]
        return list(grad(outputs, wanted, starts, create_graph=True, materialize_grads=True))

    return gradcheck(first, listed, eps=eps, atol=atol, rtol=rtol)
