"""Sequences and optional values: lists, and None where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf

from ..values import Array, ints, lift, number
from .registry import EVERY, maps


def as_list(value: Any, op: str) -> list[Any]:
    """Return a sequence.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(value, list):
        raise TypeError(f"[{op}] a sequence is needed, there is a {type(value).__name__}")
    return value


def place_in(sequence: list[Any], position: Any, op: str, end: int) -> int:
    """Return a position counted from the front, `end` excluded.

    Raises:
        IndexError: there is no such position.
    """
    place = int(number(position))
    if not -len(sequence) <= place < end:
        raise IndexError(f"[{op}] position {place} in a sequence of {len(sequence)}: it lies outside")
    return place + len(sequence) if place < 0 else place


@maps("SequenceConstruct", 11, host=EVERY, carried="own")
def construct(*values: Any) -> list[Any]:
    return list(values)


@maps("SequenceEmpty", 11, carried="own")
def empty(*, dtype: int = 1) -> list[Any]:
    return []


@maps("SequenceAt", 11, host=EVERY, carried="own")
def at(sequence: Any, position: Any) -> Any:
    entries = as_list(sequence, "SequenceAt")
    return entries[place_in(entries, position, "SequenceAt", len(entries))]


@maps("SequenceErase", 11, host=EVERY, carried="own")
def erase(sequence: Any, position: Any = None) -> list[Any]:
    entries = as_list(sequence, "SequenceErase")
    place = len(entries) - 1 if position is None else place_in(entries, position, "SequenceErase", len(entries))
    return entries[:place] + entries[place + 1 :]


@maps("SequenceInsert", 11, host=EVERY, carried="own")
def insert(sequence: Any, value: Any, position: Any = None) -> list[Any]:
    entries = as_list(sequence, "SequenceInsert")
    count = len(entries)
    place = count if position is None else place_in(entries, position, "SequenceInsert", count + 1)
    return [*entries[:place], value, *entries[place:]]


@maps("SequenceLength", 11, host=EVERY, carried="own")
def length(sequence: Any) -> Array:
    return np.array(len(as_list(sequence, "SequenceLength")), np.int64)


def tensor_of(value: Any) -> Any:
    return lift(value) if isinstance(value, np.ndarray) else value


@maps("ConcatFromSequence", 11, host=EVERY)
def concat_from_sequence(sequence: Any, *, axis: int, new_axis: int = 0) -> Any:
    entries = [tensor_of(entry) for entry in as_list(sequence, "ConcatFromSequence")]
    return pf.stack(entries, axis) if new_axis else pf.cat(entries, axis)


@maps("SplitToSequence", 11, 24, host="split")
def split_to_sequence(x: Any, split: Any = None, *, axis: int = 0, keepdims: int = 1) -> list[Any]:
    size = x.shape[axis]
    if split is None:
        entries = pf.split(x, 1, axis)
        return [entry if keepdims else pf.squeeze(entry, axis) for entry in entries]
    sizes: Sequence[int] = ints(split)
    if tuple(split.shape) == ():
        step = sizes[0]
        if step < 1:
            raise ValueError(f"[SplitToSequence] parts of {step} elements: at least 1 is needed")
        return list(pf.split(x, step, axis))
    if sum(sizes) != size or min(sizes) < 0:
        raise ValueError(f"[SplitToSequence] sizes {list(sizes)} of axis {axis}, which has {size}: they do not add up")
    return list(pf.split(x, list(sizes), axis))


@maps("Optional", 15, 28, host=EVERY, carried="own")
def optional(value: Any = None, *, type: Any = None) -> Any:
    return value


@maps("OptionalHasElement", 15, 18, 28, host=EVERY, carried="own")
def has_element(value: Any = None) -> Array:
    return np.array(value is not None)


@maps("OptionalGetElement", 15, 18, 28, host=EVERY, carried="own")
def get_element(value: Any) -> Any:
    if value is None:
        raise ValueError("[OptionalGetElement] the optional value is empty")
    return value
