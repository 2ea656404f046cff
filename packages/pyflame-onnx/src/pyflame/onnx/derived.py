"""What follows from weights alone, such as int8 weights made floats: computed once while they stay the same.

Where gradients are recorded, it is computed at every run, so that they reach the weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor
from pyflame.compilation import value_key

from .maps import Map
from .program import Lookup, Step, run_steps
from .values import Carried, Value


class Derived:
    """The steps of a body that take nothing but weights and constants.

    Args:
        steps: these steps, in order.
        constants: what is known already.
        weight: looks up a tensor of the module.
        needed: the names that others use.
    """

    def __init__(
        self, steps: Sequence[Step], constants: Mapping[str, Value], weight: Lookup, needed: Collection[str] = ()
    ) -> None:
        self.steps = steps
        self.used = sorted({name for step in steps for name in step.inputs})
        self.needed = [name for step in steps for name in step.outputs if name in needed]
        self.constants = {name: constants[name] for name in self.used if name in constants}
        self.weight = weight
        # What it was made from and what was made, replaced as one: threads may run the model side by side.
        self.kept: tuple[list[Tensor], bytes, dict[str, Value]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What was made goes with the tensors it was made from: a copy makes its own."""
        return {**self.__dict__, "kept": None}

    def values(self, weights: Mapping[str, Value]) -> dict[str, Value]:
        """Return the weights by name, and the values of the steps."""
        if not self.steps:
            return dict(weights)
        tensors = [value for name in self.used if isinstance(value := weights.get(name), Tensor)]
        key, kept = value_key(tensors), self.kept
        if key is None:  # gradients are recorded, or a value is pending, also while the module is traced
            return {**weights, **self.compute(weights)}
        if kept is None or key != kept[1]:
            with pf.inference_mode(False), pf.no_grad():  # later runs may record gradients of other things
                made = self.compute(weights)
                pf.eval([tensor for value in made.values() for tensor in tensors_in(value)])
            self.kept = kept = tensors, key, made
        return {**weights, **kept[2]}

    def compute(self, weights: Mapping[str, Value]) -> dict[str, Value]:
        known: dict[str, Value] = {"": None, **self.constants, **weights}
        run_steps(self.steps, known, self.weight)
        return {name: known[name] for name in self.needed}


def tensors_in(value: Value) -> Iterator[Tensor]:
    """Yield the tensors of a value, which may be a sequence."""
    if isinstance(value, list):
        for entry in value:
            yield from tensors_in(entry)
    elif isinstance(value, (Tensor, Carried)):
        yield value.tensor if isinstance(value, Carried) else value


def is_pure(step: Step) -> bool:
    """Whether a step computes the same whenever it is run on the same values."""
    return isinstance(step.call, Map) and not step.call.random and not step.bodies and bool(step.inputs)
