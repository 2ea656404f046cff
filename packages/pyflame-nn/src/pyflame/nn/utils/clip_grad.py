"""Limits on the size of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pyflame import Tensor, amax, clamp, linalg, no_grad, ops, square, stack, tensor


def listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in listed(parameters) if parameter.grad is not None]


def check_finite(total: Tensor, norm_type: float) -> None:
    if not math.isfinite(total.item()):
        raise RuntimeError(
            f"[clip_grad_norm_] the total norm of order {norm_type} is {total.item()}: look for what makes the "
            f"gradients so, or pass error_if_nonfinite=False"
        )


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Return the norm of all elements of the tensors, taken together; zero without tensors.

    Args:
        norm_type: order of the norm, infinity for the largest absolute value.
        error_if_nonfinite: raise if the norm is infinite or NaN, which evaluates the tensors.
        foreach: no effect.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.utils.get_total_norm([pf.tensor([3.0]), pf.tensor([4.0])])
        tensor(5.)
    """
    found, order = listed(tensors), float(norm_type)
    if not found:
        return tensor(0.0)
    with no_grad():
        if order == 2.0:
            total = stack([square(one).sum() for one in found]).sum().sqrt()
        elif order == math.inf:
            total = amax(stack([amax(one.abs()) if one.numel() else tensor(0.0, dtype=one.dtype) for one in found]))
        else:
            total = linalg.vector_norm(stack([linalg.vector_norm(one, order) for one in found]), order)
    if error_if_nonfinite:
        check_finite(total, order)
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: Any = None
) -> None:
    """Scale all gradients down in place, by what brings a total norm to at most `max_norm`.

    Args:
        total_norm: as `get_total_norm` of the gradients returned it.
        foreach: no effect.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> weight = nn.Parameter(pf.zeros(1))
        >>> weight.grad = pf.tensor([4.0])
        >>> nn.utils.clip_grads_with_norm_(weight, 1.0, pf.tensor(8.0))
        >>> weight.grad
        tensor([0.5000])
    """
    with no_grad():
        factor = clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        for gradient in gradients(parameters):
            ops.assign(gradient, gradient * factor.to(gradient.dtype))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Scale all gradients down in place so that their total norm is at most `max_norm`; return the norm before.

    Args:
        norm_type: order of the norm, infinity for the largest absolute value.
        error_if_nonfinite: raise if the norm is infinite or NaN, which evaluates the gradients.
        foreach: no effect.

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
    found = listed(parameters)
    total = get_total_norm(gradients(found), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(found, max_norm, total)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: Any = None) -> None:
    """Limit every element of the gradients to between `-clip_value` and `clip_value`, in place.

    Args:
        foreach: no effect.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> weight = nn.Parameter(pf.zeros(2))
        >>> weight.grad = pf.tensor([3.0, -0.5])
        >>> nn.utils.clip_grad_value_(weight, 1.0)
        >>> weight.grad
        tensor([ 1.0000, -0.5000])
    """
    with no_grad():
        for gradient in gradients(parameters):
            ops.assign(gradient, clamp(gradient, -float(clip_value), float(clip_value)))
