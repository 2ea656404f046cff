"""DSD operations, `@map` and `@load_to_dsr`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..comptime import types as t
from ..comptime.builtins import struct_of
from ..comptime.dsds import number_field, priority
from ..comptime.effects import DSR_OPTIONS, TaskUse, check_dsr_load, option_values
from ..comptime.faults import Fault
from ..comptime.scope import Binding, Result, Scope
from ..comptime.values import VOID_VALUE, FunctionRef, Register, Value
from ..ir import NO_REG, SCALARS, DsdOp, DsdOptions, DsrFile, DsrLoad, Map, Operand, OperandKind
from ..syntax import ast
from .builtins import id_register
from .registry import run_time

if TYPE_CHECKING:
    from .function import Lowering

# Builtin: bytes or scalar type of the destination, then of each source.
_TWO_16 = "add16 addc16 sub16 and16 or16 xor16 sll16 slr16 sar16"
_TWO_32 = "add32 sub32 and32 or32 xor32"
OPERATIONS: dict[str, tuple[Any, ...]] = {
    "mov16": (2, 2), "mov32": (4, 4), "fmovh": (t.F16, t.F16), "fmovs": (t.F32, t.F32),
    "popcnt": (2, 2), "clz": (2, 2), "ctz": (2, 2),
    "fnegh": (t.F16, t.F16), "fnegs": (t.F32, t.F32), "fabsh": (t.F16, t.F16), "fabss": (t.F32, t.F32),
    "fs2h": (t.F16, t.F32), "fh2s": (t.F32, t.F16),
    "fh2xp16": (2, t.F16), "xp162fh": (t.F16, 2),
    "fmach": (t.F16, t.F16, t.F16, t.F16), "fmacs": (t.F32, t.F32, t.F32, t.F32),
    "fmachs": (t.F32, t.F32, t.F16, t.F16),
    **dict.fromkeys(_TWO_16.split(), (2, 2, 2)),
    **dict.fromkeys(_TWO_32.split(), (4, 4, 4)),
    **{f"f{name}h": (t.F16,) * 3 for name in ("add", "sub", "mul", "max", "min", "scale")},
    **{f"f{name}s": (t.F32,) * 3 for name in ("add", "sub", "mul", "max", "min", "scale")},
}  # fmt: skip
_FILES = {t.DSR_DEST: DsrFile.DEST, t.DSR_SRC0: DsrFile.SRC0, t.DSR_SRC1: DsrFile.SRC1}


def operand(lo: Lowering, found: Result, wanted: Any, destination: bool, node: ast.Expr, scope: Scope) -> Operand:
    """An operand of a DSD operation."""
    type_ = found.type
    if type_ in t.DSDS:
        if type_ == (t.FABIN if destination else t.FABOUT):
            what = "a destination" if destination else "a source"
            raise Fault("dsr-direction", scope.span(node), f"a {type_} cannot be {what}")
        return Operand(OperandKind.DSD, lo.reg(found, scope, node))
    if type_ in t.DSRS:
        return _dsr(found, destination, node, scope)
    if isinstance(type_, t.PointerType):
        _check_size(t.element_of(type_.pointee), wanted, node, scope)
        return Operand(OperandKind.POINTER, lo.reg(found, scope, node))
    if destination:
        raise Fault(
            "type-mismatch", scope.span(node), f"the destination is a DSD, a DSR or a pointer, not a {type_}",
            "write & before a variable",
        )  # fmt: skip
    return Operand(OperandKind.SCALAR, lo.reg(_scalar(lo, found, wanted, node, scope), scope, node))


def _dsr(found: Result, destination: bool, node: ast.Expr, scope: Scope) -> Operand:
    if type(found) is not Value:
        raise Fault("comptime-required", scope.span(node), "a DSR must be known while compiling")
    if found.type not in _FILES:
        raise Fault("unsupported", scope.span(node), f"operands in a {found.type} are not supported")
    if (found.type == t.DSR_DEST) != destination:
        what = "a destination" if destination else "a source"
        raise Fault("dsr-direction", scope.span(node), f"a {found.type} cannot be {what}")
    return Operand(OperandKind.DSR, found.data, _FILES[found.type])


def _check_size(type_: t.Type, wanted: Any, node: ast.Expr, scope: Scope) -> None:
    size = wanted if isinstance(wanted, int) else t.size_of(wanted)
    if t.size_of(type_) != size or (type_ not in t.INTS | t.FLOATS):
        raise Fault("type-mismatch", scope.span(node), f"the operation takes values of {size} bytes, this is a {type_}")


def _scalar(lo: Lowering, found: Result, wanted: Any, node: ast.Expr, scope: Scope) -> Result:
    span = scope.span(node)
    if isinstance(wanted, t.Type):
        return lo.coerced(found, wanted, span)
    if found.type == t.COMPTIME_INT:
        assert type(found) is Value
        bits = wanted * 8
        if not -(1 << bits - 1) <= found.data < 1 << bits:
            raise Fault("value-range", span, f"{found.data} does not fit into {bits} bits")
        return Value(t.Type(f"u{bits}"), found.data & ((1 << bits) - 1))
    if found.type == t.COMPTIME_FLOAT:
        return lo.coerced(found, t.F16 if wanted == 2 else t.F32, span)
    type_ = found.type
    if SCALARS.get(t.scalar_of(type_)) != wanted:
        raise Fault("type-mismatch", span, f"the operation takes values of {wanted} bytes, this is a {type_}")
    return found


def options_of(lo: Lowering, node: ast.Expr | None, scope: Scope) -> tuple[DsdOptions, TaskUse | None]:
    """The options of an operation, and the task that is unblocked if only its binding tells its space."""
    if node is None:
        return DsdOptions(), None
    fields = struct_of(lo, node, scope)
    known = option_values(fields, DSR_OPTIONS, node, scope)
    span = scope.span(node)
    values: dict[str, Any] = {"is_async": known.get("async", False), "save_address": known.get("save_address", False)}
    task = None
    if "activate" in fields:
        values["activate"] = id_register(lo, fields["activate"], "activate", node, scope)[0]
    if "unblock" in fields:
        register, space, task = id_register(lo, fields["unblock"], "unblock", node, scope)
        values["unblock"], values["unblock_space"] = register, space
    if "on_control" in fields:
        action = fields["on_control"]
        if type(action) is not Value or action.type != t.STRUCT or list(action.data) != ["activate"]:
            raise Fault("unsupported", span, "on_control is supported as .{ .activate = id } only")
        values["on_control_activate"] = id_register(lo, action.data["activate"], "activate", node, scope)[0]
    if "ut_id" in fields:
        number = fields["ut_id"]
        if number.type != t.UT_ID:
            number = lo.coerced(number, t.U16, span)
        values["ut"] = lo.reg(number, scope, node)
    if "index" in fields:
        found = number_field(lo, fields, "index", lambda _: span, t.U16)
        values["index"] = found.reg if isinstance(found, Register) else lo.emitter.compute("const", imm=found)
    if "priority" in fields:
        values["priority"] = priority(fields, lambda _: span)
    if not values["is_async"] and (values.get("activate", NO_REG), values.get("unblock", NO_REG)) != (NO_REG, NO_REG):
        raise Fault(
            "async-required",
            span,
            "only an asynchronous operation activates or unblocks at its end",
            "add .async = true",
        )
    return DsdOptions(**values), task


def _register_operation(name: str, kinds: tuple[Any, ...]) -> None:
    count = len(kinds)

    @run_time(name, count, count + 1)
    def handler(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
        operands = []
        for position, (kind, arg) in enumerate(zip(kinds, node.args, strict=False)):
            found = lo.rvalue(lo.eval(arg, scope, kind if isinstance(kind, t.Type) else None), scope, arg)
            operands.append(operand(lo, found, kind, position == 0, arg, scope))
        options, task = options_of(lo, node.args[count] if len(node.args) > count else None, scope)
        lo.emitter.emit("dsd", imm=len(lo.function.dsd_ops))
        lo.emitter.relocate("dsd_ops")
        lo.function.dsd_ops.append((DsdOp(name, tuple(operands), options), task))
        return VOID_VALUE


for _name, _kinds in OPERATIONS.items():
    _register_operation(_name, _kinds)


@run_time("load_to_dsr", 2, 3)
def load_to_dsr(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    dsr = lo.value(node.args[0], scope)
    dsd = lo.rvalue(lo.eval(node.args[1], scope), scope, node.args[1])
    check_dsr_load(dsr, dsd.type, node, scope)
    if dsr.type not in _FILES:
        raise Fault("unsupported", scope.span(node), f"a {dsr.type} is not supported")
    register = lo.reg(dsd, scope, node.args[1])
    options, task = options_of(lo, node.args[2] if len(node.args) > 2 else None, scope)
    lo.emitter.emit("load_dsr", imm=len(lo.function.dsr_loads))
    lo.emitter.relocate("dsr_loads")
    lo.function.dsr_loads.append((DsrLoad(_FILES[dsr.type], dsr.data, register, options), task))
    return VOID_VALUE


@run_time("map", 2, 99)
def map_(lo: Lowering, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    callee = lo.value(node.args[0], scope)
    if not isinstance(callee.data, FunctionRef) or callee.data.is_task:
        raise Fault("type-mismatch", scope.span(node.args[0]), "@map calls a function")
    ref = callee.data
    signature = lo.signature(ref)
    if signature is None:
        raise Fault("unsupported", scope.span(node.args[0]), f"@map cannot call {ref.name!r}: its types are not fixed")
    params, result = signature
    count = len(params) + (result != t.VOID)
    rest = node.args[1:]
    if len(rest) not in (count, count + 1):
        raise Fault(
            "wrong-arity", scope.span(node), f"@map of {ref.name!r} takes {count} operands, {len(rest)} are given"
        )
    inputs, scalars = [], []
    binding: list[Binding] = []
    for type_, arg in zip(params, rest, strict=False):
        found = lo.rvalue(lo.eval(arg, scope, type_), scope, arg)
        inputs.append(_map_operand(lo, found, type_, arg, scope))
        scalars.append(t.scalar_of(type_))
        binding.append(Register(type_, len(binding)))
    output = None
    if result != t.VOID:
        arg = rest[len(params)]
        found = lo.rvalue(lo.eval(arg, scope), scope, arg)
        output = operand(lo, found, result if t.size_of(result) == 0 else t.size_of(result), True, arg, scope)
    options, task = options_of(lo, rest[count] if len(rest) > count else None, scope)
    code = lo.specialised(ref, binding, list(params), result)
    entry = Map(0, tuple(inputs), tuple(scalars), output, "" if output is None else t.scalar_of(result), options)
    lo.emitter.emit("map", imm=len(lo.function.maps))
    lo.emitter.relocate("maps")
    lo.function.maps.append((entry, code, task))
    lo.function.calls[id(code)] = code
    return VOID_VALUE


def _map_operand(lo: Lowering, found: Result, type_: t.Type, node: ast.Expr, scope: Scope) -> Operand:
    if not t.is_runtime(type_) or type_ == t.VOID or t.in_memory(type_):
        raise Fault("type-mismatch", scope.span(node), f"@map cannot pass a {type_}")
    if found.type in t.DSDS and type_ not in t.DSDS:
        if found.type == t.FABOUT:
            raise Fault("dsr-direction", scope.span(node), "a fabout_dsd cannot be a source")
        return Operand(OperandKind.DSD, lo.reg(found, scope, node))
    if found.type in t.DSRS:
        return _dsr(found, False, node, scope)
    value = lo.coerced(found, type_, scope.span(node))
    kind = OperandKind.POINTER if isinstance(type_, t.PointerType) else OperandKind.SCALAR
    return Operand(kind, lo.reg(value, scope, node))
