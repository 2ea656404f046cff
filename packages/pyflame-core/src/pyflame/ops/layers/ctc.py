"""Connectionist temporal classification."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ... import _core
from ..._tensor import Tensor
from ..._types import Array
from ...dtypes import int64
from ..half import in_float32
from ..join import cat, stack
from .sizes import constant, mask, table

_add = _core.ops.add
_cast = _core.ops.cast
_exp = _core.ops.exp
_full = _core.ops.full
_mul = _core.ops.mul
_reshape = _core.ops.reshape
_sub = _core.ops.sub
_where = _core.ops.where


def _lengths(name: str, given: Tensor | Sequence[int] | int, batch: int, most: int | None) -> Array:
    op = "ctc_loss"
    if isinstance(given, Tensor):
        if given.dtype.is_floating_point:
            raise RuntimeError(f"[{op}] {name} has dtype {given.dtype.name}: expected integers")
        found = np.atleast_1d(np.asarray(_core.to_array(given)))
    else:
        found = np.atleast_1d(np.asarray(given))
    if found.shape != (batch,):
        raise RuntimeError(f"[{op}] {name} has shape {found.shape}: expected ({batch},), one for each sequence")
    if (found < 0).any() or most is not None and (found > most).any():
        raise RuntimeError(f"[{op}] {name} are {found.tolist()}: expected 0 to {most if most is not None else 'more'}")
    return found.astype(np.int64)


def _padded_targets(targets: Tensor, lengths: Array, blank: int) -> Tensor:
    """(batch, longest), with blanks beyond each target's end."""
    op, batch, longest = "ctc_loss", len(lengths), int(lengths.max(initial=0))
    within = np.arange(longest) < lengths[:, None]
    if targets.ndim == 2:
        if targets.shape[0] != batch or targets.shape[1] < longest:
            raise RuntimeError(
                f"[{op}] targets have shape {tuple(targets.shape)}: expected ({batch}, {longest} or more)"
            )
        places = np.arange(batch)[:, None] * targets.shape[1] + np.arange(longest)
    else:
        if targets.ndim != 1 or targets.shape[0] != lengths.sum():
            raise RuntimeError(
                f"[{op}] targets have shape {tuple(targets.shape)}: expected (batch, longest), or all {lengths.sum()} "
                "in one line"
            )
        places = (np.cumsum(lengths) - lengths)[:, None] + np.arange(longest)
    if not batch * longest:
        return _full(blank, int64, (batch, longest))
    flat = _reshape(_cast(targets, int64), (-1,))
    picked = _core.ops.index_select(flat, table(np.where(within, places, 0).reshape(-1)), 0)
    return _where(mask(within), _reshape(picked, (batch, longest)), blank)


@in_float32
def _paths(log_probs: Tensor, labels: Tensor, inputs: Array, targets: Array, blank: int) -> Tensor:
    """The logarithm of the sum of all paths' probabilities, (batch,)."""
    return _core.ops.ctc(log_probs, labels, table(inputs), table(targets), blank)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return the negative log-probability of the targets over all ways to place them along the inputs.

    As in PyTorch, the gradient is made to be passed on to the logits through `log_softmax`: with respect to
    `log_probs` it is exp(log_probs) less the probability of each class at each step.

    Args:
        log_probs: (steps, batch, classes) or (steps, classes), from `log_softmax`.
        targets: class ids, (batch, longest), or all in one line; (length,) without batch.
        input_lengths: (batch,), steps that count; evaluated here, as `target_lengths` are.
        blank: the class that separates.
        reduction: "mean" divides each loss by its target's length first; "sum" or "none".
        zero_infinity: make losses of targets that are too long zero, and their gradients.

    Raises:
        RuntimeError: shapes, dtypes or lengths do not fit.
        ValueError: the reduction is unknown.

    Example:
        >>> import pyflame as pf
        >>> even = pf.log_softmax(pf.zeros(2, 1, 2), dim=2)
        >>> loss = pf.ops.ctc_loss(even, pf.tensor([[1]]), [2], [1])
        >>> round(pf.exp(-loss).item(), 4)
        0.75
    """
    op = "ctc_loss"
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"[{op}] reduction is {reduction!r}: expected 'mean', 'sum' or 'none'")
    if log_probs.ndim not in (2, 3) or not log_probs.dtype.is_floating_point:
        raise RuntimeError(
            f"[{op}] log_probs has shape {tuple(log_probs.shape)} and dtype {log_probs.dtype.name}: expected floats "
            "(steps, batch, classes)"
        )
    single = log_probs.ndim == 2
    x = _reshape(log_probs, (log_probs.shape[0], 1, log_probs.shape[1])) if single else log_probs
    if targets.dtype.is_floating_point or targets.dtype.name == "bool":
        raise RuntimeError(f"[{op}] targets have dtype {targets.dtype.name}: expected integers")
    steps, batch, classes = x.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"[{op}] blank is {blank}: expected one of {classes} classes")
    if not batch or not steps:
        raise RuntimeError(f"[{op}] log_probs has shape {tuple(log_probs.shape)}: there are no sequences")
    inputs = _lengths("input_lengths", input_lengths, batch, steps)
    sizes = _lengths("target_lengths", target_lengths, batch, None)
    padded = _padded_targets(targets, sizes, blank)
    longest = padded.shape[1]
    # Blanks around every label: (batch, 2 * longest + 1).
    spaced = _reshape(stack([_full(blank, int64, (batch, longest)), padded], 2), (batch, 2 * longest))
    labels = cat([spaced, _full(blank, int64, (batch, 1 if longest else 2))], 1)
    found = _paths(x, labels, inputs, sizes, blank)
    loss = _core.ops.neg(found)
    # Nothing in value; in gradient exp(log_probs) where steps count.
    counted = mask((np.arange(steps)[:, None] < inputs)[:, :, None])
    whole = _core.ops.sum(_where(counted, _exp(x), 0.0), [0, 2], False)
    loss = _add(loss, _sub(whole, _core.detach(whole)))
    never = _core.ops.gt(_core.detach(loss), 1e29)
    # A factor, as the gradient of a product with infinity that is not chosen would be nan.
    loss = (
        _where(never, 0.0, loss) if zero_infinity else _mul(loss, _where(never, math.inf, _full(1.0, loss.dtype, ())))
    )
    if reduction == "mean":
        return _core.ops.mean(_core.ops.div(loss, constant(np.maximum(sizes, 1), loss.dtype)))
    if reduction == "sum":
        return _core.ops.sum(loss)
    return _reshape(loss, ()) if single else loss
