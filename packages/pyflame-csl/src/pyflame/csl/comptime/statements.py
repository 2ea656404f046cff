"""Statements that run while compiling: comptime blocks, the layout block, functions they call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from ..syntax import ast
from . import scalars, types as t
from .coerce import coerce
from .faults import Fault
from .scope import Result, Scope
from .values import VOID_VALUE, Place, Register, Storage, Value, copied

if TYPE_CHECKING:
    from .operators import Operators as Base
else:
    Base = object

RETURN, BREAK, CONTINUE = "return", "break", "continue"
Signal: TypeAlias = tuple[str, Any] | None


class Statements(Base):
    """Each statement returns None, or how it left: (RETURN, value), (BREAK, label), (CONTINUE, label)."""

    STATEMENTS: dict[type[ast.Node], Any]

    def block(self, node: ast.Block, scope: Scope) -> Signal:
        inner = Scope(scope.instance, scope)
        for statement in node.body:
            signal = self.execute(statement, inner)
            if signal is not None:
                if signal[0] == BREAK and node.label is not None and signal[1] == node.label:
                    return None
                return signal
        return None

    def execute(self, node: ast.Statement, scope: Scope) -> Signal:
        self.session.step(node, scope)
        return self.STATEMENTS[type(node)](self, node, scope)

    def expression_statement(self, node: ast.ExprStatement, scope: Scope) -> Signal:
        found = self.eval(node.value, scope)
        self.check_unused(found, node, scope)
        return None

    def check_unused(self, found: Result, node: ast.ExprStatement, scope: Scope) -> None:
        if found.type != t.VOID and not isinstance(node.value, ast.Call | ast.BuiltinCall):
            raise Fault("unused-value", scope.span(node), f"a value of type {found.type} is not used")

    def assign(self, node: ast.Assign, scope: Scope) -> Signal:
        if isinstance(node.target, ast.Name) and node.target.id == "_":
            self.eval(node.value, scope)
            return None
        place = self.assignable(node.target, scope)
        if node.op == "=":
            value = self.rvalue(self.eval(node.value, scope, place.type), scope, node.value)
        else:
            before = self.load(place, scope, node.target)
            operand = self.rvalue(self.eval(node.value, scope, place.type), scope, node.value)
            value = self.operate(node.op[:-1], before, operand, node, scope)  # type: ignore[assignment]
        known = self.coerced(value, place.type, scope.span(node.value))
        assert type(known) is Value
        self.store_comptime(place, known, scope, node)
        return None

    def assignable(self, node: ast.Expr, scope: Scope) -> Place:
        """The comptime variable that an assignment names."""
        found = self.locate(node, scope)
        if type(found) is not Place or found.const:
            raise not_assignable(node, scope)
        if found.storage is None or found.storage.instance is not None:
            raise Fault(
                "comptime-required",
                scope.span(node),
                "a global variable is not assigned while compiling",
                "give it its value where it is declared",
            )
        return found

    def declare(self, node: ast.VarDecl, scope: Scope) -> Signal:
        type_ = self.type(node.type, scope) if node.type else t.ANY
        value = None
        if node.value is not None and not isinstance(node.value, ast.UndefinedLiteral):
            found = self.rvalue(self.eval(node.value, scope, type_), scope, node.value)
            value = coerce(found, type_, scope.span(node.value))  # type: ignore[arg-type]
            if type_ == t.ANY:
                type_ = value.type
        elif type_ == t.ANY or not node.mutable:
            raise Fault("type-mismatch", scope.span(node.name), f"{node.name.id!r} needs a value")
        self.check_fresh(node.name, scope)
        if node.mutable:
            storage = Storage(node.name.id, type_, None if value is None else copied(value), scope.span(node.name))
            scope.names[node.name.id] = storage
        else:
            assert value is not None
            scope.names[node.name.id] = value
        return None

    @staticmethod
    def check_fresh(name: ast.Name, scope: Scope) -> None:
        if name.id in scope.names and name.id != "_":
            raise Fault("duplicate-name", scope.span(name), f"{name.id!r} is declared twice in this block")

    def if_statement(self, node: ast.If, scope: Scope) -> Signal:
        condition = self.condition(node.condition, scope)
        assert type(condition) is Value
        if condition.data:
            return self.execute(node.then, Scope(scope.instance, scope))
        return self.execute(node.orelse, Scope(scope.instance, scope)) if node.orelse is not None else None

    def while_statement(self, node: ast.While, scope: Scope) -> Signal:
        while True:
            condition = self.condition(node.condition, scope)
            assert type(condition) is Value
            if not condition.data:
                return None
            self.session.step(node, scope)
            signal = self.execute(node.body, Scope(scope.instance, scope))
            if signal is not None and not _continues(signal, node.label):
                return None if _breaks(signal, node.label) else signal
            if node.step is not None:
                self.execute(node.step, scope)

    def for_statement(self, node: ast.For, scope: Scope) -> Signal:
        iterable = self.rvalue(self.eval(node.iterable, scope), scope, node.iterable)
        assert type(iterable) is Value
        for position, entry in enumerate(elements(iterable, node, scope)):
            self.session.step(node, scope)
            inner = Scope(scope.instance, scope)
            bind_captures(node, inner, entry, Value(t.U16, position))
            signal = self.execute(node.body, inner)
            if signal is not None and not _continues(signal, node.label):
                return None if _breaks(signal, node.label) else signal
        return None

    def switch_statement(self, node: ast.Switch, scope: Scope) -> Signal:
        subject = self.subject(node, scope)
        assert type(subject) is Value
        prong = self.matching_prong(subject, node, scope)
        return None if prong is None else self.prong_body(prong, scope)

    def prong_body(self, prong: ast.Prong, scope: Scope) -> Signal:
        if type(prong.body) in self.STATEMENTS:
            return self.execute(prong.body, Scope(scope.instance, scope))  # type: ignore[arg-type]
        self.eval(prong.body, scope)  # type: ignore[arg-type]
        return None

    def return_statement(self, node: ast.Return, scope: Scope) -> Signal:
        wanted = scope.lookup("@result")
        if type(wanted) is not Value:
            raise Fault("unsupported", scope.span(node), "'return' stands outside of a function")
        if node.value is None:
            if wanted.data != t.VOID:
                raise Fault("type-mismatch", scope.span(node), f"the function returns a {wanted.data}")
            return (RETURN, VOID_VALUE)
        value = self.rvalue(self.eval(node.value, scope, wanted.data), scope, node.value)
        return (RETURN, self.coerced(value, wanted.data, scope.span(node.value)))

    def break_statement(self, node: ast.Break, scope: Scope) -> Signal:
        if node.value is not None:
            raise Fault("unsupported", scope.span(node), "'break' with a value is not supported")
        return (BREAK, node.label)

    def continue_statement(self, node: ast.Continue, scope: Scope) -> Signal:
        return (CONTINUE, node.label)

    def comptime_block(self, node: ast.ComptimeBlock, scope: Scope) -> Signal:
        return self.block(node.body, scope)

    def error_statement(self, node: ast.ErrorNode, scope: Scope) -> Signal:
        fault = Fault("expected-statement", scope.span(node), "this could not be read")
        fault.reported = True
        raise fault


def not_assignable(node: ast.Expr, scope: Scope) -> Fault:
    """The error of an assignment to something that keeps its value."""
    text = f"{node.id!r}" if isinstance(node, ast.Name) else "this"
    return Fault("not-assignable", scope.span(node), f"{text} cannot be assigned", "declare it with 'var'")


def _breaks(signal: tuple[str, Any], label: str | None) -> bool:
    return signal[0] == BREAK and signal[1] in (None, label)


def _continues(signal: tuple[str, Any], label: str | None) -> bool:
    return signal[0] == CONTINUE and signal[1] in (None, label)


def elements(iterable: Value | Register, node: ast.For, scope: Scope) -> Iterable[Value]:
    """What a `for` goes over."""
    type_ = iterable.type
    if isinstance(type_, t.RangeType):
        start, end, step = (bound.data for bound in iterable.data)  # type: ignore[union-attr]
        return (Value(type_.element, scalars.fit(type_.element, at)) for at in range(start, end, step))
    if isinstance(type_, t.ArrayType):
        if len(type_.shape) != 1:
            raise Fault("unsupported", scope.span(node.iterable), "'for' goes over arrays of rank 1")
        data = iterable.data  # type: ignore[union-attr]
        if isinstance(type_.element, t.ArrayType):
            size = type_.element.total
            return [Value(type_.element, data[at : at + size]) for at in range(0, len(data), size)] if size else []
        return [Value(type_.element, entry) for entry in data]
    raise Fault("type-mismatch", scope.span(node.iterable), f"'for' cannot go over a {type_}", "use @range or an array")


def bind_captures(node: ast.For, scope: Scope, *values: Any) -> None:
    """Give the captures of a `for` their values for one turn."""
    if len(node.captures) > len(values):
        raise Fault("wrong-arity", scope.span(node), f"'for' gives {len(values)} captures, not {len(node.captures)}")
    for name, value in zip(node.captures, values, strict=False):
        if name.id != "_":
            scope.names[name.id] = value
