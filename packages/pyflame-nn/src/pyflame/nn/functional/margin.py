"""Losses that ask for a margin between what belongs together and what does not."""

from __future__ import annotations

from collections.abc import Callable

from pyflame import Tensor, arange, clamp, cumsum, gather, int64, minimum, relu, scatter_add, sqrt, where
from pyflame.amp import float32_inputs
from pyflame.ops import logsigmoid

from .distance import pairwise_distance
from .loss import reduce

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


@float32_inputs
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """Return `input` where the target is 1 and `max(0, margin - input)` where it is -1.

    Args:
        input: distances, any shape
        target: 1 or -1, the same shape

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.hinge_embedding_loss(pf.tensor([0.5, 0.75]), pf.tensor([1, -1]), reduction="none")
        tensor([0.5000, 0.2500])
    """
    apart = where(target != 1, relu(margin - input), 0.0)
    return reduce("hinge_embedding_loss", apart + where(target != -1, input, 0.0), reduction)


@float32_inputs
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Return `max(0, -target * (input1 - input2) + margin)`: with target 1 the first should be larger.

    Args:
        input1: any shape, as `input2` and `target`, which is 1 or -1.

    Raises:
        RuntimeError: the numbers of dimensions differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.margin_ranking_loss(pf.tensor([1.0]), pf.tensor([3.0]), pf.tensor([1])).item()
        2.0
    """
    op = "margin_ranking_loss"
    if not input1.ndim == input2.ndim == target.ndim:
        shapes = ", ".join(str(tuple(x.shape)) for x in (input1, input2, target))
        raise RuntimeError(f"[{op}] input1, input2 and target have shapes {shapes}: they need as many dimensions")
    return reduce(op, clamp(-target * (input1 - input2) + margin, min=0.0), reduction)


@float32_inputs
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return `log(1 + exp(-target * input))` for targets 1 or -1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> round(F.soft_margin_loss(pf.zeros(2), pf.ones(2)).item(), 4)
        0.6931
    """
    return reduce("soft_margin_loss", -logsigmoid(target * input), reduction)


@float32_inputs
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Return `1 - cos` of two vectors where the target is 1 and `max(0, cos - margin)` where it is -1.

    Args:
        input1: (batch, features) or (features,), as `input2`.
        target: (batch,) or (), 1 or -1.

    Raises:
        RuntimeError: the numbers of dimensions do not fit.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.cosine_embedding_loss(pf.tensor([[0.0, 1.0]]), pf.tensor([[1.0, 0.0]]), pf.tensor([1])).item()
        1.0
    """
    op = "cosine_embedding_loss"
    if target.ndim not in (0, 1) or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"[{op}] input1 has shape {tuple(input1.shape)}, input2 {tuple(input2.shape)}, target "
            f"{tuple(target.shape)}: expected (batch, features) twice and (batch,)"
        )
    tiny = 1e-12
    lengths = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / sqrt(lengths)
    loss = where(target == 1, 1.0 - cosine, 0.0) + where(target == -1, clamp(cosine - margin, min=0.0), 0.0)
    return reduce(op, loss, reduction)


@float32_inputs
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return `max(0, margin + |anchor - positive| - |anchor - negative|)`.

    Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional neural networks" (2016).

    Args:
        anchor: (batch, features) or (features,), as `positive` and `negative`.
        p: of the norm.
        swap: use the distance from the positive to the negative where it is smaller.

    Raises:
        ValueError: the margin is not positive.
        RuntimeError: the numbers of dimensions differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> round(F.triplet_margin_loss(pf.zeros(1, 1), pf.ones(1, 1), pf.full((1, 1), 3.0), margin=4.0).item(), 3)
        2.0
    """
    op = "triplet_margin_loss"
    if not anchor.ndim == positive.ndim == negative.ndim:
        shapes = ", ".join(str(tuple(x.shape)) for x in (anchor, positive, negative))
        raise RuntimeError(f"[{op}] anchor, positive and negative have shapes {shapes}: they need as many dimensions")
    return _triplet(
        op, anchor, positive, negative, lambda a, b: pairwise_distance(a, b, p, eps), margin, swap, reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return `max(0, margin + d(anchor, positive) - d(anchor, negative))` for a distance of one's own.

    Args:
        distance_function: from two tensors to their distances; None for `pairwise_distance`.

    Raises:
        ValueError: the margin is not positive.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> far = lambda a, b: (a - b).abs().sum(-1)
        >>> x = pf.zeros(1, 2)
        >>> F.triplet_margin_with_distance_loss(x, x + 1.0, x + 2.0, distance_function=far, margin=3.0).item()
        1.0
    """
    op = "triplet_margin_with_distance_loss"
    return _triplet(op, anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(
    op: str,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    if margin <= 0:
        raise ValueError(f"[{op}] margin is {margin}: it must be positive")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduce(op, clamp(margin + near - far, min=0.0), reduction)


@float32_inputs
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the other classes of `max(0, margin - input[target] + input[class]) ** p`.

    Args:
        input: scores, (batch, classes) or (classes,)
        target: class ids, (batch,) or ()
        p: 1 or 2.
        weight: (classes,), a factor for each target.

    Raises:
        ValueError: `p` is another number.
        RuntimeError: the shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.multi_margin_loss(pf.tensor([[0.5, 1.0]]), pf.tensor([1])).item()
        0.25
    """
    op = "multi_margin_loss"
    if p not in (1, 2):
        raise ValueError(f"[{op}] p is {p}: expected 1 or 2")
    rows = input.reshape(1, -1) if input.ndim < 2 else input
    ids = target.reshape(-1)
    shapes = f"[{op}] input has shape {tuple(input.shape)}, target {tuple(target.shape)}"
    if input.ndim > 2 or not rows.shape[1] or target.ndim > 1 or ids.shape[0] != rows.shape[0]:
        raise RuntimeError(f"{shapes}: expected (batch, classes) and (batch,)")
    classes = rows.shape[1]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(f"[{op}] weight has shape {tuple(weight.shape)}: expected ({classes},)")
    column = ids.reshape(-1, 1).to(int64)
    short = relu(margin - gather(rows, 1, column) + rows)
    short = short if p == 1 else short * short
    if weight is not None:
        short = short * weight[ids].reshape(-1, 1)
    loss = where(arange(classes) == column, 0.0, short).sum(1) / classes
    return reduce(op, loss if target.ndim else loss.reshape(()), reduction)


@float32_inputs
def multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean of `max(0, 1 - input[target] + input[other])` over a sample's classes and the others.

    Args:
        input: scores, (batch, classes) or (classes,)
        target: the same shape: class ids up to the first -1.

    Raises:
        RuntimeError: the shapes differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.multilabel_margin_loss(pf.tensor([0.5, 1.0]), pf.tensor([1, -1])).item()
        0.25
    """
    op = "multilabel_margin_loss"
    if input.shape != target.shape or input.ndim > 2:
        raise RuntimeError(
            f"[{op}] input has shape {tuple(input.shape)}, target {tuple(target.shape)}: expected (batch, classes)"
        )
    rows, ids = (input, target) if input.ndim == 2 else (input.reshape(1, -1), target.reshape(1, -1))
    batch, classes = rows.shape
    counts = cumsum((ids < 0).to(int64), 1) == 0
    safe = where(counts, ids, 0).to(int64)
    named = scatter_add((rows * 0.0).detach(), 1, safe, counts.to(rows.dtype)) > 0.0
    short = relu(1.0 - gather(rows, 1, safe).reshape(batch, classes, 1) + rows.reshape(batch, 1, classes))
    taken = counts.reshape(batch, classes, 1) & ~named.reshape(batch, 1, classes)
    loss = where(taken, short, 0.0).sum((1, 2)) / classes
    return reduce(op, loss if input.ndim == 2 else loss.reshape(()), reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return the binary cross-entropy of `sigmoid(input)` and the target, averaged over the last dimension.

    Args:
        input: logits, (..., classes)
        target: the same shape, 0 or 1
        weight: a factor, broadcast.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> round(F.multilabel_soft_margin_loss(pf.zeros(1, 2), pf.ones(1, 2)).item(), 4)
        0.6931
    """
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduce("multilabel_soft_margin_loss", loss.sum(-1) / input.shape[-1], reduction)
