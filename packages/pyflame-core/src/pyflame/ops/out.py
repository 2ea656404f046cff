"""`out=`: a result that goes to a tensor of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .results import ValuesIndices

if TYPE_CHECKING:
    from .._tensor import Tensor


def stored(op: str, out: Tensor, value: Tensor) -> Tensor:
    """Make `out`, and what shares its memory, take the value; an `out` without elements takes the shape too."""
    if _core.grad_enabled() and (value.requires_grad or out.requires_grad):
        raise RuntimeError(f"[{op}] out: the result would require grad, which a given tensor cannot: detach the inputs")
    if out.shape != value.shape:
        if out.numel() or out.ndim != 1:
            raise RuntimeError(
                f"[{op}] out has shape {tuple(out.shape)}, the result {tuple(value.shape)}: give one of that shape, "
                "or pyflame.empty(0)"
            )
        _core.become(out, _core.write(op, _core.ops.full(0, out.dtype, value.shape), value))
        return out
    return _core.write(op, out, value)


def stored_pair(op: str, out: tuple[Tensor, Tensor], found: ValuesIndices) -> ValuesIndices:
    """`stored` for results that are values and their places."""
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"[{op}] out: expected a tuple of two tensors, for values and indices")
    return ValuesIndices(*(stored(op, tensor, value) for tensor, value in zip(out, found)))
