"""Which tensors of a model are parameters, which are buffers, and what they are called."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx

from pyflame import nn

from .maps import find
from .program import Body
from .proto import standard
from .validate import graphs_of
from .values import OF_ARRAY, Array

PARAMETER, STATISTIC, CONSTANT = "parameter", "statistic", "constant"
# Inputs that are state of training, not learnt by gradients.
STATISTICS = {"BatchNormalization": (3, 4)}


@dataclass
class Entry:
    """One tensor that a module holds.

    Attributes:
        key: its name in the module and its state dict.
        name: its name in the model.
        array: its value.
        kind: parameter, statistic (a buffer) or constant (a buffer that the program knows by value).
        homes: for a constant, the bodies that hold its value, and its name there.
    """

    key: str
    name: str
    array: Array
    kind: str
    homes: list[tuple[Body, str]] = field(default_factory=list)


class Weights:
    """All tensors that a module holds, by key."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def add(self, name: str, array: Array, kind: str) -> str:
        """Add a tensor under a name of the model; return its key."""
        key = unique(sanitised(name), self.entries)
        self.entries[key] = Entry(key, name, array, kind)
        return key

    def add_constant(self, name: str, array: Array, body: Body, local: str) -> None:
        """Add a tensor that the program knows by value; types without a dtype stay with the program alone."""
        kind = OF_ARRAY.get(array.dtype)
        if kind is not None and kind.native:
            self.entries[self.add(name, array, CONSTANT)].homes.append((body, local))


def sanitised(name: str) -> str:
    """Return a name that can be an attribute: letters, digits and underscores."""
    plain = re.sub(r"\W", "_", name) or "_"
    return f"_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain


def unique(key: str, taken: Mapping[str, object]) -> str:
    """Return the key, with a number where it is taken or an attribute of every module."""
    chosen, number = key, 1
    while chosen in taken or hasattr(nn.Module, chosen) or chosen in RESERVED:
        number += 1
        chosen = f"{key}_{number}"
    return chosen


RESERVED = {
    "body",
    "fallback_reasons",
    "graph",
    "graph_for",
    "info",
    "input_names",
    "metadata",
    "name",
    "onnx_names",
    "opsets",
    "output_names",
    "replays",
    "run_values",
    "to_python",
    "training",
}


def kind_of(name: str, array: Array, graph: onnx.GraphProto, opsets: Mapping[str, int], is_initializer: bool) -> str:
    """Tell what a stored tensor is.

    Floats of at least one dimension are parameters, unless an operator reads them on the host, as Resize does scales.
    """
    kind = OF_ARRAY.get(array.dtype)
    floats = kind is not None and kind.native and kind.dtype.is_floating_point
    if not floats or array.ndim == 0 or (array.size <= 1 and not is_initializer):
        return CONSTANT
    uses = list(uses_of(name, graph))
    for op, domain, place in uses:
        if place in STATISTICS.get(op, ()):
            return STATISTIC
        entry = find(op, opsets.get(domain, 0), domain)
        if entry is not None and place in entry.places:
            return CONSTANT
    return PARAMETER


def uses_of(name: str, graph: onnx.GraphProto) -> Iterator[tuple[str, str, int]]:
    """Yield operator, domain and input number of each use of a value, those in nested graphs included."""
    for node in graph.node:
        for place, used in enumerate(node.input):
            if used == name:
                yield node.op_type, standard(node.domain), place
        for attribute in node.attribute:
            for inner in graphs_of(attribute):
                yield from uses_of(name, inner)


def as_float(array: Array) -> Array:
    """Return an array that NumPy alone can hold: bfloat16 as float32."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
