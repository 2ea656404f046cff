"""Losses that are negative log-likelihoods of a distribution or an alignment, as modules."""

from __future__ import annotations

from collections.abc import Sequence

from pyflame import Tensor

from . import functional as F
from .loss import Loss


class PoissonNLLLoss(Loss):
    """The negative log-likelihood of counts under a Poisson distribution.

    Args:
        log_input: the input is the logarithm of the rate.
        full: add Stirling's approximation of the term that depends on the target alone.
        eps: what is added to the rate before its logarithm.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.PoissonNLLLoss()(pf.zeros(3), pf.ones(3)).item()
        1.0
    """

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(Loss):
    """The negative log-likelihood of the target under normal distributions of given mean and variance.

    Args:
        full: add the constant term.
        eps: the least variance.
        reduction: "mean", "sum" or "none".

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GaussianNLLLoss()(pf.zeros(2, 1), pf.ones(2, 1), pf.ones(2, 1)).item()
        0.5
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class CTCLoss(Loss):
    """The negative log-probability of all alignments of the targets with the steps (Graves et al., 2006).

    Args:
        blank: the id of the blank.
        reduction: "mean", "sum" or "none".
        zero_infinity: count targets that are too long to be aligned as zero.

    Called with log-probabilities (steps, batch, classes), targets, and the lengths of both.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> log_probs = pf.zeros(3, 1, 2).log_softmax(2)
        >>> nn.CTCLoss(reduction="sum")(log_probs, pf.tensor([[1]]), [3], [1])
        tensor(0.2877)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int],
        target_lengths: Tensor | Sequence[int],
    ) -> Tensor:
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
