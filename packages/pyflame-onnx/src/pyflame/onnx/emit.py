"""Writing a model as Python source: one line per node, calls of the maps by name."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx

from .expand import Expanded
from .maps import Map
from .program import Body, Inlined, Step
from .values import Array
from .weights import PARAMETER, Entry

INDENT = "    "
HEAD = '''"""{name}, written out by pyflame.onnx. Load the weights with `Model().load_state_dict(...)`."""

import numpy as np

import pyflame as pf
from pyflame import nn
from pyflame.onnx.maps import operator
from pyflame.onnx.values import carried, element_type, first, release, to_array
'''


class Writer:
    """Collects the source of one model.

    Args:
        name: what the model is called.
        body: what it runs.
        entries: the tensors it holds, by key.
    """

    def __init__(self, name: str, body: Body, entries: dict[str, Entry]) -> None:
        self.name, self.body, self.entries = name, body, entries
        self.functions: dict[tuple[str, str, int], str] = {}
        self.taken: set[str] = {"self", "np", "pf", "nn", "operator", "carried", "element_type", "first", "release"}
        self.homes = {(id(b), local): key for key, e in entries.items() for b, local in e.homes}

    def source(self) -> str:
        """Return the whole module."""
        forward = list(self.forward())
        head = HEAD.format(name=self.name.replace("\\", "/").replace('"', "'"))
        calls = [
            f'{alias} = operator("{op}", {version}{f", {domain!r}" if domain else ""})'
            for (domain, op, version), alias in sorted(self.functions.items(), key=lambda item: item[1])
        ]
        return "\n".join([head, *calls, "", "", "class Model(nn.Module):", *self.constructor(), "", *forward, ""])

    def constructor(self) -> Iterator[str]:
        yield f"{INDENT}def __init__(self):"
        yield f"{INDENT * 2}super().__init__()"
        for key, entry in self.entries.items():
            dtype = "bool_" if entry.array.dtype == bool else entry.array.dtype.name
            zeros = f"pf.zeros({tuple(entry.array.shape)}, dtype=pf.{dtype})"
            if entry.kind == PARAMETER:
                yield f"{INDENT * 2}self.{key} = nn.Parameter({zeros})"
            else:
                yield f'{INDENT * 2}self.register_buffer("{key}", {zeros})'

    def forward(self) -> Iterator[str]:
        names: dict[str, str] = {}
        arguments = [self.name_of(slot.name, names) for slot in self.body.inputs]
        yield f"{INDENT}def forward({', '.join(['self', *arguments])}):"
        for slot, argument in zip(self.body.inputs, arguments):
            if slot.type is not None and not slot.type.native:
                yield f"{INDENT * 2}{argument} = carried({argument}, element_type({slot.type.code}))"
        yield from self.lines(self.body, names, INDENT * 2)
        results = [f"release({names[slot.name]})" for slot in self.body.outputs]
        yield f"{INDENT * 2}return {', '.join(results)}"

    def lines(self, body: Body, names: dict[str, str], indent: str) -> Iterator[str]:
        """Yield the statements of a body; `names` are the Python names of its values and is added to."""
        for local, key in body.weights.items():
            names[local] = f"self.{key}"
        for local, array in body.constants.items():
            held = self.homes.get((id(body), local))
            names[local] = f"to_array(self.{held})" if held else literal(array)
        for step in body.steps:
            yield from self.statement(step, names, indent)

    def statement(self, step: Step, names: dict[str, str], indent: str) -> Iterator[str]:
        arguments = [names[name] if name else "None" for name in step.inputs]
        if isinstance(step.call, Map):
            called = self.alias(step)
            for name in step.bodies:
                yield from self.function(step.attributes[name], self.fresh(f"{called}_{name}"), names, indent)
                arguments.append(f"{name}={self.last}")
            arguments += [f"{name}={value}" for name, value in self.options(step)]
        else:
            called_body: Any = step.call
            inner = called_body.inlined.get(()) if isinstance(called_body, Expanded) else called_body
            if not isinstance(inner, Inlined):
                raise NotImplementedError(f"[to_python] {step.op} at {step.where} depends on types: it has no source")
            yield from self.function(inner.body, self.fresh(step.op), names, indent)
            called = self.last
        call = f"{called}({', '.join(arguments)})"
        outputs = [self.name_of(name, names) if name else "_" for name in step.outputs]
        if len(outputs) == 1:
            yield f"{indent}{outputs[0]} = first({call})" if gives_tuple(step) else f"{indent}{outputs[0]} = {call}"
        else:
            yield f"{indent}{', '.join(outputs)}, *_ = {call}"

    def function(self, body: Body, name: str, names: dict[str, str], indent: str) -> Iterator[str]:
        """Yield a nested function for a body; its name is in `last` afterwards."""
        inner = dict(names)
        arguments = [f"{self.name_of(slot.name, inner)}=None" for slot in body.inputs]
        yield f"{indent}def {name}({', '.join(arguments)}):"
        yield from self.lines(body, inner, indent + INDENT)
        results = ", ".join(inner.get(slot.name, "None") for slot in body.outputs)
        yield f"{indent}{INDENT}return [{results}]"
        self.last = name

    def options(self, step: Step) -> Iterator[tuple[str, str]]:
        """Yield the attributes that differ from their defaults."""
        parameters = inspect.signature(step.call.function).parameters  # type: ignore[attr-defined]
        for name, value in sorted(step.attributes.items()):
            if isinstance(value, onnx.TypeProto):  # tells a type that values have anyway
                continue
            if name not in step.bodies and not same(value, parameters[name].default):
                yield name, literal(value) if isinstance(value, np.ndarray) else repr(value)

    def alias(self, step: Step) -> str:
        domain, _, op = step.op.rpartition("::")
        key = (domain, op, step.call.version)  # type: ignore[attr-defined]
        if key not in self.functions:
            self.functions[key] = self.fresh(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", op).lower())
        return self.functions[key]

    def name_of(self, name: str, names: dict[str, str]) -> str:
        names[name] = self.fresh(name)
        return names[name]

    def fresh(self, name: str) -> str:
        """Return a Python name that is not taken."""
        plain = re.sub(r"\W+", "_", name).strip("_") or "value"
        plain = f"v_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain
        chosen, number = plain, 1
        while chosen in self.taken:
            number += 1
            chosen = f"{plain}_{number}"
        self.taken.add(chosen)
        return chosen


def gives_tuple(step: Step) -> bool:
    """Whether a step of one output may return several."""
    if isinstance(step.call, Map):
        return "tuple" in str(inspect.signature(step.call.function).return_annotation)
    return True


def same(value: Any, default: Any) -> bool:
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return False
    return bool(
        value == default or (isinstance(value, list) and isinstance(default, tuple) and tuple(value) == default)
    )


def literal(array: Array) -> str:
    """Return an expression for a small array."""
    if array.dtype.kind == "V" or array.dtype.name not in dir(np):
        raise NotImplementedError(f"[to_python] constants of {array.dtype} have no source")
    values = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(array.tolist()))
    empty = f".reshape({array.shape})" if not array.size else ""
    return f"np.array({values}, np.{array.dtype.name}){empty}"


def write_source(name: str, body: Body, entries: dict[str, Entry]) -> str:
    """Return the source of a module that computes what a model computes.

    Raises:
        NotImplementedError: an operator has no form that can be written out.
    """
    return Writer(name, body, entries).source()
