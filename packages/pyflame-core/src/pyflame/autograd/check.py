"""Comparing gradients with finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._tensor import Tensor
from .._types import Array
from ..ops.creation import from_array
from .engine import grad


class GradcheckError(RuntimeError):
    """A gradient differs from the finite differences it was compared with."""


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


def _check_inputs(op: str, inputs: Any) -> tuple[list[Any], list[int]]:
    listed = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [place for place, x in enumerate(listed) if isinstance(x, Tensor) and x.requires_grad]
    if not places:
        raise ValueError(f"[{op}] no input requires grad: set requires_grad=True on at least one")
    for place in places:
        if listed[place].dtype.name != "float64":
            warnings.warn(
                f"[{op}] input {place} requires grad and is {listed[place].dtype.name}: differences need float64",
                stacklevel=3,
            )
    return listed, places


def _undefined_is_zero(connected: Sequence[tuple[Tensor, Tensor]], wanted: Sequence[Tensor]) -> str | None:
    """What is wrong when one of several outputs has no gradient: that must count as zeros."""
    for skipped in range(len(connected) if len(connected) > 1 else 0):
        some = [pair for place, pair in enumerate(connected) if place != skipped]
        zeros = [(y, start * (place != skipped)) for place, (y, start) in enumerate(connected)]
        options = {"materialize_grads": True, "retain_graph": True}
        left = grad([y for y, _ in some], wanted, [w for _, w in some], **options)
        right = grad([y for y, _ in zeros], wanted, [w for _, w in zeros], **options)
        if not all(np.allclose(_core.to_array(a), _core.to_array(b), equal_nan=True) for a, b in zip(left, right)):
            return f"output {skipped} without a gradient gives another result than with zeros"
    return None


def _difference(
    function: Callable[..., Any],
    listed: list[Any],
    places: list[int],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_undefined_grad: bool,
    check_grad_dtypes: bool,
) -> str | None:
    """What is wrong with the gradients, None if nothing is."""
    outputs = _outputs(function, listed)
    draw = np.random.default_rng(0)
    weights = [draw.uniform(0.5, 1.5, tuple(y.shape)) for y in outputs]
    starts = [from_array(weight.astype(y.dtype.to_numpy()), y.dtype) for weight, y in zip(weights, outputs)]
    connected = [(y, start) for y, start in zip(outputs, starts) if y.requires_grad]
    wanted = [listed[place] for place in places]

    def gradients() -> tuple[Tensor, ...]:
        ends, weights = [y for y, _ in connected], [start for _, start in connected]
        return grad(ends, wanted, weights, retain_graph=True, materialize_grads=True)

    if connected:
        found = gradients()
    else:
        found = tuple(from_array(np.zeros(tuple(x.shape)), x.dtype) for x in wanted)
    for place, gradient in zip(places, found):
        if check_grad_dtypes and gradient.dtype is not listed[place].dtype:
            return f"input {place} is {listed[place].dtype.name}, its gradient {gradient.dtype.name}"
        expected = _numeric(function, listed, place, weights, eps)
        actual = _core.to_array(gradient)
        if not np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True):
            return f"input {place}: gradient {actual.tolist()}, differences give {expected.tolist()}"
    if not connected:
        return None
    for place, first, second in zip(places, found, gradients()):
        if not np.allclose(_core.to_array(first), _core.to_array(second), rtol=0, atol=nondet_tol, equal_nan=True):
            return f"input {place}: two backwards differ by more than {nondet_tol}"
    return _undefined_is_zero(connected, wanted) if check_undefined_grad else None


def gradcheck(
    function: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Compare the gradients of a function with central differences, for random weights of its outputs.

    Args:
        function: from tensors to a tensor or a list of them.
        inputs: a tensor or a list; those that require grad should be float64.
        eps: step of the differences.
        atol: largest absolute difference.
        rtol: largest difference relative to the numerical gradient.
        raise_exception: raise where gradients differ, instead of returning False.
        nondet_tol: how much two backwards may differ.
        check_undefined_grad: with several outputs, whether one without a gradient counts as zeros.
        check_grad_dtypes: whether gradients have the dtypes of their inputs.
        fast_mode: accepted; one random combination of the outputs is compared either way.

    Raises:
        GradcheckError: gradients differ; a RuntimeError.
        ValueError: no input requires grad.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], dtype=pf.float64, requires_grad=True)
        >>> pf.autograd.gradcheck(lambda x: x * x, x)
        True
    """
    listed, places = _check_inputs("gradcheck", inputs)
    wrong = _difference(function, listed, places, eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes)
    if wrong is not None and raise_exception:
        raise GradcheckError(f"[gradcheck] {wrong}")
    return wrong is None


def gradgradcheck(
    function: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Compare second derivatives with central differences of the first ones.

    Args:
        function: from tensors to a tensor or a list of them.
        inputs: a tensor or a list; those that require grad should be float64.
        grad_outputs: weights of the outputs; random ones if left out.
        gen_non_contig_grad_outputs: whether random weights have gaps between their elements.

    The other arguments are those of `gradcheck`.

    Raises:
        GradcheckError: derivatives differ.
        ValueError: no input requires grad.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], dtype=pf.float64, requires_grad=True)
        >>> pf.autograd.gradgradcheck(lambda x: x * x * x, x)
        True
    """
    listed, places = _check_inputs("gradgradcheck", inputs)
    given = [grad_outputs] if isinstance(grad_outputs, Tensor) else grad_outputs

    def weight(draw: np.random.Generator, y: Tensor) -> Tensor:
        made = from_array(draw.uniform(0.5, 1.5, tuple(y.shape)).astype(y.dtype.to_numpy()), y.dtype)
        if not gen_non_contig_grad_outputs or not y.ndim:
            return made
        return _core.ops.cat([made, made], y.ndim - 1)[..., : y.shape[-1]]

    def first(*args: Any) -> list[Tensor]:
        wanted = [x if x.requires_grad else _core.detach(x).requires_grad_() for x in (args[place] for place in places)]
        replaced = list(args)
        for place, x in zip(places, wanted):
            replaced[place] = x
        outputs = _outputs(function, replaced)
        draw = np.random.default_rng(1)
        starts = list(given) if given is not None else [weight(draw, y) for y in outputs]
        pairs = [(y, start) for y, start in zip(outputs, starts) if y.requires_grad]
        ends, weights = [y for y, _ in pairs], [start for _, start in pairs]
        return list(grad(ends, wanted, weights, create_graph=True, materialize_grads=True))

    return gradcheck(
        first,
        listed,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode,
    )
