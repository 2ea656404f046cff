"""Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, zeros_like

from .formula import FormulaOptimizer, State, check_betas, mix
from .optimizer import Group, Params, check_not_negative


class NAdam(FormulaOptimizer):
    """Adam that looks ahead along its momentum (Dozat, 2016).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: weights of the past in the two running means.
        eps: added to denominators.
        weight_decay: factor of the parameter that is added to its gradient.
        momentum_decay: how fast the momentum approaches its final value.
        decoupled_weight_decay: apply the decay to the parameter itself, as AdamW does.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.NAdam([weight], lr=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.4718
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: Any = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_betas(self, group)
        check_not_negative(self, group, "momentum_decay")

    def start(self, param: Tensor, group: Group) -> State:
        moments = {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}
        return {"step": 0, "mu_product": 1.0, **moments}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        (beta1, beta2), step, lr = group["betas"], state["step"], group["lr"]
        now, later = (beta1 * (1 - 0.5 * 0.96 ** (count * group["momentum_decay"])) for count in (step, step + 1))
        state["mu_product"] *= now
        state["exp_avg"] = mix(state["exp_avg"], grad, beta1)
        state["exp_avg_sq"] = mix(state["exp_avg_sq"], grad * grad, beta2)
        scale = (state["exp_avg_sq"] / (1 - beta2**step)).sqrt() + group["eps"]
        own, ahead = lr * (1 - now) / (1 - state["mu_product"]), lr * later / (1 - state["mu_product"] * later)
        return param - (own * grad + ahead * state["exp_avg"]) / scale
