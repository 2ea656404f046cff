"""Limits on the size of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pyflame import Tensor, amax, clamp, no_grad, square, stack


def gradients(parameters: Tensor | Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    found = [parameters] if isinstance(parameters, Tensor) else parameters
    return [(parameter, parameter.grad) for parameter in found if parameter.grad is not None]


def get_total_norm(tensors: Iterable[Tensor], norm_type: float = 2.0) -> Tensor:
    """Return the norm of all elements of the tensors, taken together.

    Raises:
        ValueError: there are no tensors.
    """
    tensors = list(tensors)
    if not tensors:
        raise ValueError("[get_total_norm] there are no tensors")
    with no_grad():
        if norm_type == math.inf:
            return amax(stack([amax(tensor.abs()) for tensor in tensors]))
        if norm_type == 2.0:
            return stack([square(tensor).sum() for tensor in tensors]).sum().sqrt()
        return stack([(tensor.abs() ** norm_type).sum() for tensor in tensors]).sum() ** (1.0 / norm_type)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor | float:
    """Scale all gradients down so that their total norm is at most `max_norm`; return the norm before.

    Args:
        error_if_nonfinite: raise if the norm is infinite or NaN, which evaluates the gradients.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> weight = nn.Parameter(pf.zeros(2))
        >>> weight.grad = pf.tensor([3.0, 4.0])
        >>> round(nn.utils.clip_grad_norm_([weight], 1.0).item(), 4)
        5.0
        >>> weight.grad
        tensor([0.6000, 0.8000])
    """
    found = gradients(parameters)
    if not found:
        return 0.0
    total = get_total_norm((gradient for _, gradient in found), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(f"[clip_grad_norm_] the total norm of order {norm_type} is {total.item()}")
    with no_grad():
        factor = clamp(max_norm / (total + 1e-6), max=1.0)
        for parameter, gradient in found:
            parameter.grad = gradient * factor.to(gradient.dtype)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of the gradients to between `-clip_value` and `clip_value`."""
    with no_grad():
        for parameter, gradient in gradients(parameters):
            parameter.grad = clamp(gradient, -clip_value, clip_value)
