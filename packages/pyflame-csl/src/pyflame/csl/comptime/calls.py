"""Calls of functions and builtins while compiling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax import ast
from . import types as t
from .coerce import coerce
from .faults import Fault
from .literals import suggestion
from .registry import BUILTINS, KNOWN_NAMES
from .scope import Result, Scope
from .statements import RETURN
from .values import VOID_VALUE, FunctionRef, Value, copied

if TYPE_CHECKING:
    from .statements import Statements as Base
else:
    Base = object

MAX_CALL_DEPTH = 200


class Calls(Base):
    """Calls that run while compiling."""

    depth = 0

    def callee(self, node: ast.Call, scope: Scope) -> FunctionRef:
        """The function that a call names, with the right number of arguments."""
        callee = self.eval(node.callee, scope)
        if type(callee) is not Value or not isinstance(callee.data, FunctionRef):
            raise Fault("type-mismatch", scope.span(node.callee), f"a value of type {callee.type} cannot be called")
        ref = callee.data
        if ref.is_task:
            raise Fault("type-mismatch", scope.span(node), f"task {ref.name!r} cannot be called", "use @activate")
        declared = len(ref.decl.params)
        if len(node.args) != declared:
            raise Fault(
                "wrong-arity",
                scope.span(node),
                f"{ref.name!r} takes {declared} arguments, {len(node.args)} are given",
            )
        return ref

    def call(self, node: ast.Call, scope: Scope, want: t.Type | None) -> Result:
        ref = self.callee(node, scope)
        signature = self.signature(ref)
        wanted: list[t.Type | None] = list(signature[0]) if signature else [None] * len(node.args)
        args = [self.value(arg, scope, type_) for arg, type_ in zip(node.args, wanted, strict=True)]
        return self.run(ref, args, node, scope)

    def signature(self, ref: FunctionRef) -> tuple[tuple[t.Type, ...], t.Type] | None:
        """Parameter types and result type of a function; None where they depend on the arguments."""
        cache = ref.instance.signatures
        found = cache.get(id(ref.decl), False)
        if found is not False:
            return found  # type: ignore[return-value]
        evaluator, scope = self.session.evaluator, ref.instance.scope
        names = {param.name.id for param in ref.decl.params if param.name}
        nodes = [param.type for param in ref.decl.params] + ([ref.decl.result] if ref.decl.result else [])
        used = {leaf.id for node in nodes for leaf in ast.walk(node) if isinstance(leaf, ast.Name)}
        result: tuple[tuple[t.Type, ...], t.Type] | None = None
        if not names & used:
            types = tuple(evaluator.type(param.type, scope) for param in ref.decl.params)
            result = (types, evaluator.type(ref.decl.result, scope) if ref.decl.result else t.VOID)
            if t.ANY in types:
                result = None
        cache[id(ref.decl)] = result
        return result

    def run(self, ref: FunctionRef, args: list[Value], node: ast.Call, scope: Scope) -> Value:
        """Run a function while compiling."""
        decl = ref.decl
        if decl.body is None:
            raise Fault("unsupported", scope.span(node), f"{ref.name!r} is extern: it has no body here")
        if self.depth >= MAX_CALL_DEPTH:
            raise Fault("call-depth", scope.span(node), f"calls nest deeper than {MAX_CALL_DEPTH}", "end the recursion")
        inner = Scope(ref.instance)
        signature = self.signature(ref)
        self.depth += 1
        try:
            for position, (param, arg) in enumerate(zip(decl.params, args, strict=True)):
                type_ = signature[0][position] if signature else self.type(param.type, inner)
                if param.name is not None:
                    value = coerce(arg, type_, scope.span(node.args[position]))
                    inner.names[param.name.id] = copied(value)
            result = signature[1] if signature else self.type(decl.result, inner) if decl.result else t.VOID
            inner.names["@result"] = Value(t.TYPE, result)
            signal = self.block(decl.body, inner)
        except Fault as fault:
            fault.through(scope.span(node), f"in the call of {ref.name!r} here")
            raise
        finally:
            self.depth -= 1
        if signal is not None and signal[0] == RETURN:
            return signal[1]
        if result == t.VOID:
            return VOID_VALUE
        raise Fault("missing-return", ref.span, f"{ref.name!r} ends without returning a {result}")

    def allowed(self, node: ast.BuiltinCall, scope: Scope) -> bool:
        """Whether this file may call the builtin: some are for libraries alone."""
        return scope.instance.file.library or not node.name.startswith("pyflame_")

    def builtin_call(self, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
        found = BUILTINS.get(node.name)
        if found is None or not self.allowed(node, scope):
            if self.allowed(node, scope) and node.name in KNOWN_NAMES:
                raise Fault("comptime-required", scope.span(node), f"@{node.name} runs on the PE, not while compiling")
            hint = suggestion(node.name, KNOWN_NAMES | BUILTINS.keys())
            raise Fault("unknown-builtin", scope.span(node), f"there is no builtin @{node.name}", hint)
        low, high, handler = found
        check_arity(node, scope, low, high)
        return handler(self, node, scope, want)


def check_arity(node: ast.BuiltinCall, scope: Scope, low: int, high: int) -> None:
    """Refuse a builtin call with too few or too many arguments."""
    if not low <= len(node.args) <= high:
        count = str(low) if low == high else f"{low} to {high}" if high < 99 else f"at least {low}"
        raise Fault(
            "wrong-arity", scope.span(node), f"@{node.name} takes {count} arguments, {len(node.args)} are given"
        )
