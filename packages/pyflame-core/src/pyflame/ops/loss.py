"""Losses with a record of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from ..dtypes import int64
from .direct import direct

if TYPE_CHECKING:
    from .._tensor import Tensor

_cast = _core.ops.cast
_class_cross_entropy = _core.class_cross_entropy
_nll_loss = _core.ops.nll_loss

_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


@direct
def class_cross_entropy(x: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean") -> Tensor | None:
    """Return `nll_loss(log_softmax(x), target)` in one call, for operands that need neither conversions nor errors.

    Args:
        x: logits, (samples, classes, ...) or (classes,), floating-point.
        target: class ids in int64, the shape of `x` without classes.
        ignore_index: an id whose elements count for nothing.
        reduction: "mean", "sum" or "none".

    Returns:
        The loss; None, with nothing recorded, for other operands and under autocast.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.class_cross_entropy(pf.zeros(2, 4), pf.tensor([0, 3]))
        tensor(1.3863)
    """
    return _class_cross_entropy(x, target, ignore_index, reduction)


def nll_loss(x: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
    """Return the negative log-probability of the target classes.

    Args:
        x: log-probabilities, (samples, classes, ...) or (classes,).
        target: class ids, the shape of `x` without classes.
        ignore_index: an id whose elements count for nothing.
        reduction: "mean" over the elements that count, "sum", or "none" for a loss for each element.

    Raises:
        ValueError: shapes do not fit, or `reduction` is none of these.
        TypeError: `target` is floating-point.
        IndexError: when evaluated, an id is not a class.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.nll_loss(pf.tensor([[-0.5, -2.0], [-3.0, -0.25]]), pf.tensor([1, 0]))
        tensor(2.5000)
    """
    if target.dtype is not int64:
        if target.dtype.is_floating_point:
            raise TypeError(f"[nll_loss] target has dtype {target.dtype.name}: class ids are integers")
        target = _cast(target, int64)
    code = _REDUCTIONS.get(reduction)
    if code is None:
        raise ValueError(f"[nll_loss] reduction is {reduction!r}: expected 'mean', 'sum' or 'none'")
    return _nll_loss(x, target, ignore_index, code)
