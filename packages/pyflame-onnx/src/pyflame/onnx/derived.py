"""What follows from weights alone, such as int8 weights made floats: computed once while they stay the same.

Where gradients are recorded, it is computed at every run, so that they reach the weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import pyflame as pf
from pyflame import Tensor

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
        self.kept: tuple[list[tuple[Tensor, int]], dict[str, Value]] | None = None

    def values(self, weights: Mapping[str, Value]) -> dict[str, Value]:
        """Return the weights by name, and the values of the steps."""
        if not self.steps:
            return dict(weights)
        tensors = [value for name in self.used if isinstance(value := weights.get(name), Tensor)]
        if pf.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            return {**weights, **self.compute(weights)}
        if not all(tensor.is_evaluated() for tensor in tensors):  # also while the module is traced
            return {**weights, **self.compute(weights)}
        current = [(tensor, tensor._version) for tensor in tensors]
        kept = self.kept
        if kept is None or not same(current, kept[0]):
            with pf.inference_mode(False), pf.no_grad():  # later runs may record gradients of other things
                made = self.compute(weights)
                pf.eval([tensor for value in made.values() for tensor in tensors_in(value)])
            self.kept = kept = current, made
        return {**weights, **kept[1]}

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


def same(these: Sequence[tuple[Tensor, int]], those: Sequence[tuple[Tensor, int]]) -> bool:
    """Whether two lists hold the same tensors, which have not changed in between."""
    return len(these) == len(those) and all(a[0] is b[0] and a[1] == b[1] for a, b in zip(these, those))


def is_pure(step: Step) -> bool:
    """Whether a step computes the same whenever it is run on the same values."""
    return isinstance(step.call, Map) and not step.call.random and not step.bodies and bool(step.inputs)
