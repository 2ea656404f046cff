"""Optimizers whose step is a formula for each parameter."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, ops

from .optimizer import Group, Optimizer, check_not_negative

State = dict[str, Any]


class FormulaOptimizer(Optimizer):
    """Asks for the state a parameter starts with and for its next value; signs and weight decay are settled before.

    Step counts and what follows from them are Python numbers, so they never make a new plan.
    """

    def start(self, param: Tensor, group: Group) -> State:
        """Return the state before the first step."""
        raise NotImplementedError(f"[optimizer] {type(self).__name__} has no start(param, group)")

    def move(self, param: Tensor, grad: Tensor, state: State, group: Group) -> Tensor:
        """Return the next value of the parameter, and put new values into its state."""
        raise NotImplementedError(f"[optimizer] {type(self).__name__} has no move(param, grad, state, group)")

    def update(self, params: list[Tensor], group: Group) -> list[Tensor]:
        decay, decoupled = group.get("weight_decay", 0.0), group.get("decoupled_weight_decay", False)
        pending: list[Tensor] = []
        for param in params:
            state = self.state.get(param)
            if not state:
                state = self.state[param] = self.start(param, group)
            grad, value = param.grad, param.detach()
            assert grad is not None
            if group["maximize"]:
                grad = -grad
            if decay and decoupled:
                value = value * (1 - group["lr"] * decay)
            elif decay:
                grad = grad + decay * value
            state["step"] += 1
            ops.assign(param, self.move(value, grad, state, group))
            pending += [entry for entry in state.values() if isinstance(entry, Tensor)]
        return pending


def mix(old: Tensor, new: Tensor, share: float) -> Tensor:
    """Return the running mean of weight `share` on what was before."""
    return share * old + (1 - share) * new


def check_betas(optimizer: Optimizer, group: Group) -> None:
    check_not_negative(optimizer, group, "lr", "eps", "weight_decay")
    if not all(0 <= beta < 1 for beta in group["betas"]):
        raise ValueError(f"[{type(optimizer).__name__}] betas is {group['betas']}: expected numbers from 0 to below 1")
