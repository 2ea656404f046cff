"""Losses as modules."""

from __future__ import annotations

from enum import StrEnum

from pyflame import Tensor

from . import functional as F
from .module import Module


class Reduction(StrEnum):
    """How the losses of the elements become one number; each is equal to the string PyTorch uses.

    Example:
        >>> from pyflame import nn
        >>> nn.MSELoss(reduction=nn.Reduction.SUM).reduction
        'sum'
    """

    NONE = "none"
    MEAN = "mean"
    SUM = "sum"


class Loss(Module):
    """What losses share: how the loss of each element becomes one number.

    Args:
        reduction: "mean", "sum" or "none", or a `Reduction`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> class Largest(nn.Loss):
        ...     def forward(self, input, target):
        ...         return (input - target).abs().max()
        >>> Largest()(pf.tensor([1.0, 5.0]), pf.zeros(2)).item()
        5.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction.value if isinstance(reduction, Reduction) else reduction


class WeightedLoss(Loss):
    """A loss with a factor for each class or element, which is a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class CrossEntropyLoss(WeightedLoss):
    """The cross-entropy of `softmax(input)` and the target: class ids or probabilities.

    Args:
        weight: (classes,), a factor for each class.
        ignore_index: a class id whose elements count for nothing.
        reduction: "mean", "sum" or "none".
        label_smoothing: how much of the target is spread evenly over all classes, 0 to 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> logits = pf.zeros(8, 10)
        >>> round(nn.CrossEntropyLoss()(logits, pf.arange(8)).item(), 4)
        2.3026
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(WeightedLoss):
    """The negative log-probability of the target class; `input` holds log-probabilities.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.NLLLoss()(pf.tensor([[-1.0, -2.0]]), pf.tensor([1])).item()
        2.0
    """

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(Loss):
    """The squared difference, averaged.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.MSELoss()(pf.tensor([1.0, 2.0]), pf.tensor([1.0, 4.0])).item()
        2.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """The absolute difference, averaged.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.L1Loss()(pf.tensor([1.0, 2.0]), pf.tensor([1.0, 4.0])).item()
        1.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class SmoothL1Loss(Loss):
    """Half the squared difference divided by `beta` where it is below beta, the absolute one less beta/2 beyond.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.SmoothL1Loss(reduction="none")(pf.tensor([1.0, 3.0]), pf.zeros(2)).tolist()
        [0.5, 2.5]
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(Loss):
    """Half the squared difference where it is at most `delta`, and a straight continuation beyond.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.HuberLoss(reduction="none")(pf.tensor([1.0, 3.0]), pf.zeros(2)).tolist()
        [0.5, 2.5]
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class KLDivLoss(Loss):
    """The divergence of the target from the log-probabilities `input`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.KLDivLoss(reduction="sum")(pf.zeros(2), pf.ones(2)).item()
        0.0
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)


class BCELoss(WeightedLoss):
    """The cross-entropy of probabilities and targets between 0 and 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.BCELoss()(pf.tensor([0.5, 0.5]), pf.tensor([1.0, 0.0]))
        tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """The cross-entropy of `sigmoid(input)` and targets between 0 and 1, without overflow.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.BCEWithLogitsLoss()(pf.zeros(2), pf.tensor([1.0, 0.0]))
        tensor(0.6931)
    """

    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)
