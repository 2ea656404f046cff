"""A graph as steps that call maps, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .values import Array, ElementType, Value

Lookup = Callable[[str], Value]


@dataclass
class Step:
    """One node, ready to run.

    Attributes:
        op: the operator, with its domain unless it is the standard one.
        where: the node's name, or its number, with the path of the functions and graphs around it.
        call: the map, or what else computes it.
        inputs: names of what it takes; "" for an optional input that is left out.
        attributes: by name; graphs are `Body`.
        outputs: names of its results; "" for one that is not used.
        version: the operator's version; 0 for functions.
        bodies: the attributes that are graphs.
        needs_weights: whether `call` wants to look up the module's tensors.
    """

    op: str
    where: str
    call: Callable[..., Any]
    inputs: tuple[str, ...]
    attributes: dict[str, Any]
    outputs: tuple[str, ...]
    version: int = 0
    bodies: tuple[str, ...] = ()
    needs_weights: bool = False


@dataclass
class Slot:
    """An input or output as the file declares it; parts it does not tell are None."""

    name: str
    type: ElementType | None = None
    shape: tuple[int | str | None, ...] | None = None


@dataclass
class Body:
    """A graph or function: what a model runs, a branch, the body of a loop.

    Attributes:
        where: its path, for messages.
        inputs: what it takes, in order.
        outputs: what it returns, in order.
        steps: its nodes, in order.
        constants: name -> value that nothing changes.
        weights: name -> key of the module's parameter or buffer.
        captured: names that it takes from the graphs around it.
    """

    where: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    steps: list[Step] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    captured: tuple[str, ...] = ()


class Closure:
    """A body together with the values around it: what control flow calls."""

    def __init__(self, body: Body, around: Mapping[str, Value], weight: Lookup) -> None:
        self.body = body
        self.around = around
        self.weight = weight

    def __call__(self, *values: Value) -> list[Any]:
        outer = {name: self.around[name] for name in self.body.captured}
        return run(self.body, values, self.weight, outer)


class Inlined:
    """A model-local function at one call site, where its attributes are known."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def __call__(self, *values: Value, weight: Lookup) -> Any:
        return tuple(run(self.body, values, weight, {}))


def run(body: Body, values: Sequence[Value], weight: Lookup, outer: Mapping[str, Value]) -> list[Any]:
    """Run a body.

    Args:
        body: what to run.
        values: one per input; missing ones at the end are None.
        weight: returns a parameter or buffer by its key.
        outer: name -> value of the graphs around it.
    """
    known: dict[str, Value] = {**outer, **body.constants}
    known.update({name: weight(key) for name, key in body.weights.items()})
    if len(values) > len(body.inputs):
        raise ValueError(f"[onnx] {body.where} takes {len(body.inputs)} inputs, not {len(values)}")
    padded = [*values, *[None] * (len(body.inputs) - len(values))]
    known.update(zip((slot.name for slot in body.inputs), padded))
    run_steps(body.steps, known, weight)
    # A definition may leave out what its caller does not use.
    return [known.get(slot.name) for slot in body.outputs]


def run_steps(steps: Iterable[Step], known: dict[str, Value], weight: Lookup) -> None:
    """Run steps in order, adding their results to what is known."""
    for step in steps:
        results = run_step(step, known, weight)
        for name, result in zip(step.outputs, results):
            if name:
                known[name] = result


def run_step(step: Step, known: Mapping[str, Value], weight: Lookup) -> Sequence[Any]:
    """Run one step; errors carry a note that says where it is.

    Raises:
        ValueError: it computes fewer results than its node names.
    """
    values = [known[name] if name else None for name in step.inputs]
    attributes = step.attributes
    if step.bodies:
        closures = {name: Closure(attributes[name], known, weight) for name in step.bodies}
        attributes = {**attributes, **closures}
    try:
        if step.needs_weights:
            return results_of(step, step.call(*values, weight=weight))
        return results_of(step, step.call(*values, **attributes))
    except Exception as error:
        raise noted(error, step) from None


def results_of(step: Step, result: Any) -> Sequence[Any]:
    """Return what a step computed as one value for each output.

    Raises:
        ValueError: it computes fewer results than its node names.
    """
    results = result if isinstance(result, tuple) else (result,)
    if len(results) < len(step.outputs):
        raise ValueError(f"[onnx] {step.op} computes {len(results)} results, the node names {len(step.outputs)}")
    return results


def noted(error: Exception, step: Step) -> Exception:
    """Return an error with a note that says where it is."""
    error.add_note(f"in node {step.where} ({step.op})")
    return error


def is_known(value: Value) -> bool:
    """Whether a value does not depend on the inputs' elements."""
    return value is None or isinstance(value, np.ndarray)
