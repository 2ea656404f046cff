"""Steps that follow the signs of the gradients."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, full_like, where, zeros_like

from .formula import FormulaOptimizer, State
from .optimizer import Group, Params, check_not_negative


class Rprop(FormulaOptimizer):
    """Steps that grow while the gradient keeps its sign, and shrink when it turns (Riedmiller and Braun, 1993).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: size of the first step.
        etas: factors of the step size after a change of sign and without one.
        step_sizes: smallest and largest step.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.Rprop([weight], lr=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.5
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        capturable: bool = False,
        foreach: Any = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr")
        shrink, grow = group["etas"]
        if not 0 < shrink < 1 < grow:
            raise ValueError(f"[Rprop] etas is {group['etas']}: expected one number between 0 and 1 and one above 1")

    def start(self, param: Tensor, group: Group) -> State:
        return {"step": 0, "prev": zeros_like(param), "step_size": full_like(param, group["lr"])}

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        agreement = grad * state["prev"]
        turned = agreement < 0
        size = state["step_size"]
        size = where(turned, shrink * size, where(agreement > 0, grow * size, size))
        state["step_size"] = size.clamp(least, most)
        state["prev"] = where(turned, zeros_like(grad), grad)
        return param - state["prev"].sign() * state["step_size"]
