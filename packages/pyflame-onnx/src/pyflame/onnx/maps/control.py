"""Control flow: graphs inside nodes are called like functions, with the values around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf

from ..values import Carried, carry, lift, number, type_of
from .registry import EVERY, maps

Graph = Any  # a Closure, or a function of a written-out module
ADDED_TYPES = (19, 21, 23, 24, 25)  # versions that only added element types


@maps("If", 1, 11, 13, 16, *ADDED_TYPES, host=EVERY, carried="own")
def if_(condition: Any, *, then_branch: Graph, else_branch: Graph) -> tuple[Any, ...]:
    return tuple(then_branch() if number(condition) else else_branch())


@maps("Loop", 1, 11, 13, 16, *ADDED_TYPES, host=EVERY, carried="own")
def loop(trips: Any = None, condition: Any = None, *state: Any, body: Graph) -> tuple[Any, ...]:
    limit = None if trips is None else int(number(trips))
    goes_on = True if condition is None else bool(number(condition))
    values = list(state)
    rows: list[list[Any]] | None = None
    iteration = 0
    while goes_on and (limit is None or iteration < limit):
        results = body(np.array(iteration, np.int64), np.array(True), *values)
        goes_on, values, scanned = bool(number(results[0])), results[1 : len(state) + 1], results[len(state) + 1 :]
        rows = [[] for _ in scanned] if rows is None else rows
        for row, value in zip(rows, scanned):
            row.append(value)
        iteration += 1
    if rows is None:
        return (*values, *empty_scans(body, len(state) + 1))
    return (*values, *(stack(row, 0) for row in rows))


def empty_scans(body: Any, first: int) -> list[Any]:
    """Return what a body that never ran has collected: nothing, in the shape that it declares."""
    slots = body.body.outputs[first:]
    return [
        lift(np.zeros((0, *(size if isinstance(size, int) else 0 for size in slot.shape or ())), slot.type.array))
        if slot.type
        else []
        for slot in slots
    ]


def stack(values: Sequence[Any], axis: int) -> Any:
    """Put the results of all iterations together along a new axis."""
    if all(isinstance(value, np.ndarray) for value in values):
        return np.stack(values, axis)
    tensors = [lift(value) if isinstance(value, np.ndarray) else value for value in values]
    plain = [tensor.tensor if isinstance(tensor, Carried) else tensor for tensor in tensors]
    return carry(pf.stack(plain, axis), type_of(tensors[0]))


def choose(value: Any, axis: int, place: int) -> Any:
    """Return one slice of a value."""
    if isinstance(value, np.ndarray):
        return np.take(value, place, axis)
    if isinstance(value, Carried):
        return Carried(pf.select(value.tensor, axis, place), value.type)
    return pf.select(value, axis, place)


def scan_over(
    state: Sequence[Any],
    scanned: Sequence[Any],
    body: Graph,
    input_axes: Sequence[int],
    input_reversed: Sequence[int],
    output_axes: Sequence[int],
    output_reversed: Sequence[int],
) -> tuple[Any, ...]:
    """Run a body over slices of some values, passing others from iteration to iteration."""
    lengths = {int(value.shape[axis]) for value, axis in zip(scanned, input_axes)}
    if len(lengths) != 1:
        raise ValueError(f"[Scan] the inputs have {sorted(lengths)} slices: all need equally many")
    (length,) = lengths
    values, rows = list(state), list[list[Any]]()
    for iteration in range(length):
        places = [length - 1 - iteration if back else iteration for back in input_reversed]
        slices = [choose(value, axis, place) for value, axis, place in zip(scanned, input_axes, places)]
        results = body(*values, *slices)
        values, collected = results[: len(state)], results[len(state) :]
        rows = rows or [[] for _ in collected]
        for row, value in zip(rows, collected):
            row.append(value)
    if not length:
        return (*values, *empty_scans(body, len(state)))
    backwards = output_reversed or [0] * len(rows)
    axes = output_axes or [0] * len(rows)
    return (*values, *(stack(row[::-1] if back else row, axis) for row, back, axis in zip(rows, backwards, axes)))


@maps("Scan", 8, host=EVERY, carried="own")
def scan_of_batches(
    lengths: Any, *values: Any, body: Graph, num_scan_inputs: int, directions: Sequence[int] | None = None
) -> tuple[Any, ...]:
    if lengths is not None:
        raise NotImplementedError("[Scan] sequence_lens of version 8 has no map: export with opset 9 or newer")
    first = len(values) - num_scan_inputs
    backwards = list(directions or [0] * num_scan_inputs)
    results = []
    for batch in range(int(values[0].shape[0])):
        own = [choose(value, 0, batch) for value in values]
        results.append(scan_over(own[:first], own[first:], body, [0] * num_scan_inputs, backwards, (), ()))
    return tuple(stack(parts, 0) for parts in zip(*results))


@maps("Scan", 9, 11, 16, *ADDED_TYPES, host=EVERY, carried="own")
def scan(
    *values: Any,
    body: Graph,
    num_scan_inputs: int,
    scan_input_axes: Sequence[int] | None = None,
    scan_input_directions: Sequence[int] | None = None,
    scan_output_axes: Sequence[int] | None = None,
    scan_output_directions: Sequence[int] | None = None,
) -> tuple[Any, ...]:
    first = len(values) - num_scan_inputs
    return scan_over(
        values[:first],
        values[first:],
        body,
        scan_input_axes or [0] * num_scan_inputs,
        scan_input_directions or [0] * num_scan_inputs,
        scan_output_axes or (),
        scan_output_directions or (),
    )


@maps("SequenceMap", 17, host=EVERY, carried="own")
def sequence_map(sequence: Any, *others: Any, body: Graph) -> tuple[list[Any], ...]:
    rows = []
    for place, value in enumerate(sequence):
        rows.append(body(value, *(other[place] if isinstance(other, list) else other for other in others)))
    return tuple(list(column) for column in zip(*rows)) if rows else tuple([] for _ in body.body.outputs)
