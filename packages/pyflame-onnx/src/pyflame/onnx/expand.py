"""Operators without a map of their own, which ONNX defines by others: the definition is read like a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import onnx.defs
from onnx import helper

from .program import Inlined, Lookup
from .values import Value, type_of

if TYPE_CHECKING:
    from .importer import Importer, Scope


def definition(op: str, opset: int, domain: str) -> tuple[Any, int, bool] | None:
    """Find how ONNX defines an operator by others.

    Returns:
        Its schema, the opset the definition is for, and whether the definition depends on the types of the inputs;
        None if there is no definition.
    """
    try:
        schema = onnx.defs.get_schema(op, opset, domain)
    except onnx.defs.SchemaError:
        return None
    if schema.deprecated:
        return None
    bound: Any = schema  # the stubs of onnx lack these members
    for versions, depends in (
        (bound.function_opset_versions, False),
        (bound.context_dependent_function_opset_versions, True),
    ):
        fitting = [version for version in versions if version <= opset or domain]
        if fitting:
            return bound, max(fitting), depends
    return None


class Expanded:
    """A node that is computed by its operator's definition, which may depend on the types of its inputs."""

    def __init__(self, importer: Importer, node: onnx.NodeProto, scope: Scope, opset: int, domain: str) -> None:
        self.importer, self.node, self.scope = importer, node, scope
        self.opset, self.domain = opset, domain
        schema, version, self.depends = self.definition()
        self.inlined: dict[tuple[Any, ...], Inlined] = {}
        if not self.depends:
            self.inlined[()] = self.read(schema.get_function_with_opset_version(version))

    def definition(self) -> tuple[Any, int, bool]:
        """Look the definition up; its schema cannot be copied, so it is not kept."""
        found = definition(self.node.op_type, self.opset, self.domain)
        if found is None:
            raise ValueError(f"[onnx] {self.node.op_type} of opset {self.opset} has no definition by other operators")
        return found

    def __call__(self, *values: Value, weight: Lookup) -> Any:
        key = tuple(map(signature, values)) if self.depends else ()
        if key not in self.inlined:
            self.inlined[key] = self.read(self.define(values))
        return self.inlined[key](*values, weight=weight)

    def define(self, values: tuple[Value, ...]) -> bytes:
        """Return the definition for inputs of these types."""
        types = [
            onnx.TypeProto() if kind is None else helper.make_tensor_type_proto(kind[0], kind[1])
            for kind in map(signature, values)
        ]
        node = self.node.SerializeToString()
        data = [kind.SerializeToString() for kind in types]
        schema, version, _ = self.definition()
        text: bytes = schema.get_context_dependent_function_with_opset_version(version, node, data)
        return text

    def read(self, text: bytes | onnx.FunctionProto) -> Inlined:
        function = text if isinstance(text, onnx.FunctionProto) else onnx.FunctionProto.FromString(text)
        given = {attribute.name: attribute for attribute in self.node.attribute}
        for name, attribute in self.definition()[0].attributes.items():
            if attribute.default_value.type and name not in given:
                given[name] = attribute.default_value
        return Inlined(self.importer.read_function(function, given, self.scope))


def signature(value: Value) -> tuple[int, tuple[int, ...]] | None:
    """Return element type and shape of a value; None where there is none."""
    if value is None or isinstance(value, list):
        return None
    return type_of(value).code, tuple(map(int, value.shape))
