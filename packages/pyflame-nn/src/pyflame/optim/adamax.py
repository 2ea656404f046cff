"""Adam in the infinity norm."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, maximum, zeros_like

from .formula import FormulaOptimizer, State, check_betas, mix
from .optimizer import Group, Params


class Adamax(FormulaOptimizer):
    """Adam with the largest recent gradient in place of the mean square (Kingma and Ba, 2015, section 7.1).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: weights of the past in the running mean and in the largest gradient.
        eps: added to denominators.
        weight_decay: factor of the parameter that is added to its gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.Adamax([weight], lr=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.5
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: Any = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_betas(self, group)

    def start(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "exp_avg": zeros_like(param), "exp_inf": zeros_like(param)}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        beta1, beta2 = group["betas"]
        state["exp_avg"] = mix(state["exp_avg"], grad, beta1)
        state["exp_inf"] = maximum(beta2 * state["exp_inf"], grad.abs() + group["eps"])
        rate = group["lr"] / (1 - beta1 ** state["step"])
        return param - rate * state["exp_avg"] / state["exp_inf"]
