"""Steps divided by the root of the mean square of the gradients."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, zeros_like

from .formula import FormulaOptimizer, State, mix
from .optimizer import Group, Params, check_not_negative


class RMSprop(FormulaOptimizer):
    """Gradient descent with rates from the recent size of the gradient (Hinton, 2012, lecture 6e).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        alpha: weight of the past in the running mean of squares.
        eps: added to denominators.
        weight_decay: factor of the parameter that is added to its gradient.
        momentum: how much of the previous step goes into the next.
        centered: divide by an estimate of the standard deviation.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.RMSprop([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.0
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: Any = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def start(self, param: Tensor, group: Group) -> State:
        names = ["square_avg"] + ["momentum_buffer"] * (group["momentum"] > 0) + ["grad_avg"] * group["centered"]
        return {"step": 0, **{name: zeros_like(param) for name in names}}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        alpha, lr = group["alpha"], group["lr"]
        square = state["square_avg"] = mix(state["square_avg"], grad * grad, alpha)
        if group["centered"]:
            mean = state["grad_avg"] = mix(state["grad_avg"], grad, alpha)
            square = square - mean * mean
        step = grad / (square.sqrt() + group["eps"])
        if group["momentum"] > 0:
            step = state["momentum_buffer"] = group["momentum"] * state["momentum_buffer"] + step
        return param - lr * step
