"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, zeros_like
from pyflame.ops import update_params

from .optimizer import Group, Optimizer, Params, check_not_negative

VELOCITY = ("momentum_buffer",)


class SGD(Optimizer):
    """Gradient descent, optionally with momentum (Sutskever et al., 2013, in PyTorch's form).

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        momentum: how much of the previous step goes into the next.
        dampening: how much less of the gradient goes into the momentum.
        weight_decay: factor of the parameter that is added to its gradient.
        nesterov: look ahead along the momentum.
        maximize: climb instead of descend.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0]))
        >>> optimizer = optim.SGD([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 4)
        2.4
    """

    in_place = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: Any = None,
        differentiable: bool = False,
        fused: Any = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        check_not_negative(self, group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("[SGD] nesterov needs momentum and no dampening")

    def update(self, params: list[Tensor], group: Group) -> list[Tensor]:
        lr, momentum, decay, maximize = group["lr"], group["momentum"], group["weight_decay"], group["maximize"]
        if momentum == 0:
            update_params("sgd_step_plain", params, self.state, (), (lr, decay, maximize))
            return []
        attributes = lr, momentum, group["dampening"], decay, group["nesterov"], maximize
        if update_params("sgd_step", params, self.state, VELOCITY, (*attributes, False)) is not None:
            return []
        starting: list[Tensor] = []
        moving: list[Tensor] = []
        for param in params:
            state = self.state.setdefault(param, {})
            if "momentum_buffer" in state:
                moving.append(param)
            else:
                state["momentum_buffer"] = zeros_like(param)
                starting.append(param)
        for together, first in ((starting, True), (moving, False)):
            update_params("sgd_step", together, self.state, VELOCITY, (*attributes, first))
        return []
