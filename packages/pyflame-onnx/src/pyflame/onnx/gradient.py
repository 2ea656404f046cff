"""The operator Gradient (ai.onnx.preview.training): derivatives of a value of the graph by others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor

from .program import Body, Lookup, Step, run_steps
from .values import Value, lift

DOMAIN = "ai.onnx.preview.training"


class Gradient:
    """A node that runs the steps before it again, on leaves, and differentiates.

    Args:
        body: the graph around the node.
        count: how many of its steps come before the node.
        xs: names of the values to differentiate by; the node's first inputs.
        zs: names of further values that are held fast; the node's other inputs.
        y: name of the value to differentiate, whose elements are summed.
    """

    def __init__(self, body: Body, count: int, xs: Sequence[str], zs: Sequence[str], y: str) -> None:
        self.body, self.count, self.xs, self.zs, self.y = body, count, list(xs), list(zs), y

    def __call__(self, *values: Value, weight: Lookup) -> tuple[Any, ...]:
        leaves = [pf.Tensor.detach(as_tensor(value)).requires_grad_() for value in values[: len(self.xs)]]
        given: dict[str, Value] = {**dict(zip(self.xs, leaves)), **dict(zip(self.zs, values[len(self.xs) :]))}
        known = {**self.body.constants, **{name: weight(key) for name, key in self.body.weights.items()}, **given}
        for step in needed(self.body.steps[: self.count], self.y, given):
            run_steps([step], known, weight)
        with pf.enable_grad():
            total = pf.sum(as_tensor(known[self.y]))
        return tuple(pf.autograd.grad(total, leaves))


def as_tensor(value: Any) -> Tensor:
    tensor = value if isinstance(value, Tensor) else lift(value)
    assert isinstance(tensor, Tensor)
    return tensor


def needed(steps: Sequence[Step], y: str, given: Mapping[str, Value]) -> list[Step]:
    """Return the steps between what is given and what is asked for."""
    wanted, chosen = {y} - given.keys(), []
    for step in reversed(steps):
        if wanted & set(step.outputs):
            chosen.append(step)
            wanted = (wanted - set(step.outputs)) | ({*step.inputs} - given.keys())
    return chosen[::-1]
