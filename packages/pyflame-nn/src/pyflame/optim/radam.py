"""Adam with a rectified start."""

from __future__ import annotations

import math
from typing import Any

from pyflame import Tensor, zeros_like

from .formula import FormulaOptimizer, State, check_betas, mix
from .optimizer import Group, Params


class RAdam(FormulaOptimizer):
    """Adam that waits with adaptive rates until their variance is known (Liu et al., 2020).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: weights of the past in the two running means.
        eps: added to denominators.
        weight_decay: factor of the parameter that is added to its gradient.
        decoupled_weight_decay: apply the decay to the parameter itself, as AdamW does.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.RAdam([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.4
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
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
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_betas(self, group)

    def start(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        (beta1, beta2), step = group["betas"], state["step"]
        state["exp_avg"] = mix(state["exp_avg"], grad, beta1)
        state["exp_avg_sq"] = mix(state["exp_avg_sq"], grad * grad, beta2)
        correction = 1 - beta2**step
        rate = group["lr"] / (1 - beta1**step)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / correction
        if length <= 5:
            return param - rate * state["exp_avg"]
        rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        rate *= math.sqrt(rectified * correction)
        return param - rate * state["exp_avg"] / (state["exp_avg_sq"].sqrt() + group["eps"])
