"""Operators on values that are known while compiling; the run-time half is in lower/."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..syntax import ast
from . import scalars, types as t
from .coerce import coerce, mismatch, peer
from .faults import Fault
from .scope import Result, Scope
from .values import Register, Value

if TYPE_CHECKING:
    from .base import Base
else:
    Base = object


class Operators(Base):
    """Unary and binary operators, and `if` where a value stands."""

    def unary(self, node: ast.Unary, scope: Scope, want: t.Type | None) -> Result:
        if node.op == "&":
            return self.address_of(node, scope)
        operand = self.rvalue(self.eval(node.operand, scope, want), scope, node.operand)
        allowed = {
            "-": t.NUMERIC, "-%": t.INT_LIKE, "!": frozenset({t.BOOL}), "~": t.INT_LIKE,
        }[node.op]  # fmt: skip
        if operand.type not in allowed:
            raise Fault("type-mismatch", scope.span(node), f"{node.op!r} does not apply to {operand.type}")
        if type(operand) is not Value:
            return self.unary_at_run_time(node.op, operand, scope, node)  # type: ignore[arg-type]
        if node.op == "!":
            return Value(t.BOOL, not operand.data)
        if node.op == "~":
            return Value(operand.type, scalars.fit(operand.type, ~operand.data))
        return Value(operand.type, scalars.fit(operand.type, -operand.data))

    def binary(self, node: ast.Binary, scope: Scope, want: t.Type | None) -> Result:
        op = node.op
        if op in ("and", "or"):
            return self._logical(node, scope)
        left, right = node.left, node.right
        if isinstance(left, ast.EnumLiteral):
            b = self.rvalue(self.eval(right, scope), scope, right)
            a = self.rvalue(self.eval(left, scope, b.type), scope, left)
        else:
            a = self.rvalue(self.eval(left, scope), scope, left)
            b = self.rvalue(self.eval(right, scope, a.type), scope, right)
        return self.operate(op, a, b, node, scope)

    def operate(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> Result:
        """`a op b` of two operands that are evaluated."""
        if type(a) is Value and type(b) is Value:
            try:
                return self._known(op, a, b, node, scope)
            except scalars.ArithmeticFault as fault:
                raise Fault("arithmetic", scope.span(node), str(fault)) from None
        return self.binary_at_run_time(op, a, b, node, scope)

    def _known(self, op: str, a: Value, b: Value, node: ast.Node, scope: Scope) -> Value:
        compare = scalars.COMPARISONS.get(op)
        if compare is not None:
            return Value(t.BOOL, compare(*self._comparable(op, a, b, node, scope)))
        type_ = self.arithmetic_type(op, a, b, node, scope)
        if op not in ("<<", ">>"):
            a, b = coerce(a, type_, scope.span(node)), coerce(b, type_, scope.span(node))
        return Value(type_, scalars.arithmetic(op, type_, a.data, b.data))

    def arithmetic_type(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> t.Type:
        """The type in which `a op b` is computed."""
        if op not in scalars.ARITHMETIC:
            raise Fault("unsupported", scope.span(node), f"operator {op!r} is not supported")
        if op in ("<<", ">>"):
            type_ = a.type if b.type in t.INT_LIKE else None
        else:
            type_ = peer(a.type, b.type)
        allowed = t.INT_LIKE if op in scalars.INT_ONLY else t.NUMERIC
        if type_ is None or type_ not in allowed:
            both = a.type in t.NUMERIC and b.type in t.NUMERIC
            hint = f"convert one with @as({a.type}, ...)" if both else ""
            raise Fault("type-mismatch", scope.span(node), f"{op!r} does not apply to {a.type} and {b.type}", hint)
        return type_

    def comparison_type(self, op: str, a: Result, b: Result, node: ast.Node, scope: Scope) -> t.Type:
        """The type in which two operands are compared."""
        type_ = peer(a.type, b.type)
        if type_ is None and isinstance(a.type, t.PointerType) and isinstance(b.type, t.PointerType):
            type_ = a.type
        ordered = type_ in t.NUMERIC
        if type_ is not None and (type_ == t.STRUCT or isinstance(t.element_of(type_), t.StructType)):
            type_ = None  # compare the fields
        if type_ is None or (op not in ("==", "!=") and not ordered):
            both = a.type in t.NUMERIC and b.type in t.NUMERIC
            hint = f"convert one with @as({a.type}, ...)" if both else ""
            raise Fault("type-mismatch", scope.span(node), f"{a.type} and {b.type} do not compare with {op!r}", hint)
        return type_

    def _comparable(self, op: str, a: Value, b: Value, node: ast.Node, scope: Scope) -> tuple[object, object]:
        type_ = self.comparison_type(op, a, b, node, scope)
        if type_ in t.NUMERIC:
            if t.COMPTIME_INT in (a.type, b.type) and type_ in t.INTS:
                return a.data, b.data  # a constant outside of the other's range compares well
            return coerce(a, type_, scope.span(node)).data, coerce(b, type_, scope.span(node)).data
        return a.data, b.data

    def _logical(self, node: ast.Binary, scope: Scope) -> Result:
        left = self.rvalue(self.eval(node.left, scope), scope, node.left)
        if left.type != t.BOOL:
            raise mismatch(t.BOOL, left.type, scope.span(node.left), "compare with != 0")
        if type(left) is Value:
            if left.data == (node.op == "or"):
                return left
            right = self.rvalue(self.eval(node.right, scope), scope, node.right)
            if right.type != t.BOOL:
                raise mismatch(t.BOOL, right.type, scope.span(node.right), "compare with != 0")
            return right
        return self.logical_at_run_time(node.op, left, node, scope)  # type: ignore[arg-type]

    def if_expr(self, node: ast.IfExpr, scope: Scope, want: t.Type | None) -> Result:
        condition = self.condition(node.condition, scope)
        if type(condition) is not Value:
            return self.select_at_run_time(condition, node, scope, want)  # type: ignore[arg-type]
        if condition.data:
            return self.eval(node.then, scope, want)
        if node.orelse is None:
            raise Fault(
                "comptime-required", scope.span(node), "no branch of this 'if' gives a value", "add an 'else' branch"
            )
        return self.eval(node.orelse, scope, want)

    def condition(self, node: ast.Expr, scope: Scope) -> Result:
        found = self.rvalue(self.eval(node, scope), scope, node)
        if found.type != t.BOOL:
            raise mismatch(t.BOOL, found.type, scope.span(node), "compare with != 0")
        return found

    def subject(self, node: ast.Switch, scope: Scope) -> Value | Register:
        """What a `switch` tells apart."""
        found = self.rvalue(self.eval(node.subject, scope), scope, node.subject)
        if t.in_memory(found.type):
            raise Fault("type-mismatch", scope.span(node.subject), f"'switch' does not take a {found.type}")
        return found

    def switch_expr(self, node: ast.Switch, scope: Scope, want: t.Type | None) -> Result:
        subject = self.subject(node, scope)
        if type(subject) is not Value:
            return self.switch_value_at_run_time(subject, node, scope, want)  # type: ignore[arg-type]
        prong = self.matching_prong(subject, node, scope)
        if prong is None:
            raise Fault("comptime-required", scope.span(node), f"no prong matches {subject.data}", "add 'else =>'")
        if not isinstance(prong.body, ast.Expr):
            raise Fault("unsupported", scope.span(prong), "a prong of this kind gives no value")
        return self.eval(prong.body, scope, want)

    def matching_prong(self, subject: Value, node: ast.Switch, scope: Scope) -> ast.Prong | None:
        """The prong that a known subject takes."""
        fallback = None
        for prong in node.prongs:
            if not prong.items:
                fallback = prong
            for item in prong.items:
                low, high = self.prong_range(item, subject.type, scope)
                if low <= subject.data <= high:
                    return prong
        return fallback

    def prong_range(self, item: ast.Expr, type_: t.Type, scope: Scope) -> tuple[int, int]:
        """The values that an item of a prong covers."""
        ends = (item.low, item.high) if isinstance(item, ast.Range) else (item, item)
        low, high = (coerce(self.value(end, scope, type_), type_, scope.span(end)) for end in ends)
        if isinstance(low.data, float) and math.isnan(low.data):
            raise Fault("type-mismatch", scope.span(item), "nothing matches NaN")
        return low.data, high.data
