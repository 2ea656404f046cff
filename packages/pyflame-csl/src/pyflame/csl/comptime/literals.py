"""Literals, names and types."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..ir import Direction
from ..syntax import ast
from . import types as t
from .coerce import coerce
from .faults import Fault
from .scope import Binding, Local, Result, Scope
from .values import VOID_VALUE, Place, Register, Storage, Value, height_of

if TYPE_CHECKING:
    from .base import Base
else:
    Base = object

TENSOR_ACCESS = t.Type("tensor_access")
MAX_ELEMENTS = 1 << 22
MAX_NESTING = 50
MAX_TYPE_TEXT = 1000  # of the text of a type, which grows with its nesting

BUILTIN_NAMES: dict[str, Value] = {
    **{name: Value(t.TYPE, type_) for name, type_ in t.NAMED_TYPES.items()},
    **{side.name: Value(t.DIRECTION, int(side)) for side in Direction if side.name},
}


@dataclass(frozen=True, eq=False)
class TensorRef:
    """A tensor access and the names that it uses, until a descriptor is made from it."""

    node: ast.TensorAccess
    scope: Scope


def suggestion(name: str, known: object) -> str:
    """A hint naming the known word nearest to a misspelt one."""
    near = difflib.get_close_matches(name, [str(word) for word in known], 1)  # type: ignore[attr-defined]
    return f"did you mean {near[0]!r}?" if near else ""


class Literals(Base):
    """Values that stand in the source as such."""

    def int_literal(self, node: ast.IntLiteral, scope: Scope, want: t.Type | None) -> Result:
        return Value(t.COMPTIME_INT, node.value)

    def float_literal(self, node: ast.FloatLiteral, scope: Scope, want: t.Type | None) -> Result:
        return Value(t.COMPTIME_FLOAT, node.value)

    def string_literal(self, node: ast.StringLiteral, scope: Scope, want: t.Type | None) -> Result:
        return Value(t.STRING, node.value)

    def bool_literal(self, node: ast.BoolLiteral, scope: Scope, want: t.Type | None) -> Result:
        return Value(t.BOOL, node.value)

    def void_literal(self, node: ast.VoidLiteral, scope: Scope, want: t.Type | None) -> Result:
        return VOID_VALUE

    def block_value(self, node: ast.Block, scope: Scope, want: t.Type | None) -> Result:
        if not node.body:
            return VOID_VALUE
        raise Fault("unsupported", scope.span(node), "a block that gives a value is not supported", "use a function")

    def enum_literal(self, node: ast.EnumLiteral, scope: Scope, want: t.Type | None) -> Result:
        if not isinstance(want, t.EnumType):
            raise Fault("type-mismatch", scope.span(node), f".{node.name.id} stands where no enum is asked for")
        return self.enum_member(want, node.name, scope)

    def enum_member(self, type_: t.EnumType, name: ast.Name, scope: Scope) -> Value:
        if name.id not in type_.values:
            hint = suggestion(name.id, type_.values)
            raise Fault("unknown-field", scope.span(name), f"the enum has no member {name.id!r}", hint)
        return Value(type_, type_.values[name.id])

    def struct_literal(self, node: ast.StructLiteral, scope: Scope, want: t.Type | None) -> Result:
        named = self.type(node.type, scope) if node.type is not None else None
        if named is not None and not isinstance(named, t.StructType):
            raise Fault("type-mismatch", scope.span(node), f"a struct type belongs here, this is {named}")
        type_ = named or want
        fields: dict[str, Result] = {}
        for position, entry in enumerate(node.fields):
            name = entry.name.id if entry.name else str(position)
            if name in fields:
                raise Fault("duplicate-field", scope.span(entry), f"field {name!r} is given twice")
            inner = type_.element if isinstance(type_, t.ArrayType) else None
            if isinstance(type_, t.StructType):
                inner = type_.types.get(name)
            fields[name] = self.field_value(self.eval(entry.value, scope, inner))
        value = self._nested(Value(t.STRUCT, fields), node, scope)
        return value if named is None else self.coerced(value, named, scope.span(node))

    def _nested(self, value: Value, node: ast.Expr, scope: Scope) -> Value:
        """A struct or array, unless it has become too deep to be walked."""
        if height_of(value.data) > MAX_NESTING:
            raise Fault("too-complex", scope.span(node), f"structs are nested deeper than {MAX_NESTING}")
        return value

    def array_literal(self, node: ast.ArrayLiteral, scope: Scope, want: t.Type | None) -> Result:
        type_ = self.type(node.type, scope)
        assert isinstance(type_, t.ArrayType)
        if len(node.elements) != type_.count:
            raise Fault(
                "wrong-arity", scope.span(node), f"{type_} needs {type_.count} elements, {len(node.elements)} are given"
            )
        entries = [self.eval(element, scope, type_.element) for element in node.elements]
        if all(type(entry) is Value for entry in entries):
            data = []
            for entry, element in zip(entries, node.elements, strict=True):
                given = coerce(entry, type_.element, scope.span(element)).data  # type: ignore[arg-type]
                if isinstance(type_.element, t.ArrayType):
                    data += given
                else:
                    data.append(given)
            return (
                self._nested(Value(type_, data), node, scope) if data and type(data[0]) is dict else Value(type_, data)
            )
        return self.array_at_run_time(type_, entries, node, scope)

    def tensor_access(self, node: ast.TensorAccess, scope: Scope, want: t.Type | None) -> Result:
        return Value(TENSOR_ACCESS, TensorRef(node, scope))

    def comptime_expr(self, node: ast.ComptimeExpr, scope: Scope, want: t.Type | None) -> Result:
        evaluator = self.session.evaluator
        with self.session.inside(running=self.session.running or self is not evaluator):
            return evaluator.value(node.value, scope, want)

    def name(self, node: ast.Name, scope: Scope, want: t.Type | None) -> Result:
        return self.read(self.binding(node, scope), scope, node)

    def binding(self, node: ast.Name, scope: Scope) -> Binding:
        name = node.id
        found: Binding | None = scope.lookup(name)
        if found is None:
            found = scope.instance.get(name, scope.span(node))
            if found is None:
                found = BUILTIN_NAMES.get(name)
                if found is None:
                    hint = suggestion(name, scope.all_names())
                    raise Fault("unknown-name", scope.span(node), f"{name!r} is not declared", hint)
        return found

    def read(self, found: Binding, scope: Scope, node: ast.Node) -> Result:
        if type(found) is Value or type(found) is Register:
            return found
        if type(found) is Local:
            return Register(found.type, found.reg)
        if type(found) is Storage:
            return self.load(Place(found.type, None, found, 0, found.const), scope, node)
        assert type(found) is Place
        return self.load(found, scope, node)

    def array_type(self, node: ast.ArrayType, scope: Scope, want: t.Type | None) -> Result:
        shape = []
        for dim in node.dims:
            size = self.integer(dim, scope)
            if size < 0:
                raise Fault("value-range", scope.span(dim), f"an array cannot have {size} elements")
            shape.append(size)
        result = t.array(tuple(shape), self.type(node.element, scope))
        if result.total > MAX_ELEMENTS:
            raise Fault(
                "value-range", scope.span(node), f"{result.total} elements are more than this front end follows"
            )
        return self.made_type(result, node, scope)

    def pointer_type(self, node: ast.PointerType, scope: Scope, want: t.Type | None) -> Result:
        return self.made_type(t.pointer(self.type(node.target, scope), node.const, node.many), node, scope)

    def made_type(self, type_: t.Type, node: ast.Expr, scope: Scope) -> Value:
        if len(type_.name) > MAX_TYPE_TEXT:
            raise Fault("too-complex", scope.span(node), "the type is nested too deep")
        return Value(t.TYPE, type_)

    def fn_type(self, node: ast.FnType, scope: Scope, want: t.Type | None) -> Result:
        params = tuple(self.type(param.type, scope) for param in node.params)
        return self.made_type(t.function(params, self.type(node.result, scope), node.kind == "task"), node, scope)

    def enum_type(self, node: ast.EnumType, scope: Scope, want: t.Type | None) -> Result:
        tag = self.type(node.tag, scope) if node.tag else t.U16
        if tag not in t.INTS:
            raise Fault("type-mismatch", scope.span(node.tag or node), f"an enum needs an integer type, {tag} is none")
        members: dict[str, int] = {}
        following = 0
        for member in node.members:
            if member.name.id in members:
                raise Fault("duplicate-name", scope.span(member), f"enum member {member.name.id!r} is declared twice")
            if member.value is not None:
                following = self.integer(member.value, scope)
            members[member.name.id] = coerce(Value(t.COMPTIME_INT, following), tag, scope.span(member)).data
            following += 1
        identity = (scope.instance.source.path, node.start)
        return Value(t.TYPE, t.EnumType(f"enum({tag})", tag, tuple(members.items()), identity))

    def refuse(self, node: ast.Node, scope: Scope, want: t.Type | None) -> Result:
        if isinstance(node, ast.ErrorNode):
            fault = Fault("expected-expression", scope.span(node), "this could not be read")
            fault.reported = True
            raise fault
        words = {
            ast.NullLiteral: "null", ast.UndefinedLiteral: "undefined here", ast.Slice: "a slice",
            ast.Range: "a range outside switch",
        }  # fmt: skip
        raise Fault("unsupported", scope.span(node), f"{words.get(type(node), type(node).__name__)} is not supported")
