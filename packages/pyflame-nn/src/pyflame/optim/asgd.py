"""Gradient descent with an average of the parameters."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, zeros_like

from .formula import FormulaOptimizer, State
from .optimizer import Group, Params, check_not_negative


class ASGD(FormulaOptimizer):
    """Gradient descent that also averages the parameters, in the state's `ax` (Polyak and Juditsky, 1992).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        lambd: how much the parameter decays with each step.
        alpha: power of the fall of the learning rate.
        t0: the step at which averaging begins.
        weight_decay: factor of the parameter that is added to its gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.ASGD([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.4
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        foreach: Any = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr", "weight_decay")

    def start(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "eta": group["lr"], "mu": 1.0, "ax": zeros_like(param)}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        step, lambd = state["step"], group["lambd"]
        param = (1 - lambd * state["eta"]) * param - state["eta"] * grad
        state["ax"] = param if state["mu"] == 1 else state["ax"] + state["mu"] * (param - state["ax"])
        state["eta"] = group["lr"] / (1 + lambd * group["lr"] * step) ** group["alpha"]
        state["mu"] = 1 / max(1.0, step - group["t0"])
        return param
