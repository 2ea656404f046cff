"""The evaluator's frame: what its parts call of each other, and what only run-time code can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ..syntax import ast
from ..syntax.source import Span
from . import types as t
from .coerce import coerce
from .faults import Fault
from .scope import Local, Result, Scope
from .values import Place, Register, Value

if TYPE_CHECKING:
    from .session import Session

Handler = Callable[[Any, Any, Scope, t.Type | None], Result]


class Base:
    """`eval` gives a `Value` for what is known while compiling, a `Register` or `Place` for what is not."""

    HANDLERS: dict[type[ast.Node], Handler]
    session: Session

    def __init__(self, session: Session) -> None:
        self.session = session

    def eval(self, node: ast.Expr, scope: Scope, want: t.Type | None = None) -> Result:
        """The value of an expression; `want` is the type its place has, for literals that depend on it."""
        return self.HANDLERS[type(node)](self, node, scope, want)

    def value(self, node: ast.Expr, scope: Scope, want: t.Type | None = None) -> Value:
        """The value of an expression that must be known while compiling."""
        found = self.eval(node, scope, want)
        if type(found) is not Value:
            raise Fault("comptime-required", scope.span(node), "this value must be known while compiling")
        return found

    def type(self, node: ast.Expr, scope: Scope) -> t.Type:
        """The type that an expression names."""
        found = self.value(node, scope)
        if found.type != t.TYPE:
            raise Fault("type-mismatch", scope.span(node), f"a type belongs here, this is a value of type {found.type}")
        return found.data

    def integer(self, node: ast.Expr, scope: Scope) -> int:
        """A known integer."""
        found = self.value(node, scope)
        if found.type not in t.INT_LIKE:
            raise Fault("type-mismatch", scope.span(node), f"an integer belongs here, this is a {found.type}")
        return found.data

    def alignment(self, node: ast.Expr, scope: Scope) -> int:
        """The number of an `align(n)`."""
        number = self.integer(node, scope)
        if number <= 0 or number & (number - 1) or number > 4096:
            raise Fault("value-range", scope.span(node), f"{number} is no alignment", "use a power of two up to 4096")
        return number

    def rvalue(self, found: Result, scope: Scope, node: ast.Node) -> Value | Register:
        """The value itself where `found` may be the place of one."""
        if type(found) is Place:
            return self.load(found, scope, node)  # type: ignore[return-value]
        return found  # type: ignore[return-value]

    def field_value(self, found: Result) -> Result:
        """What goes into a field of an anonymous struct."""
        return found

    def load(self, place: Place, scope: Scope, node: ast.Node) -> Result:
        return self.load_comptime(place, scope, node)

    def coerced(self, found: Result, type_: t.Type, span: Span) -> Result:
        """`found` as a value of `type_`."""
        if type(found) is Value:
            return coerce(found, type_, span)
        raise Fault("comptime-required", span, "this value must be known while compiling")

    def _run_time(self, node: ast.Node, scope: Scope) -> NoReturn:
        raise Fault("comptime-required", scope.span(node), "this is only known while the program runs")

    # What lowering adds.
    def unary_at_run_time(self, op: str, operand: Register, scope: Scope, node: ast.Node) -> Result:
        self._run_time(node, scope)

    def binary_at_run_time(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> Result:
        self._run_time(node, scope)

    def logical_at_run_time(self, op: str, left: Register, node: ast.Binary, scope: Scope) -> Result:
        self._run_time(node, scope)

    def select_at_run_time(self, condition: Register, node: ast.IfExpr, scope: Scope, want: t.Type | None) -> Result:
        self._run_time(node, scope)

    def switch_value_at_run_time(
        self, subject: Register, node: ast.Switch, scope: Scope, want: t.Type | None
    ) -> Result:
        self._run_time(node, scope)

    def array_at_run_time(
        self, type_: t.ArrayType, entries: list[Result], node: ast.ArrayLiteral, scope: Scope
    ) -> Result:
        self._run_time(node, scope)

    def element_at_run_time(
        self,
        base: Value | Place,
        element: t.Type,
        array: t.ArrayType | None,
        indices: list[Value | Register],
        node: ast.Index,
        scope: Scope,
    ) -> Place:
        self._run_time(node, scope)

    def address_at_run_time(self, place: Place) -> Result:
        raise AssertionError("a place in a register is known to run-time code alone")

    def patched(self, type_: t.Type, value: Any, parts: dict[str, Register]) -> Result:
        return Value(type_, value)

    def retyped(self, found: Result, target: t.Type, scope: Scope, node: ast.Node) -> Result:
        assert type(found) is Value
        return Value(target, found.data)

    if TYPE_CHECKING:  # defined by lowering, for operands that only it has

        def change_dsd(self, dsd: Value | Register, field: str, found: int | Register) -> Result: ...
        def change_dsd_base(self, dsd: Value | Register, address: Any, element: t.Type) -> Result: ...
        def move_dsd(self, dsd: Value | Register, amount: Value | Register, element: t.Type) -> Result: ...
        def scaled_register(self, register: Register, factor: int, scope: Scope, node: ast.Node) -> Register: ...
        def summed_register(self, a: Any, b: Any, scope: Scope, node: ast.Node) -> Register: ...
        def offset_address(self, base: Place, offset: int | Register, size: int) -> Register: ...

    if TYPE_CHECKING:  # defined by the other parts of the evaluator

        def load_comptime(self, place: Place, scope: Scope, node: ast.Node) -> Value: ...
        def read(self, found: Any, scope: Scope, node: ast.Node) -> Result: ...
        def binding(self, node: ast.Name, scope: Scope) -> Any: ...
        def enum_member(self, type_: t.EnumType, name: ast.Name, scope: Scope) -> Value: ...
        def locate(self, node: ast.Expr, scope: Scope) -> Value | Register | Local | Place: ...
        def field_of(self, base: Value | Register | Place, name: ast.Name, scope: Scope) -> Any: ...
        def made_type(self, type_: t.Type, node: ast.Expr, scope: Scope) -> Value: ...
        def pointed(self, pointer: Value | Register, scope: Scope, node: ast.Node) -> Place: ...
        def address_of(self, node: ast.Unary, scope: Scope) -> Result: ...
        def condition(self, node: ast.Expr, scope: Scope) -> Result: ...
        def operate(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> Result: ...
        def subject(self, node: ast.Switch, scope: Scope) -> Value | Register: ...
        def matching_prong(self, subject: Value, node: ast.Switch, scope: Scope) -> ast.Prong | None: ...
        def prong_range(self, item: ast.Expr, type_: t.Type, scope: Scope) -> tuple[int, int]: ...
        def store_comptime(self, place: Place, value: Value, scope: Scope, node: ast.Node) -> None: ...
        def comparison_type(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> t.Type: ...
        def arithmetic_type(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> t.Type: ...
        def signature(self, ref: Any) -> tuple[tuple[t.Type, ...], t.Type] | None: ...
