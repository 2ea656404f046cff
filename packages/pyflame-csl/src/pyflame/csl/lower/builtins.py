"""Builtins whose arguments may be known only at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..comptime import builtins as known, ids, types as t
from ..comptime.coerce import mismatch
from ..comptime.effects import SPACES, TaskUse, task_use
from ..comptime.faults import Fault
from ..comptime.registry import BUILTINS
from ..comptime.scope import Result, Scope
from ..comptime.values import VOID_VALUE, Register, Value
from ..ir import SCALARS, IdSpace
from ..syntax import ast
from .registry import run_time

if TYPE_CHECKING:
    from .function import Lowering

Want = t.Type | None


@run_time("as", 2)
def as_(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    target = lo.type(node.args[0], scope)
    found = lo.rvalue(lo.eval(node.args[1], scope, target), scope, node.args[1])
    if type(found) is Value:
        return known.as_(lo, node, scope, want)
    source = found.type
    if source == target:
        return found
    if target in (t.COMPTIME_INT, t.COMPTIME_FLOAT):
        raise Fault("comptime-required", scope.span(node.args[1]), f"a {target} must be known while compiling")
    if isinstance(source, t.EnumType) and target in t.INTS:
        source = source.tag
    elif isinstance(target, t.EnumType) and source in t.INTS:
        return Register(target, lo.emitter.compute(f"cast.{source}.{target.tag}", found.reg))  # type: ignore[union-attr]
    if not known.convertible(target, source):
        return lo.coerced(found, target, scope.span(node.args[1]))
    assert type(found) is Register
    if source == target:
        return Register(target, found.reg)
    return Register(target, lo.emitter.compute(f"cast.{source}.{target}", found.reg))


@run_time("bitcast", 2)
def bitcast(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    target = lo.type(node.args[0], scope)
    found = lo.rvalue(lo.eval(node.args[1], scope), scope, node.args[1])
    if isinstance(target, t.PointerType) or isinstance(found.type, t.PointerType):
        return _pointer_bits(lo, target, found, node, scope)
    if type(found) is Value:
        return known.bitcast(lo, node, scope, want)
    known.check_bitcast(target, found.type, node, scope)
    assert type(found) is Register
    bits = found.reg
    unsigned = f"u{SCALARS[target.name] * 8}"
    # Patterns of floats and unsigned integers are zero-extended, those of signed integers sign-extended.
    if found.type.name[0] == "i" and target.name[0] != "i":
        bits = lo.emitter.compute(f"cast.{found.type}.{unsigned}", bits)
    elif found.type.name[0] != "i" and target.name[0] == "i":
        bits = lo.emitter.compute(f"cast.{unsigned}.{target}", bits)
    return Register(target, bits)


def _pointer_bits(lo: Lowering, target: t.Type, found: Result, node: ast.BuiltinCall, scope: Scope) -> Result:
    """A pointer from its u16 address, or the other way round."""
    other = found.type if isinstance(target, t.PointerType) else target
    if other not in (t.U16, t.I16, t.COMPTIME_INT) and not isinstance(other, t.PointerType):
        raise Fault("type-mismatch", scope.span(node), f"an address is a u16, not a {other}")
    if found.type == t.COMPTIME_INT:
        found = lo.coerced(found, t.U16, scope.span(node.args[1]))
    return Register(target, lo.reg(found, scope, node))


@run_time("assert", 1)
def assert_(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    found = lo.condition(node.args[0], scope)
    if type(found) is Value and found.data:
        return VOID_VALUE
    lo.emitter.emit("assert", a=lo.reg(found, scope, node))
    lo.emitter.relocate("string", f"{scope.span(node.args[0]).text} does not hold")
    return VOID_VALUE


@run_time("random16", 0)
def random16(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Register(t.U16, lo.emitter.compute("cast.u32.u16", lo.emitter.compute("random")))


@run_time("get_int", 1)
def get_int(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    found = lo.rvalue(lo.eval(node.args[0], scope), scope, node.args[0])
    if type(found) is Register and found.type in t.IDS | {t.DIRECTION}:
        return Register(t.U16, found.reg)
    return ids.get_int(lo, node, scope, want)


def _register_id(name: str, type_: t.Type) -> None:
    comptime_handler = BUILTINS[name][2]

    @run_time(name, 1)
    def handler(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        found = lo.rvalue(lo.eval(node.args[0], scope), scope, node.args[0])
        if type(found) is Value:
            return comptime_handler(lo, node, scope, want)
        if type_ not in ids.RANGES[lo.session.arch]:
            raise Fault("value-range", scope.span(node), f"{lo.session.arch} has no {type_}", "guard it with @is_arch")
        number = lo.coerced(found, t.U16, scope.span(node.args[0]))
        return Register(type_, number.reg)  # type: ignore[union-attr]


for _name, _type in (
    ("get_color", t.COLOR), ("get_input_queue", t.INPUT_QUEUE), ("get_output_queue", t.OUTPUT_QUEUE),
    ("get_ut_id", t.UT_ID), ("get_local_task_id", t.LOCAL_TASK_ID), ("get_control_task_id", t.CONTROL_TASK_ID),
):  # fmt: skip
    _register_id(_name, _type)


def id_register(
    lo: Lowering, found: Result, kind: str, node: ast.Expr, scope: Scope
) -> tuple[int, IdSpace, TaskUse | None]:
    """The register of an id, its space, and the task whose binding decides both if it is a task."""
    if type(found) is Value:
        use = task_use(found, kind, scope.span(node))
        lo.function.uses.append((kind, use, (node.start, node.end)))
        return lo.emitter.task_id(use), use.space or IdSpace.LOCAL_TASK, use if use.task else None
    if found.type not in SPACES:
        raise mismatch(t.LOCAL_TASK_ID, found.type, scope.span(node))
    return lo.reg(found, scope, node), SPACES[found.type], None


def _register_state(kind: str) -> None:
    @run_time(kind, 1)
    def handler(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        found = lo.rvalue(lo.eval(node.args[0], scope), scope, node.args[0])
        register, space, use = id_register(lo, found, kind, node.args[0], scope)
        lo.emitter.emit(kind, a=register, imm=int(space))
        if use is not None:
            lo.emitter.code[-1][4] = 0
            lo.emitter.relocate("space", use)
        return VOID_VALUE


for _kind in ("activate", "block", "unblock"):
    _register_state(_kind)
