"""Losses that ask for a margin between what is right and what is not, as modules."""

from __future__ import annotations

from collections.abc import Callable

from pyflame import Tensor

from . import functional as F
from .distance import PairwiseDistance
from .loss import Loss, WeightedLoss


class CosineEmbeddingLoss(Loss):
    """`1 - cos(x1, x2)` where the target is 1, `max(0, cos(x1, x2) - margin)` where it is -1.

    Args:
        margin: the cosine that is still right for pairs that differ.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CosineEmbeddingLoss()(pf.tensor([[1.0, 0.0]]), pf.tensor([[0.0, 2.0]]), pf.ones(1)).item()
        1.0
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(Loss):
    """The input where the target is 1, `max(0, margin - input)` where it is -1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.HingeEmbeddingLoss()(pf.tensor([0.5, 0.25]), pf.tensor([1.0, -1.0])).item()
        0.625
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class MarginRankingLoss(Loss):
    """`max(0, -target * (x1 - x2) + margin)`: with target 1 the first input should rank higher.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MarginRankingLoss()(pf.tensor([1.0]), pf.tensor([3.0]), pf.tensor([1.0])).item()
        2.0
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class MultiLabelMarginLoss(Loss):
    """Hinges between the scores of the target classes and of all others; -1 ends the list of target classes.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MultiLabelMarginLoss()(pf.tensor([1.0, 0.0]), pf.tensor([0, -1])).item()
        0.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """The mean over the classes of the cross-entropy of `sigmoid(input)` and targets 0 or 1.

    Args:
        weight: (classes,), a factor for each class.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MultiLabelSoftMarginLoss()(pf.zeros(2, 3), pf.ones(2, 3))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class MultiMarginLoss(WeightedLoss):
    """Hinges between the score of the target class and of all others.

    Args:
        p: exponent of the hinges, 1 or 2.
        margin: how much higher the target's score should be.
        weight: (classes,), a factor for each class.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: `p` is neither 1 nor 2, or the weight is not one-dimensional.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MultiMarginLoss()(pf.tensor([[2.0, 1.5]]), pf.tensor([0])).item()
        0.25
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        if p not in (1, 2):
            raise ValueError(f"[multi_margin_loss] p is {p}: expected 1 or 2")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"[multi_margin_loss] weight has shape {tuple(weight.shape)}: expected (classes,)")
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class SoftMarginLoss(Loss):
    """`log(1 + exp(-target * input))` for targets 1 and -1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.SoftMarginLoss()(pf.zeros(2), pf.ones(2))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, self.reduction)


class TripletMarginLoss(Loss):
    """By how much the anchor is not nearer to the positive than to the negative by `margin` (Balntas et al., 2016).

    Args:
        margin: the least difference of the distances.
        p: which norm measures them.
        eps: what is added to the differences.
        swap: measure the negative from the positive where that is nearer.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the margin is not positive.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.TripletMarginLoss()(pf.zeros(1, 2), pf.zeros(1, 2), pf.ones(1, 2) * 3).item()
        0.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if margin <= 0:
            raise ValueError(f"[triplet_margin_loss] margin is {margin}: expected a positive number")
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of choice.

    Args:
        distance_function: of two tensors; None for the Euclidean distance.
        margin: the least difference of the distances.
        swap: measure the negative from the positive where that is nearer.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the margin is not positive.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(-1))
        >>> loss(pf.zeros(1, 2), pf.ones(1, 2), pf.ones(1, 2)).item()
        1.0
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if margin <= 0:
            raise ValueError(f"[triplet_margin_with_distance_loss] margin is {margin}: expected a positive number")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
