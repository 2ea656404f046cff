"""GELU, which files before opset 20 write out, as the one operation that it is: x * (erf(x / sqrt(2)) + 1) / 2."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pyflame import Tensor
from pyflame.nn import functional as F

from .maps import Map
from .program import Body, Step
from .values import Array


def joined(body: Body) -> list[Step]:
    """Return the steps of a body, those that make up a GELU as one."""
    return list(Joiner(body).steps())


class Joiner:
    """Looks for the nodes of a GELU around each Erf.

    Args:
        body: what they are in.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        self.constants: Mapping[str, Array] = body.constants
        self.made = {name: step for step in body.steps for name in step.outputs}
        self.uses = Counter(slot.name for slot in body.outputs)
        self.users: dict[str, list[Step]] = {}
        for step in body.steps:
            inner = [name for graph in step.bodies for name in step.attributes[graph].captured]
            for name in (*step.inputs, *inner):
                self.uses[name] += 1
                self.users.setdefault(name, []).append(step)

    def steps(self) -> Iterator[Step]:
        whole: dict[int, Step] = {}
        gone: set[int] = set()
        for step in self.body.steps:
            if step.op == "Erf" and (parts := self.parts_of(step)):
                last = parts[-1]
                x = parts[0].inputs[1 - self.place_of(parts[0])]
                whole[id(last)] = Step("Gelu", last.where, GELU, (x,), {}, last.outputs, last.version)
                gone.update(map(id, parts[:-1]))
        for step in self.body.steps:
            if id(step) not in gone:
                yield whole.get(id(step), step)

    def parts_of(self, erf: Step) -> Sequence[Step] | None:
        """Return the nodes in order: the one that scales x first, the one that gives the result last."""
        scaled = self.made.get(erf.inputs[0])
        if scaled is None or not self.scales(scaled, math.sqrt(0.5)):
            return None
        x = scaled.inputs[1 - self.place_of(scaled)]
        add = self.only_user(erf)
        if add is None or add.op != "Add" or self.number(add) != 1.0:
            return None
        first = self.only_user(add)
        if first is None or first.op != "Mul":
            return None
        other = first.inputs[1 - first.inputs.index(add.outputs[0])]
        if other == x:  # x * (...), then halved
            last = self.only_user(first)
            parts = [scaled, erf, add, first, last] if last and self.scales(last, 0.5) else None
        elif self.number(first) == 0.5:  # (...) halved, then times x
            last = self.only_user(first)
            fits = last is not None and last.op == "Mul" and sorted(last.inputs) == sorted((x, first.outputs[0]))
            parts = [scaled, erf, add, first, last] if last and fits else None
        else:  # x halved, times (...)
            half = self.made.get(other)
            fits = half is not None and self.scales(half, 0.5) and x in half.inputs and self.uses[other] == 1
            parts = [scaled, half, erf, add, first] if half and fits else None
        return parts if parts and self.uses[scaled.outputs[0]] == 1 else None

    def only_user(self, step: Step) -> Step | None:
        """Return the only step that takes a result, if nobody else wants it."""
        name = step.outputs[0]
        return self.users[name][0] if self.uses[name] == 1 and name in self.users else None

    def place_of(self, step: Step) -> int:
        """Return which of two inputs is a constant of one element; 2 for none."""
        found = [self.constants.get(name) for name in step.inputs]
        return next((k for k, value in enumerate(found) if value is not None and value.size == 1 and value.ndim < 2), 2)

    def number(self, step: Step) -> float | None:
        """Return the constant that a step takes beside a value."""
        place = self.place_of(step) if len(step.inputs) == 2 else 2
        return None if place == 2 else float(self.constants[step.inputs[place]].reshape(-1)[0])

    def scales(self, step: Step, factor: float) -> bool:
        """Whether a step multiplies a value by a factor."""
        value = self.number(step)
        if value is None or step.op not in ("Mul", "Div") or (step.op == "Div" and self.place_of(step) == 0):
            return False
        return bool(np.isclose(value if step.op == "Mul" else 1 / value, factor, rtol=1e-6))


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x)


GELU = Map("Gelu", gelu)
