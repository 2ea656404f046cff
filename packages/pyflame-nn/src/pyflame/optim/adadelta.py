"""Steps of the size of recent steps."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, zeros_like

from .formula import FormulaOptimizer, State, mix
from .optimizer import Group, Params, check_not_negative


class Adadelta(FormulaOptimizer):
    """Gradient descent in units of the recent changes of the parameter (Zeiler, 2012).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        rho: weight of the past in the running means.
        eps: added to both mean squares; also sets the size of the first step.
        weight_decay: factor of the parameter that is added to its gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.Adadelta([weight], lr=100.0)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.6838
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: Any = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr", "eps", "weight_decay")
        if not 0 <= group["rho"] <= 1:
            raise ValueError(f"[Adadelta] rho is {group['rho']}: expected a number from 0 to 1")

    def start(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "square_avg": zeros_like(param), "acc_delta": zeros_like(param)}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        rho, eps = group["rho"], group["eps"]
        state["square_avg"] = mix(state["square_avg"], grad * grad, rho)
        delta = ((state["acc_delta"] + eps).sqrt() / (state["square_avg"] + eps).sqrt()) * grad
        state["acc_delta"] = mix(state["acc_delta"], delta * delta, rho)
        return param - group["lr"] * delta
