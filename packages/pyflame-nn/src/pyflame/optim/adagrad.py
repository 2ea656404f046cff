"""Steps divided by the root of the sum of squares of the gradients."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, full_like

from .formula import FormulaOptimizer, State
from .optimizer import Group, Params, check_not_negative


class Adagrad(FormulaOptimizer):
    """Gradient descent with rates that fall with all gradients so far (Duchi et al., 2011).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        lr_decay: how much the learning rate falls with each step.
        weight_decay: factor of the parameter that is added to its gradient.
        initial_accumulator_value: what the sums of squares start with.
        eps: added to denominators.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.Adagrad([weight], lr=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.5
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: Any = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: Any = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def start(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "sum": full_like(param, group["initial_accumulator_value"])}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        state["sum"] = state["sum"] + grad * grad
        rate = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        return param - rate * grad / (state["sum"].sqrt() + group["eps"])
