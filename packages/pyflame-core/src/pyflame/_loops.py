"""Methods that call a Python function for each element, on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ._conversion import host
from ._inplace import copy_

if TYPE_CHECKING:
    from ._tensor import Tensor


def apply_(x: Tensor, function: Callable[[Any], Any]) -> Tensor:
    """Replace each element by the result of a Python function.

    Raises:
        TypeError: the tensor requires grad.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1.0, 2.0]).apply_(lambda value: value + 1)
        tensor([2., 3.])
    """
    return _replace("apply_", x, [x], function)


def map_(x: Tensor, other: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by the result of a Python function of it and the element of another tensor.

    Raises:
        TypeError: the tensor requires grad.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1, 2]).map_(pf.tensor([3, 4]), lambda a, b: a * b)
        tensor([3, 8])
    """
    return _replace("map_", x, [x, other.expand(x.shape)], function)


def _replace(op: str, x: Tensor, operands: list[Tensor], function: Callable[..., Any]) -> Tensor:
    if any(operand.requires_grad for operand in operands):
        raise TypeError(f"[{op}] a Python function has no gradient: use detach()")
    columns = [host(operand).ravel().tolist() for operand in operands]
    values = np.array([function(*row) for row in zip(*columns)]).reshape(tuple(x.shape))
    return copy_(x, values if values.size else x.clone())
