"""Tensors that a model learns."""

from __future__ import annotations

from typing import Any

from . import _core
from ._tensor import Tensor
from .ops.creation import as_tensor


class Parameter(Tensor):
    """A tensor that modules register and optimizers update: a leaf of its own, with the values of `data`.

    Args:
        data: a tensor or what `tensor` accepts; None for no elements.
        requires_grad: whether gradients are wanted.

    Example:
        >>> import pyflame as pf
        >>> pf.Parameter(pf.zeros(2))
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
    """

    is_parameter = True

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        source = as_tensor([] if data is None else data)
        made: Parameter = Tensor.__new__(cls, _core.detach(source))
        if source is data:
            _core.share(made, source)
        if requires_grad:
            made.requires_grad = True
        return made

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        pass

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
