"""Types that a program declares with `struct`, and the fields of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax import ast
from . import types as t
from .faults import Fault
from .literals import suggestion
from .scope import Result, Scope
from .values import Place, Register, Value

if TYPE_CHECKING:
    from .base import Base
else:
    Base = object

_SHOWN = 3  # fields in the name of a type


class Structs(Base):
    """Struct types and their fields."""

    def container_type(self, node: ast.ContainerType, scope: Scope, want: t.Type | None) -> Result:
        kind = f"{node.modifier} {node.kind}".strip()
        if node.kind == "union" or node.modifier == "packed":
            raise Fault("unsupported", scope.span(node), f"a {kind} is not supported", "use a struct, and @bitcast")
        fields: dict[str, t.Type] = {}
        for member in node.members:
            if not isinstance(member, ast.FieldDecl):
                raise Fault("unsupported", scope.span(member), "declarations inside of a struct are not supported")
            name = member.name.id
            if name in fields:
                raise Fault("duplicate-field", scope.span(member), f"field {name!r} is declared twice")
            if member.default is not None:
                raise Fault("unsupported", scope.span(member.default), "defaults of fields are not supported")
            fields[name] = self.type(member.type, scope)
        shown = [f"{name}: {type_}" for name, type_ in fields.items()]
        shown[_SHOWN:] = ["..."] if len(shown) > _SHOWN else []
        identity = (scope.instance.source.path, node.start)
        made = t.StructType(f"struct {{ {', '.join(shown)} }}", tuple(fields.items()), identity)
        return self.made_type(made, node, scope)

    def field_of(self, base: Value | Register | Place, name: ast.Name, scope: Scope) -> Value | Place | None:
        """A field of a struct, or of the one that a pointer points at; None if `base` is neither."""
        if isinstance(base.type, t.PointerType) and isinstance(base.type.pointee, t.StructType):
            base = self.pointed(self.rvalue(base, scope, name), scope, name)
        if not isinstance(base.type, t.StructType):
            return None
        type_ = base.type.types.get(name.id)
        if type_ is None:
            hint = suggestion(name.id, base.type.types)
            raise Fault("unknown-field", scope.span(name), f"{base.type} has no field {name.id!r}", hint)
        if type(base) is Place:
            return Place(type_, base.base, base.storage, base.offset + base.type.offsets[name.id], base.const)
        assert type(base) is Value
        return base.data[name.id]
