"""Adam and AdamW."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyflame import Tensor, eval as evaluate, zeros_like
from pyflame.ops import update_params

from .optimizer import Group, Optimizer, Params, check_not_negative

MOMENTS = ("exp_avg", "exp_avg_sq")
AMSGRAD_MOMENTS = (*MOMENTS, "max_exp_avg_sq")


class Adam(Optimizer):
    """Gradient descent with steps scaled by running moments of the gradient (Kingma and Ba, 2015).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: how slowly the first and the second moment move.
        eps: added to the denominator.
        weight_decay: factor of the parameter that is added to its gradient.
        amsgrad: divide by the largest second moment so far (Reddi et al., 2018).
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.Adam([weight], lr=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.5
    """

    in_place = True
    decoupled = False
    default_decay = 0.0

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float | None = None,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: Any = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: Any = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": self.default_decay if weight_decay is None else weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr", "eps", "weight_decay")
        if not all(0 <= beta < 1 for beta in group["betas"]):
            raise ValueError(f"[{type(self).__name__}] betas is {group['betas']}: expected numbers from 0 to below 1")

    def update(self, params: list[Tensor], group: Group) -> list[Tensor]:
        record, names = ("adam_step_amsgrad", AMSGRAD_MOMENTS) if group["amsgrad"] else ("adam_step", MOMENTS)
        attributes = partial(self._attributes, group)
        if update_params(record, params, self.state, names, attributes, "step") is None:
            self._start(params, names)
            update_params(record, params, self.state, names, attributes, "step")
        return []

    def _attributes(self, group: Group, step: int) -> tuple[float, ...]:
        """What the record takes at a count of steps, of which a parameter without gradients for a while has fewer."""
        beta1, beta2 = group["betas"]
        decay, corrections = group["weight_decay"], (1.0 - beta1**step, 1.0 - beta2**step)
        return (group["lr"], beta1, beta2, group["eps"], decay, *corrections, self.decoupled, group["maximize"])

    def _start(self, params: list[Tensor], names: tuple[str, ...]) -> None:
        for param in params:
            state = self.state.setdefault(param, {"step": 0})
            for name in names:
                if name not in state:
                    state[name] = zeros_like(param)
        evaluate([self.state[param][name] for param in params for name in names])


class AdamW(Adam):
    """Adam with weight decay applied to the parameter itself (Loshchilov and Hutter, 2019).

    The arguments are those of `Adam`; `weight_decay` is 0.01 unless given.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([2.0]))
        >>> optimizer = optim.AdamW([weight], lr=0.1, weight_decay=0.5)
        >>> weight.grad = pf.tensor([0.0])
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        1.9
    """

    decoupled = True
    default_decay = 1e-2
