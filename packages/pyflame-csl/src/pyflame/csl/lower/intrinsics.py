"""Builtins that only the SDK libraries call: what CSL itself cannot say. lib/README.md lists them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..comptime import scalars, types as t
from ..comptime.builtins import text_of
from ..comptime.faults import Fault
from ..comptime.registry import builtin
from ..comptime.scope import Result, Scope
from ..comptime.values import VOID_VALUE, Register, Value
from ..syntax import ast
from .registry import run_time

if TYPE_CHECKING:
    from ..comptime.evaluator import Evaluator
    from .function import Lowering

Want = t.Type | None
_PLACE = re.compile(r"\{(\w*)\}")
_VOID = ("tsc_enable", "tsc_disable", "tsc_reset", "unblock_cmd_stream")
_READ = {"tsc": t.U64, "coord_x": t.U16, "coord_y": t.U16, "random": t.U32}


def _register_void(name: str) -> None:
    @run_time(f"pyflame_{name}", 0)
    def handler(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        lo.emitter.emit(name)
        return VOID_VALUE


def _register_read(name: str, type_: t.Type) -> None:
    @run_time(f"pyflame_{name}", 0)
    def handler(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        return Register(type_, lo.emitter.compute(name))


for _name in _VOID:
    _register_void(_name)
for _name, _type in _READ.items():
    _register_read(_name, _type)


def argument(lo: Lowering, node: ast.BuiltinCall, position: int, type_: t.Type, scope: Scope) -> int:
    """The register of an argument."""
    arg = node.args[position]
    found = lo.coerced(lo.rvalue(lo.eval(arg, scope, type_), scope, arg), type_, scope.span(arg))
    return lo.reg(found, scope, arg)


@run_time("pyflame_router_read", 1)
def router_read(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Register(t.U16, lo.emitter.compute("router_read", argument(lo, node, 0, t.U16, scope)))


@run_time("pyflame_router_write", 2)
def router_write(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    address, value = (argument(lo, node, position, t.U16, scope) for position in (0, 1))
    lo.emitter.emit("router_write", a=address, b=value)
    return VOID_VALUE


@run_time("pyflame_teardown_exit", 1)
def teardown_exit(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    lo.emitter.emit("teardown_exit", a=argument(lo, node, 0, t.COLOR, scope))
    return VOID_VALUE


@run_time("pyflame_random_seed", 1)
def random_seed(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    lo.emitter.emit("random_seed", a=argument(lo, node, 0, t.U32, scope))
    return VOID_VALUE


@run_time("pyflame_print", 1, 99)
def print_(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    pieces = text_of(lo, node.args[0], scope).split("{}")
    if len(pieces) != len(node.args):
        raise Fault("wrong-arity", scope.span(node), f"the text has {len(pieces) - 1} places for values")
    for position, piece in enumerate(pieces[:-1]):
        found: Result = lo.rvalue(lo.eval(node.args[position + 1], scope), scope, node)
        if type(found) is Value and found.type == t.COMPTIME_INT:
            found = lo.coerced(found, t.U32, scope.span(node))
        lo.emitter.emit("print", a=lo.reg(found, scope, node))
        lo.emitter.relocate("string", piece + "{}")
    if pieces[-1] or len(pieces) == 1:
        lo.emitter.emit("print")
        lo.emitter.relocate("string", pieces[-1])
    return VOID_VALUE


@run_time("pyflame_print_fields", 2)
def print_fields(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    given = lo.rvalue(lo.eval(node.args[1], scope), scope, node.args[1])
    if type(given) is not Value or given.type != t.STRUCT:
        raise Fault("type-mismatch", scope.span(node.args[1]), f"a struct belongs here, this is a {given.type}")
    entries = list(given.data.values())
    pieces = _PLACE.split(text_of(lo, node.args[0], scope))
    if len(pieces) // 2 != len(entries):
        message = f"the text has {len(pieces) // 2} places for {len(entries)} values"
        raise Fault("wrong-arity", scope.span(node), message)
    text = pieces[0]
    for entry, kind, after in zip(entries, pieces[1::2], pieces[2::2], strict=True):
        if type(entry) is Value and entry.type == t.STRING:
            text += entry.data + after
            continue
        if type(entry) is Value and entry.type in (t.COMPTIME_INT, t.COMPTIME_FLOAT):
            wide = t.I64 if entry.type == t.COMPTIME_INT else t.F32
            entry = lo.coerced(entry, wide, scope.span(node))
        scalar = t.scalar_of(entry.type)
        if not scalar:
            raise Fault("type-mismatch", scope.span(node.args[1]), f"a {entry.type} cannot be printed")
        signed = "d" if scalar[0] == "i" else ""
        place = "x" if kind == "x" else scalar if scalar[0] == "f" else signed
        lo.emitter.emit("print", a=lo.reg(entry, scope, node))
        lo.emitter.relocate("string", f"{text}{{{place}}}")
        text = after
    if text:
        lo.emitter.emit("print")
        lo.emitter.relocate("string", text)
    return VOID_VALUE


@run_time("pyflame_string", 1)
def string(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    text = text_of(lo, node.args[0], scope)
    register = lo.emitter.compute("const")
    lo.emitter.relocate("string", text)
    return Register(t.U16, register)


@builtin("pyflame_stream", 2)
def stream(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    color = ev.value(node.args[1], scope)
    if color.type != t.COLOR:
        raise Fault("type-mismatch", scope.span(node.args[1]), f"a color belongs here, this is a {color.type}")
    ev.session.streams[text_of(ev, node.args[0], scope)] = color.data
    return VOID_VALUE


def _safe(function: Callable[..., float]) -> Callable[..., float]:
    def compute(*arguments: float) -> float:
        try:
            return function(*arguments)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return compute


def _log(x: float) -> float:
    return -math.inf if x == 0 else math.log(x)


def _rounded(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda x: x if math.isinf(x) or math.isnan(x) else float(function(x))


_MATH: dict[str, tuple[int, Callable[..., float]]] = {
    "sqrt": (1, math.sqrt), "exp": (1, math.exp), "log": (1, _log), "sin": (1, math.sin), "cos": (1, math.cos),
    "tanh": (1, math.tanh), "floor": (1, _rounded(math.floor)), "ceil": (1, _rounded(math.ceil)), "pow": (2, math.pow),
}  # fmt: skip


def _register_math(name: str, count: int, function: Callable[..., float]) -> None:
    compute = _safe(function)

    def checked(found: Result, node: ast.Expr, scope: Scope) -> None:
        if found.type not in t.FLOAT_LIKE | {t.COMPTIME_INT}:
            raise Fault("type-mismatch", scope.span(node), f"{name} takes f16 or f32, this is a {found.type}")

    @builtin(f"pyflame_{name}", count)
    def known(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        values = [ev.value(arg, scope) for arg in node.args]
        for value, arg in zip(values, node.args, strict=True):
            checked(value, arg, scope)
        type_ = next((value.type for value in values if value.type in t.FLOATS), t.COMPTIME_FLOAT)
        return Value(type_, scalars.fit(type_, compute(*(float(value.data) for value in values))))

    @run_time(f"pyflame_{name}", count)
    def handler(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        found = [lo.rvalue(lo.eval(arg, scope), scope, arg) for arg in node.args]
        if all(type(value) is Value for value in found):
            return known(lo, node, scope, want)
        for value, arg in zip(found, node.args, strict=True):
            checked(value, arg, scope)
        type_ = next(value.type for value in found if value.type in t.FLOATS)
        registers = [
            lo.reg(lo.coerced(value, type_, scope.span(arg)), scope, arg)
            for value, arg in zip(found, node.args, strict=True)
        ]
        return Register(type_, lo.emitter.compute(f"{name}.{type_}", *registers))


for _name, (_count, _function) in _MATH.items():
    _register_math(_name, _count, _function)
