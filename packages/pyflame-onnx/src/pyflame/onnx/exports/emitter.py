"""Writing nodes of an ONNX graph: names, types, constants, and what an opset asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import helper

import pyflame as pf

from .dims import Dim, Varying
from .sizes import Sizes
from .types import ONNX_TYPES, array_in, schema_type, tensor_of

Array = np.ndarray[Any, Any]
INT64_MAX = 2**63 - 1
# Operators that only move elements: they take every type, in onnxruntime too.
MOVES = {
    "Cast", "Concat", "Constant", "ConstantOfShape", "Equal", "Expand", "Flatten", "Gather", "GatherElements",
    "Identity", "NonZero", "Pad", "Reshape", "ScatterElements", "Shape", "Slice", "Split", "Squeeze", "Transpose",
    "Unsqueeze", "Where", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor",
}  # fmt: skip
WIDER = {
    pf.bool: (pf.int32, pf.float32),
    pf.uint8: (pf.int32, pf.int64, pf.float32),
    pf.int8: (pf.int32, pf.int64, pf.float32),
    pf.int16: (pf.int32, pf.int64, pf.float32),
    pf.int32: (pf.int64, pf.float64),
    pf.int64: (pf.float64,),
    pf.float16: (pf.float32,),
    pf.bfloat16: (pf.float32,),
}
SMALL_INTEGERS = (pf.uint8, pf.int8, pf.int16)


@dataclass
class Initializer:
    """A stored tensor; its bytes are not copied before they are written."""

    array: Array
    dtype: pf.DType


@dataclass
class Emitter:
    """Collects the nodes of a graph.

    Attributes:
        opset: version of the standard operators that may be used.
        scope: path of the module that nodes are named after.
        note: where in the user's code the nodes that follow come from.
    """

    opset: int
    sizes: Sizes = field(default_factory=Sizes)
    scope: str = ""
    note: str = ""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: dict[str, Initializer] = field(default_factory=dict)
    dtypes: dict[str, pf.DType] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    origin: int = -1  # the node of the PyFlame graph that nodes are made for
    origins: list[int] = field(default_factory=list)
    _stems: Counter[str] = field(default_factory=Counter)
    _constants: dict[tuple[pf.DType, tuple[int, ...], bytes], str] = field(default_factory=dict)
    _resolved: dict[Varying, str] = field(default_factory=dict)

    def unique(self, stem: str) -> str:
        """A name no other value or node has."""
        name = stem
        while name in self.taken:
            self._stems[stem] += 1
            name = f"{stem}_{self._stems[stem]}"
        self.taken.add(name)
        return name

    def op(self, kind: str, *inputs: str, **attrs: Any) -> str:
        """Add a node with one result, and return the result's name.

        Args:
            kind: the operator.
            inputs: names of values; "" for one that is left out.
            attrs: attributes; None for one that is left out.
        """
        return self.ops(kind, *inputs, outputs=1, **attrs)[0]

    def ops(
        self, kind: str, *inputs: str, outputs: int | Sequence[bool], domain: str = "", version: int = 1, **attrs: Any
    ) -> list[str]:
        """Add a node with several results, and return their names.

        Types that the operator does not take in this opset are converted to a wider one and back.

        Args:
            outputs: how many results, or for each whether it is needed.
            domain: of the operator; "" for the standard one.
            version: of the domain's operators.
        """
        if domain:
            self.domains.setdefault(domain, version)
        needed = [True] * outputs if isinstance(outputs, int) else list(outputs)
        given = {key: value for key, value in attrs.items() if value is not None}
        schema = None if domain else signature(kind, self.opset)
        before = self._converted(kind, schema, inputs)
        operands = [self.cast(name, before[name]) if name in before else name for name in inputs]
        label = self.unique(f"{self.scope}/{kind}")
        results = [self.unique(f"{label}_output_{k}") if wanted else "" for k, wanted in enumerate(needed)]
        node = helper.make_node(kind, operands, results, name=label, domain=domain or None, **given)
        if self.note:
            node.doc_string = self.note
        self.nodes.append(node)
        self.origins.append(self.origin)
        if schema is None:
            return results
        known = dict(zip(operands, inputs))
        final = []
        for k, name in enumerate(results):
            self.dtypes[name] = self._result_type(schema, k, operands, given)
            back = next((self.dtypes[known[x]] for x in operands if known[x] in before), None)
            same = any(
                x in known and known[x] in before and schema.input(i) == schema.output(k)
                for i, x in enumerate(operands)
            )
            final.append(self.cast(name, back) if name and same and back is not None else name)
        return final

    def _converted(self, kind: str, schema: Signature | None, inputs: Sequence[str]) -> dict[str, pf.DType]:
        """Value name -> type it is converted to before the operator reads it."""
        if schema is None:
            return {}
        found: dict[str, pf.DType] = {}
        for position, name in enumerate(inputs):
            dtype = self.dtypes.get(name)
            if dtype is None:
                continue
            types = schema.allowed.get(schema.input(position), frozenset([schema.input(position)]))
            narrow = dtype in SMALL_INTEGERS and kind not in MOVES
            if schema_type(dtype) in types and not (narrow and schema_type(pf.int32) in types):
                continue
            wider = next((one for one in WIDER.get(dtype, ()) if schema_type(one) in types), None)
            if wider is None:
                raise NotImplementedError(f"[onnx] {kind} of opset {self.opset} does not take {dtype.name}")
            found[name] = wider
        return found

    def _result_type(self, schema: Signature, index: int, operands: Sequence[str], attrs: dict[str, Any]) -> pf.DType:
        if "to" in attrs:
            return next(dtype for dtype, code in ONNX_TYPES.items() if code == attrs["to"])
        text = schema.output(index)
        for position, name in enumerate(operands):
            if name in self.dtypes and schema.input(position) == text:
                return self.dtypes[name]
        fixed = {schema_type(dtype): dtype for dtype in ONNX_TYPES}
        if text in fixed:
            return fixed[text]
        only = schema.allowed.get(text, frozenset())
        if len(only) == 1:
            return fixed[next(iter(only))]
        if isinstance(attrs.get("value"), onnx.TensorProto):
            return next(dtype for dtype, code in ONNX_TYPES.items() if code == attrs["value"].data_type)
        if "dtype" in attrs:
            return next(dtype for dtype, code in ONNX_TYPES.items() if code == attrs["dtype"])
        raise TypeError(f"[onnx] the result type of {schema.name} is not known")

    def cast(self, name: str, dtype: pf.DType) -> str:
        """Convert a value, unless it has the type."""
        if self.dtypes[name] is dtype:
            return name
        return self.op("Cast", name, to=ONNX_TYPES[dtype])

    def const(self, values: Any, dtype: pf.DType) -> str:
        """A stored constant; equal ones are stored once.

        Args:
            values: numbers or an array, of bfloat16 as its bits if it is an array of uint16.
            dtype: element type.
        """
        kept = isinstance(values, np.ndarray) and dtype is pf.bfloat16 and values.dtype == np.uint16
        array = values if kept else array_in(values, dtype)
        if array.size > 256:
            return self.store("constant", array, dtype)
        key = (dtype, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.store("constant", array, dtype)
        return self._constants[key]

    def store(self, stem: str, array: Array, dtype: pf.DType) -> str:
        """A stored tensor under a name like `stem`."""
        name = self.unique(stem)
        self.initializers[name] = Initializer(array, dtype)
        self.dtypes[name] = dtype
        return name

    def like(self, number: float, name: str) -> str:
        """A 0-d constant of a value's type."""
        return self.const(number, self.dtypes[name])

    def ints(self, dims: Sequence[Dim]) -> str:
        """A 1-D int64 tensor of sizes, computed where they depend on dynamic axes."""
        if not any(isinstance(one, Varying) for one in dims):
            return self.const(np.array(dims, np.int64), pf.int64)
        parts: list[str] = []
        pending: list[int] = []
        for one in dims:
            if isinstance(one, Varying):
                if pending:
                    parts.append(self.const(np.array(pending, np.int64), pf.int64))
                    pending = []
                parts.append(self.size(one))
            else:
                pending.append(one)
        if pending:
            parts.append(self.const(np.array(pending, np.int64), pf.int64))
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=0)

    def size(self, value: Varying) -> str:
        """A 1-D int64 tensor of one element: a size that depends on dynamic axes."""
        if value not in self._resolved:
            self._resolved[value] = self.sizes.emit(self, value)
        return self._resolved[value]

    def axis_size(self, name: str, axis: int) -> str:
        """The size of one axis, as a tensor of one element."""
        if self.opset >= 15:
            return self.op("Shape", name, start=axis, end=axis + 1)
        return self.op("Gather", self.op("Shape", name), self.const([axis], pf.int64), axis=0)

    def reshape(self, name: str, dims: Sequence[Dim]) -> str:
        """Give a value another shape, of which at most one size is -1; a 0 is a size."""
        zero = any(one == 0 for one in dims)
        if zero and self.opset < 14:  # where Reshape takes 0 for something else, and all that is empty is equal
            return self.empty(dims, self.dtypes[name])
        return self.op("Reshape", name, self.ints(dims), allowzero=1 if zero else None)

    def empty(self, dims: Sequence[Dim], dtype: pf.DType) -> str:
        """A tensor without elements."""
        return self.op("ConstantOfShape", self.ints(dims), value=tensor_of("value", array_in([0], dtype), dtype))

    def reshaped(self, name: str, before: Sequence[Dim], after: Sequence[Dim]) -> str:
        """Give a value another shape with little arithmetic: 0 copies a size, one -1 stands for what is left."""
        if not any(isinstance(one, Varying) for one in after) or any(one == 0 for one in after):
            return self.reshape(name, after)
        dims: list[Dim] = [0 if k < len(before) and one == before[k] else one for k, one in enumerate(after)]
        left = [k for k, one in enumerate(dims) if isinstance(one, Varying)]
        if len(left) == 1:
            dims[left[0]] = -1
        return self.op("Reshape", name, self.ints(dims))

    def squeeze(self, name: str, axes: Sequence[int]) -> str:
        return self.op("Squeeze", name, self.ints(list(axes))) if axes else name

    def unsqueeze(self, name: str, axes: Sequence[int]) -> str:
        return self.op("Unsqueeze", name, self.ints(list(axes))) if axes else name

    def reduce(self, kind: str, name: str, axes: Sequence[int], keepdims: bool) -> str:
        """Reduce axes, which are an attribute or an input by operator and opset; no axes reduce nothing."""
        if not axes:
            return name
        keep = int(keepdims)
        if self.opset >= (13 if kind == "ReduceSum" else 18):
            return self.op(kind, name, self.ints(list(axes)), keepdims=keep)
        return self.op(kind, name, axes=list(axes), keepdims=keep)

    def slice(self, name: str, axis: int, start: Dim, end: Dim, step: int = 1) -> str:
        """Part of one axis."""
        return self.op("Slice", name, self.ints([start]), self.ints([end]), self.ints([axis]), self.ints([step]))


@dataclass(frozen=True)
class Signature:
    """The types an operator takes and gives; the last of each may stand for several.

    Attributes:
        name: of the operator.
        inputs: type variable or type of each operand.
        outputs: the same of each result.
        allowed: type variable -> types.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    allowed: dict[str, frozenset[str]]

    def input(self, position: int) -> str:
        """The type of an operand."""
        return self.inputs[min(position, len(self.inputs) - 1)]

    def output(self, position: int) -> str:
        """The type of a result."""
        return self.outputs[min(position, len(self.outputs) - 1)]


@cache
def signature(kind: str, opset: int) -> Signature:
    """What the installed onnx says about a standard operator; asking it each time is slow."""
    schema = onnx.defs.get_schema(kind, opset)
    return Signature(
        kind,
        tuple(one.type_str for one in schema.inputs),
        tuple(one.type_str for one in schema.outputs),
        {one.type_param_str: frozenset(one.allowed_type_strs) for one in schema.type_constraints},
    )
