"""Running a model again and again: what follows from constants and shapes is worked out once.

A first run with inputs of new shapes finds the steps whose results depend on nothing but constants and shapes. Later
runs with these shapes leave them out: the second calls the functions of the other steps without looking at their
arguments again, and what it records is recorded again by the runs after it, without Python. Where a shape or a branch
depends on the elements of an input, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from pyflame import nn
from pyflame.compilation import Replays

from .batch_norm import split
from .derived import Derived, is_pure
from .gelu import joined
from .maps import Map
from .program import Body, Lookup, Step, is_known, noted, results_of, run_step
from .replays import ReplayedSteps
from .values import Carried, Value, lift, reads

KEPT_PLANS = 64
UNKNOWN: Any = object()


@dataclass(frozen=True)
class Plan:
    """What is left to do for inputs of certain shapes.

    Attributes:
        steps: the steps, each with the names that nobody needs after it, and the function to call on its inputs as they
            are; None where they must be looked at.
        known: name -> value that the steps and outputs use.
        replayed: runs the steps, for a plan that was made by a run.
    """

    steps: tuple[tuple[Step, tuple[str, ...], Callable[..., Any] | None], ...]
    known: Mapping[str, Value]
    replayed: ReplayedSteps | None = None


class Plans:
    """A body with the plans made for it, and the module that holds its weights."""

    def __init__(self, body: Body, module: nn.Module) -> None:
        self.body = body
        self.module = module
        self.weight: Lookup = partial(getattr, module)
        self.base: Plan | None = None
        self.derived = Derived((), {}, self.weight)
        self.kept: dict[tuple[Any, ...], Plan | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Recordings belong to the tensors of one model: a copy makes its own."""
        return {**self.__dict__, "kept": {}}

    @property
    def replays(self) -> int:
        """How many runs were replayed, for kinds of inputs that plans are kept for."""
        return sum(replays.count for replays in self.recordings())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why runs for some kinds of inputs are recorded anew each time."""
        found = {reason for replays in self.recordings() for reason in replays.reasons}
        if None in self.kept.values():
            found.add("a shape or a branch depends on the elements of an input")
        return tuple(sorted(found))

    def recordings(self) -> list[Replays]:
        return [plan.replayed.replays for plan in self.kept.values() if plan and plan.replayed]

    def forget(self) -> None:
        """Drop everything that was worked out, because constants have changed."""
        self.base = None
        self.kept.clear()

    def run(self, values: Sequence[Value]) -> list[Any]:
        """Run the body on one value per input."""
        if self.base is None:
            self.base = self.fold_constants()
        given = {"": None, **dict(zip((slot.name for slot in self.body.inputs), values))}
        weights = self.derived.values(self.weights())
        key = tuple(map(signature, values))
        plan = self.kept.get(key, UNKNOWN)
        if isinstance(plan, Plan) and plan.replayed:
            return plan.replayed({**weights, **given})
        known = {**self.base.known, **weights, **given}
        if plan is None:
            self.follow(self.base, known)
        else:
            # Single operations on a dict, which threads may interleave; the oldest plan goes first.
            self.kept[key] = self.first_run(known)
            if len(self.kept) > KEPT_PLANS:
                self.kept.pop(next(iter(self.kept)), None)
        return [known[slot.name] for slot in self.body.outputs]

    def weights(self) -> dict[str, Value]:
        """The module's tensors, by their names in the body."""
        keys = self.body.weights
        try:
            return dict(zip(keys, map(vars(self.module).__getitem__, keys.values())))
        except KeyError:  # one is computed, by a property of the class
            return dict(zip(keys, map(self.weight, keys.values())))

    def follow(self, plan: Plan, known: dict[str, Value]) -> None:
        """Run the steps of a plan; values are let go after their last use, so that they can be fused away."""
        for step, dropped, direct in plan.steps:
            if direct is None:
                results = run_step(step, known, self.weight)
            else:
                try:
                    results = results_of(step, direct(*[known[name] for name in step.inputs], **step.attributes))
                except Exception as error:
                    raise noted(error, step) from None
            for name, result in zip(step.outputs, results):
                known[name] = result
            for name in dropped:
                del known[name]

    def fold_constants(self) -> Plan:
        """Run the steps that depend on constants alone, and set aside those that depend on weights too."""
        known: dict[str, Value] = dict(self.body.constants)
        rest = []
        for step in (part for whole in joined(self.body) for part in split(whole)):
            if not self.is_foldable(step, known):
                rest.append(step)
                continue
            results = run_step(step, known, self.weight)
            if all(map(is_known, results)):
                known.update(zip(step.outputs, results))
            else:
                rest.append(step)
        fixed = {*known, *self.body.weights, ""}
        derived, others = [], []
        for step in rest:
            if is_pure(step) and fixed.issuperset(step.inputs):
                fixed.update(step.outputs)
                derived.append(step)
            else:
                others.append(step)
        needed = {slot.name for slot in self.body.outputs}.union(*map(names_in, others))
        self.derived = Derived(derived, known, self.weight, needed)
        return self.plan(others, known)

    def is_foldable(self, step: Step, known: Mapping[str, Value]) -> bool:
        if not step.inputs or (isinstance(step.call, Map) and step.call.random):
            return False
        captured = (name for body in step.bodies for name in step.attributes[body].captured)
        return all(not name or name in known for name in (*step.inputs, *captured))

    def first_run(self, known: dict[str, Value]) -> Plan | None:
        """Run all steps; return the plan for the next time, None if none can be made."""
        assert self.base is not None
        before, rest, found = reads.count, [], dict(self.base.known)
        for step, *_ in self.base.steps:
            results = run_step(step, known, self.weight)
            known.update(zip(step.outputs, results))
            if all(map(is_known, results)):
                found.update(zip(step.outputs, results))
            else:
                rest.append(step)
        if reads.count != before:
            return None
        plan = self.plan(rest, found, known)
        return replace(plan, replayed=self.replayed(plan))

    def replayed(self, plan: Plan) -> ReplayedSteps:
        outputs = [slot.name for slot in self.body.outputs]
        used, made = dict.fromkeys([""]), set[str]()  # in order, so that a tensor is always the same argument
        for step, *_ in plan.steps:
            used.update(dict.fromkeys(name for name in names_in(step) if name not in made))
            made.update(step.outputs)
        used.update(dict.fromkeys(name for name in outputs if name not in made))
        return ReplayedSteps(partial(self.follow, plan), list(used), {"": None, **plan.known}, outputs)

    def plan(self, steps: Iterable[Step], known: Mapping[str, Value], seen: Mapping[str, Value] | None = None) -> Plan:
        """Prepare steps; with `seen`, the values of a run, arrays that they take as tensors are made tensors, once."""
        kept: dict[str, Value] = {}
        direct = [None if seen is None else function_for(step, seen) for step in steps]
        ready = [self.prepared(step, known, kept, seen is not None) for step in steps]
        outputs = {slot.name for slot in self.body.outputs}
        kept.update({name: known[name] for name in outputs if name in known})
        last: dict[str, int] = {}
        for number, step in enumerate(ready):
            for name in (*names_in(step), *step.outputs):
                last[name] = number
        dropped: list[list[str]] = [[] for _ in ready]
        for name, number in last.items():
            if name and name not in outputs and name not in kept:
                dropped[number].append(name)
        return Plan(tuple(zip(ready, map(tuple, dropped), direct)), kept)

    def prepared(self, step: Step, known: Mapping[str, Value], kept: dict[str, Value], lifts: bool) -> Step:
        inputs = list(step.inputs)
        places = step.call.places if isinstance(step.call, Map) and lifts else range(len(inputs))
        for place, name in enumerate(inputs):
            if name not in known:
                continue
            value = known[name]
            if place in places or not isinstance(value, np.ndarray):
                kept[name] = value
                continue
            inputs[place] = f"{name}\0tensor"
            if inputs[place] not in kept:
                kept[inputs[place]] = lift(value)
        for body in step.bodies:
            kept.update({name: known[name] for name in step.attributes[body].captured if name in known})
        return replace(step, inputs=tuple(inputs))


def function_for(step: Step, seen: Mapping[str, Value]) -> Callable[..., Any] | None:
    """Return what computes a step whose inputs are of the kinds it takes; None where a map must see to that."""
    if not isinstance(step.call, Map) or step.bodies:
        return None
    return None if any(isinstance(seen[name], Carried) for name in step.inputs) else step.call.function


def names_in(step: Step) -> list[str]:
    """Return everything a step uses."""
    return [*step.inputs, *(name for body in step.bodies for name in step.attributes[body].captured)]


def signature(value: Value) -> tuple[Any, ...]:
    """Return what a plan depends on: element type and shape."""
    if value is None:
        return ()
    if isinstance(value, list):
        return ("sequence", *map(signature, value))
    tensor = value.tensor if isinstance(value, Carried) else value
    return tuple(tensor.shape), tensor.dtype
