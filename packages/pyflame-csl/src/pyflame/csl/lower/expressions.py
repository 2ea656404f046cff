"""Expressions whose value is only known at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from ..comptime import types as t
from ..comptime.coerce import check_fields, coerce, mismatch, peer, pointer_fits, widens
from ..comptime.evaluator import Evaluator
from ..comptime.faults import Fault
from ..comptime.scope import Result, Scope
from ..comptime.values import Place, Pointer, Register, Storage, Value
from ..syntax import ast
from ..syntax.source import Span
from .code import Emitter

if TYPE_CHECKING:
    from .code import FunctionCode

_T = TypeVar("_T")
_ARITHMETIC = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "rem",
    "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr",
}  # fmt: skip
_COMPARE = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "lt", ">=": "le"}


class RunTimeExpressions(Evaluator):
    """The evaluator with instructions for what is not known: results are a `Register` or, in memory, a `Place`."""

    emitter: Emitter
    function: FunctionCode

    def reg(self, found: Result, scope: Scope, node: ast.Node) -> int:
        """The register that holds a value; a known one is put there."""
        if type(found) is Register:
            return found.reg
        if type(found) is Place:
            if t.in_memory(found.type):
                return self.address(found)
            loaded = self.load(found, scope, node)
            return self.reg(loaded, scope, node)
        assert type(found) is Value
        if t.in_memory(found.type):
            return self.address(self.constant_place(found, scope.span(node)))
        if not t.scalar_of(found.type):
            hint = "give it a type with @as" if found.type in t.NUMERIC else ""
            raise Fault(
                "type-mismatch", scope.span(node), f"a value of type {found.type} exists only at comptime", hint
            )
        return self.emitter.constant(found)

    def constant_place(self, value: Value, span: Span) -> Place:
        """Memory that holds a known array."""
        storage = Storage(f"{self.function.name}.constant", value.type, value, span, const=True, placed=True)
        return Place(value.type, None, storage, 0, const=True)

    def address(self, place: Place) -> int:
        """A register with the address of a place."""
        if place.base is None:
            assert place.storage is not None
            pointer = t.pointer(place.type)
            return self.emitter.constant(Value(pointer, Pointer(place.storage, place.offset)))
        if place.storage is None and place.offset == 0:
            return place.base
        shift = self.emitter.compute("const", imm=place.offset)
        if place.storage is not None:
            self.emitter.relocate("addr", place.storage)
        return self.emitter.compute("add.u16", place.base, shift)

    def address_at_run_time(self, place: Place) -> Result:
        return Register(t.pointer(place.type, place.const), self.address(place))

    def load(self, place: Place, scope: Scope, node: ast.Node) -> Result:
        storage = place.storage
        if storage is not None and place.base is None and (not storage.placed or (storage.const and storage.value)):
            if t.in_memory(place.type) and storage.placed:
                return place
            return self.load_comptime(place, scope, node)
        if t.in_memory(place.type):
            return place
        if not t.scalar_of(place.type):
            raise Fault("type-mismatch", scope.span(node), f"a value of type {place.type} exists only at comptime")
        return Register(place.type, self.emitter.load(place.type, place.base, storage, place.offset))

    def field_value(self, found: Result) -> Result:
        if type(found) is Place and not t.in_memory(found.type):
            return Register(found.type, self.emitter.load(found.type, found.base, found.storage, found.offset))
        return found

    def value(self, node: ast.Expr, scope: Scope, want: t.Type | None = None) -> Value:
        found = self.eval(node, scope, want)
        if type(found) is Place and found.base is None and found.storage is not None and found.const:
            return self.load_comptime(found, scope, node)
        if type(found) is not Value:
            raise Fault("comptime-required", scope.span(node), "this value must be known while compiling")
        return found

    def coerced(self, found: Result, type_: t.Type, span: Span) -> Result:
        if type(found) is Value:
            if isinstance(type_, t.StructType) and found.type == t.STRUCT:
                return self._struct(found, type_, span)
            return coerce(found, type_, span)
        source = found.type
        if source == type_ or type_ == t.ANY:
            return found
        if type(found) is Place and found.storage is not None and found.const and found.storage.value is not None:
            known = self.load_comptime(found, self.function.ref.instance.scope, self.function.ref.decl)
            return coerce(known, type_, span)
        if type(found) is Register:
            if widens(source, type_):
                return Register(type_, self.emitter.compute(f"cast.{source}.{type_}", found.reg))
            if isinstance(source, t.PointerType) and isinstance(type_, t.PointerType) and pointer_fits(type_, source):
                return Register(type_, found.reg)
        fault = mismatch(type_, source, span)
        if source in t.NUMERIC and type_ in t.NUMERIC:
            fault.code, fault.hint = "implicit-conversion", f"convert it with @as({type_}, ...)"
        raise fault

    def _struct(self, found: Value, type_: t.StructType, span: Span) -> Result:
        """An anonymous struct as a `type_`, in memory where a field is not known."""
        fields: dict[str, Result] = found.data
        if all(type(entry) is Value for entry in fields.values()):
            return coerce(found, type_, span)
        check_fields(found.data, type_, span)
        storage = self.static("struct", type_, span)
        for name, field in type_.fields:
            self.put(Place(field, None, storage, type_.offsets[name]), self.coerced(fields[name], field, span), span)
        return Place(type_, None, storage, 0)

    def put(self, place: Place, value: Result, span: Span) -> None:
        """Store a value of the type of its place."""
        top, node, scope = self.emitter.top, self.function.ref.decl, self.function.ref.instance.scope
        source = self.reg(value, scope, node)
        if t.in_memory(place.type):
            self.emitter.emit("copy", 0, self.address(place), source, t.size_of(place.type))
        else:
            self.emitter.store(place.type, place.base, place.storage, place.offset, source)
        self.emitter.top = top

    def retyped(self, found: Result, target: t.Type, scope: Scope, node: ast.Node) -> Result:
        found = self.rvalue(found, scope, node)
        return Value(target, found.data) if type(found) is Value else Register(target, found.reg)  # type: ignore[union-attr]

    def unary_at_run_time(self, op: str, operand: Register, scope: Scope, node: ast.Node) -> Result:
        if op == "!":
            return Register(t.BOOL, self.emitter.compute("lnot", operand.reg))
        name = "not" if op == "~" else "neg"
        return Register(operand.type, self.emitter.compute(f"{name}.{operand.type}", operand.reg))

    def binary_at_run_time(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> Result:
        span = scope.span(node)
        if op in _COMPARE:
            type_ = self.comparison_type(op, a, b, node, scope)
            left = self.reg(self.coerced(a, type_, span), scope, node)
            right = self.reg(self.coerced(b, type_, span), scope, node)
            if op in (">", ">="):
                left, right = right, left
            scalar = t.scalar_of(type_)
            if not scalar:
                raise Fault("type-mismatch", span, f"values of type {type_} do not compare at run time")
            return Register(t.BOOL, self.emitter.compute(f"{_COMPARE[op]}.{scalar}", left, right))
        type_ = self.arithmetic_type(op, a, b, node, scope)
        if type_ == t.COMPTIME_INT or type_ == t.COMPTIME_FLOAT:
            raise Fault("type-mismatch", span, f"{type_} has no size at run time", "give the constant a type with @as")
        if op == "/" and type_ in t.INTS and type(b) is Value and b.data == 0:
            raise Fault("arithmetic", span, "division by zero")
        left = self.reg(self.coerced(a, type_, span), scope, node)
        if op in ("<<", ">>"):
            right = self._shift_count(b, type_, scope, node)
        else:
            right = self.reg(self.coerced(b, type_, span), scope, node)
        return Register(type_, self.emitter.compute(f"{_ARITHMETIC[op]}.{type_}", left, right))

    def _shift_count(self, count: Result, type_: t.Type, scope: Scope, node: ast.Node) -> int:
        if type(count) is Value:
            if count.data < 0:
                raise Fault("arithmetic", scope.span(node), f"shift by {count.data}, which is negative")
            return self.emitter.constant(Value(type_, min(count.data, t.int_range(type_)[1])))
        register = self.reg(count, scope, node)
        if count.type == type_:
            return register
        return self.emitter.compute(f"cast.{count.type}.{type_}", register)

    def logical_at_run_time(self, op: str, left: Register, node: ast.Binary, scope: Scope) -> Result:
        emitter = self.emitter
        result = emitter.allocate()
        emitter.emit("move", result, left.reg)
        end = emitter.jump("branch" if op == "or" else "branch_not", result)
        self.depth_of_branches += 1
        right = self.rvalue(self.eval(node.right, scope), scope, node.right)
        self.depth_of_branches -= 1
        if right.type != t.BOOL:
            raise mismatch(t.BOOL, right.type, scope.span(node.right), "compare with != 0")
        emitter.move(result, self.reg(right, scope, node.right), result + 1)
        emitter.land(end)
        emitter.top = result + 1
        return Register(t.BOOL, result)

    depth_of_branches = 0

    if TYPE_CHECKING:  # defined by the other parts of lowering

        def dry(self, action: Callable[[], _T]) -> _T: ...
        def prong_tests(
            self, subject: Register, node: ast.Switch, scope: Scope
        ) -> Iterator[tuple[ast.Prong, list[int]]]: ...

    def select_at_run_time(self, condition: Register, node: ast.IfExpr, scope: Scope, want: t.Type | None) -> Result:
        if node.orelse is None:
            raise Fault("comptime-required", scope.span(node), "'if' as a value needs an 'else' at run time")
        orelse = node.orelse
        type_ = want if want is not None and want != t.ANY else None
        if type_ is None:
            then_type, else_type = self._type_of(node.then, scope), self._type_of(orelse, scope)
            type_ = peer(then_type, else_type) or then_type
        emitter = self.emitter
        result = emitter.allocate()
        otherwise = emitter.jump("branch_not", condition.reg)
        self._into(result, node.then, type_, scope)
        end = emitter.jump()
        emitter.land(otherwise)
        self._into(result, orelse, type_, scope)
        emitter.land(end)
        emitter.top = result + 1
        return Register(type_, result)

    def _into(self, result: int, node: ast.Expr, type_: t.Type, scope: Scope) -> None:
        """Evaluate an expression into a register."""
        self.depth_of_branches += 1
        found = self.coerced(self.rvalue(self.eval(node, scope, type_), scope, node), type_, scope.span(node))
        self.emitter.move(result, self.reg(found, scope, node), result + 1)
        self.emitter.top = result + 1
        self.depth_of_branches -= 1

    def _type_of(self, node: ast.Expr, scope: Scope) -> t.Type:
        """The type of an expression, without its code."""
        return self.dry(lambda: self.eval(node, scope).type)

    def switch_value_at_run_time(
        self, subject: Register, node: ast.Switch, scope: Scope, want: t.Type | None
    ) -> Result:
        if want is None or want == t.ANY:
            raise Fault("type-mismatch", scope.span(node), "'switch' as a value needs a type", "declare the type")
        emitter = self.emitter
        result = emitter.allocate()
        ends = []
        for prong, skip in self.prong_tests(subject, node, scope):
            self._into(result, prong.body, want, scope)  # type: ignore[arg-type]
            ends.append(emitter.jump())
            emitter.land(*skip)
        if all(prong.items for prong in node.prongs):
            emitter.emit("trap")
            emitter.relocate("string", "no prong of the switch matches")
        emitter.land(*ends)
        emitter.top = result + 1
        return Register(want, result)

    def array_at_run_time(
        self, type_: t.ArrayType, entries: list[Result], node: ast.ArrayLiteral, scope: Scope
    ) -> Result:
        storage = self.static("array", type_, scope.span(node))
        size = t.size_of(type_.element)
        for position, (entry, element) in enumerate(zip(entries, node.elements, strict=True)):
            span = scope.span(element)
            place = Place(type_.element, None, storage, position * size)
            self.put(place, self.coerced(entry, type_.element, span), span)
        return Place(type_, None, storage, 0)

    def static(self, name: str, type_: t.Type, span: Span) -> Storage:
        """Memory of this function that keeps its place between calls."""
        if not t.is_runtime(type_):
            raise Fault("type-mismatch", span, f"a value of type {type_} exists only at comptime")
        storage = Storage(f"{self.function.name}.{name}", type_, None, span, placed=True)
        return storage

    def element_at_run_time(
        self,
        base: Value | Place,
        element: t.Type,
        array: t.ArrayType | None,
        indices: list[Value | Register],
        node: ast.Index,
        scope: Scope,
    ) -> Place:
        if type(base) is Value:
            base = self.constant_place(base, scope.span(node))
        assert type(base) is Place
        size = t.size_of(element)
        if size == 0:
            raise Fault("type-mismatch", scope.span(node), f"elements of type {element} exist only at comptime")
        shape = array.shape if array else (0,)
        total: int | None = None
        known = 0
        for position, index in enumerate(indices):
            step = size
            for extent in shape[position + 1 :]:
                step *= extent
            if type(index) is Value:
                known += index.data * step
                continue
            assert type(index) is Register
            scaled = self._times(self._as_address(index), step)
            total = scaled if total is None else self.emitter.compute("add.u16", total, scaled)
        assert total is not None
        if base.base is not None:
            total = self.emitter.compute("add.u16", base.base, total)
        return Place(element, total, base.storage, base.offset + known, base.const)

    def _as_address(self, index: Register) -> int:
        if index.type == t.U16:
            return index.reg
        return self.emitter.compute(f"cast.{index.type}.u16", index.reg)

    def _times(self, register: int, factor: int) -> int:
        if factor == 1:
            return register
        return self.emitter.compute("mul.u16", register, self.emitter.compute("const", imm=factor & 0xFFFF))
