"""Losses over classes."""

from __future__ import annotations

import math

from pyflame import Tensor, cast, gather, index_select, log_softmax, ops, where
from pyflame.amp import float32_inputs
from pyflame.ops import class_cross_entropy

from .loss import reduce


def class_dim(op: str, input: Tensor) -> int:
    if input.ndim == 0:
        raise ValueError(f"[{op}] input has no dimensions: expected (classes,) or (batch, classes, ...)")
    return 0 if input.ndim == 1 else 1


def checked_classes(op: str, input: Tensor, target: Tensor) -> Tensor:
    """The target, with the shape of the input without its classes. Errors are of the classes that PyTorch raises."""
    dim = class_dim(op, input)
    shape = tuple(input.shape)
    expected = shape[:dim] + shape[dim + 1 :]
    if not dim and tuple(target.shape) == (1,):
        target = target.reshape(())
    if tuple(target.shape) != expected:
        batches_differ = target.ndim > 0 and (target.shape[0] != shape[0] if dim else target.ndim == 1)
        raise (ValueError if batches_differ else RuntimeError)(
            f"[{op}] input has shape {shape}, target {tuple(target.shape)}: class ids need shape {expected}"
        )
    if target.dtype.is_floating_point:
        raise RuntimeError(f"[{op}] target has dtype {target.dtype.name}: class ids are integers")
    return target


def check_weight(op: str, input: Tensor, weight: Tensor | None) -> None:
    if weight is None:
        return
    classes = input.shape[class_dim(op, input)]
    if tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"[{op}] weight has shape {tuple(weight.shape)}: expected one number for each of {classes} classes"
        )


def picked_and_weights(
    log_probs: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the target's log-probability, its weight (0 where ignored) and where it counts."""
    dim = 0 if log_probs.ndim == 1 else 1
    counts = target != ignore_index
    safe = where(counts, target, 0)  # an ignored id need not be a class, but must be one to be looked up
    picked = gather(log_probs, dim, safe.unsqueeze(dim)).squeeze(dim)
    weights = cast(counts, log_probs.dtype)
    if weight is not None:
        weights = weights * index_select(weight, 0, safe.reshape(-1)).reshape(safe.shape)
    return picked, weights, counts


@float32_inputs
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-probability of the target class.

    Args:
        input: log-probabilities, (batch, classes, ...) or (classes,)
        target: class ids, the input's shape without classes
        weight: (classes,), a factor for each class; "mean" divides by the sum of those met
        ignore_index: an id whose elements count for nothing

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.nll_loss(pf.tensor([[-0.5, -2.0]]), pf.tensor([1])).item()
        2.0
    """
    target = checked_classes("nll_loss", input, target)
    if weight is None:
        return ops.nll_loss(input, target, ignore_index, reduction)
    check_weight("nll_loss", input, weight)
    picked, weights, counts = picked_and_weights(input, target, weight, ignore_index)
    # Where nothing counts, the mean is 0 / 0, and gradients are 0 all the same: a product with 0 would not stop them.
    loss = where(counts, -(picked * weights), 0.0)
    if reduction == "mean":
        return loss.sum() / weights.sum()
    return reduce("nll_loss", loss, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of `softmax(input)` and the target.

    Args:
        input: logits, (batch, classes, ...) or (classes,)
        target: class ids, the input's shape without classes; or probabilities of the input's shape and kind
        weight: (classes,), a factor for each class
        ignore_index: a class id whose elements count for nothing
        label_smoothing: how much of the target is spread evenly over all classes, 0 to 1

    Raises:
        ValueError: batch sizes differ, or `reduction` is unknown.
        RuntimeError: other shapes or the dtype do not fit, or `label_smoothing` is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> round(F.cross_entropy(pf.zeros(2, 4), pf.tensor([0, 3])).item(), 4)
        1.3863
    """
    if weight is None and label_smoothing == 0.0:
        loss = class_cross_entropy(input, target, ignore_index, reduction)
        if loss is not None:
            return loss
    return any_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


@float32_inputs
def any_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Tensor:
    op = "cross_entropy"
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"[{op}] label_smoothing is {label_smoothing}: expected a number between 0 and 1")
    dim = class_dim(op, input)
    dense = target.ndim == input.ndim and target.shape == input.shape
    if dense and not target.dtype.is_floating_point:
        raise RuntimeError(
            f"[{op}] target has the input's shape {tuple(input.shape)} and dtype {target.dtype.name}: probabilities "
            f"are floating-point, class ids have one dimension less"
        )
    target = target if dense else checked_classes(op, input, target)
    if weight is None and label_smoothing == 0.0 and not dense:
        return ops.nll_loss(log_softmax(input, dim), target, ignore_index, reduction)
    check_weight(op, input, weight)
    log_probs = log_softmax(input, dim)
    if dense:
        return from_probabilities(log_probs, target, weight, dim, reduction, label_smoothing)
    if label_smoothing == 0.0:
        return nll_loss(log_probs, target, weight, ignore_index, reduction)
    picked, weights, counts = picked_and_weights(log_probs, target, weight, ignore_index)
    spread = log_probs if weight is None else log_probs * along(weight, log_probs, dim)
    evenly = spread.sum(dim) * (label_smoothing / input.shape[dim])
    loss = where(counts, -(picked * weights * (1.0 - label_smoothing) + evenly), 0.0)
    if reduction == "mean":
        return loss.sum() / weights.sum()
    return reduce(op, loss, reduction)


def from_probabilities(
    log_probs: Tensor, target: Tensor, weight: Tensor | None, dim: int, reduction: str, label_smoothing: float
) -> Tensor:
    classes = log_probs.shape[dim]
    if label_smoothing:
        target = target * (1.0 - label_smoothing) + label_smoothing / classes
    loss = -(log_probs * target)
    if weight is not None:
        loss = loss * along(weight, log_probs, dim)
    if reduction == "mean":
        return loss.sum() / (math.prod(log_probs.shape) // classes)
    return reduce("cross_entropy", loss.sum(dim), reduction)


def along(weight: Tensor, like: Tensor, dim: int) -> Tensor:
    """Give the weights of classes the shape that broadcasts along `dim` of `like`."""
    return weight.reshape([-1 if d == dim else 1 for d in range(like.ndim)])
