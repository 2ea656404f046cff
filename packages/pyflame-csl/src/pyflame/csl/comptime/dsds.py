"""Builtins that make and change descriptors. Parts that are known only at run time are collected for lowering."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..dsd import DsdKind
from ..ir import Descriptor
from ..syntax import ast
from . import types as t
from .affine import tensor_access
from .builtins import moved, struct_of
from .coerce import coerce
from .faults import Fault
from .literals import TENSOR_ACCESS, suggestion
from .registry import builtin
from .scope import Result, Scope
from .values import DsdValue, FifoBuffer, Place, Pointer, Register, Storage, Value

if TYPE_CHECKING:
    from .evaluator import Evaluator

KINDS = {
    t.MEM1D: DsdKind.MEM1D, t.MEM4D: DsdKind.MEM4D, t.FABIN: DsdKind.FABIN, t.FABOUT: DsdKind.FABOUT,
    t.CIRCBUF: DsdKind.CIRCBUF,
}  # fmt: skip
_MEMORY = frozenset({"tensor_access", "base_address", "extent", "stride", "offset", "wavelet_index_offset"})
_FIELDS = {
    DsdKind.MEM1D: _MEMORY,
    DsdKind.MEM4D: _MEMORY,
    DsdKind.FABIN: frozenset({"extent", "input_queue", "fabric_color", "priority", "control_transform", "simd_mode"}),
    DsdKind.FABOUT: frozenset(
        "extent output_queue fabric_color control wavelet_index_offset advance_switch simd_mode priority".split()
    ),
    DsdKind.CIRCBUF: frozenset({"base_address", "extent", "wraparound", "stride"}),
}
_PRIORITIES = {"low": 0, "medium": 1, "high": 2}
_SIMD_MODES = {"simd_32": 1, "simd_64": 2}
Parts = dict[str, Register]


@builtin("get_dsd", 2)
def get_dsd(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    type_ = ev.type(node.args[0], scope)
    if type_ not in KINDS:
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a kind of DSD belongs here, this is {type_}")
    kind = KINDS[type_]
    fields = struct_of(ev, node.args[1], scope)
    spans = field_spans(node.args[1], scope)
    for name in fields:
        if name not in _FIELDS[kind]:
            hint = suggestion(name, _FIELDS[kind])
            raise Fault("unknown-field", spans(name), f"a {type_} has no field {name!r}", hint)
    if kind in (DsdKind.FABIN, DsdKind.FABOUT):
        value, parts = _fabric(ev, kind, fields, spans)
    else:
        value, parts = _memory(ev, kind, fields, spans, node, scope)
    return ev.patched(type_, value, parts)


def field_spans(node: ast.Expr, scope: Scope) -> Any:
    """A function from field name to where it is given, for a struct literal; elsewhere the whole expression."""
    places = {}
    if isinstance(node, ast.StructLiteral):
        places = {entry.name.id: entry.value for entry in node.fields if entry.name}
    return lambda name: scope.span(places.get(name, node))


def number_field(ev: Evaluator, fields: dict[str, Result], name: str, spans: Any, type_: t.Type) -> int | Register:
    """An integer field: its number, or the register that will hold it."""
    found = fields[name]
    if type(found) is Value:
        if found.type in t.INT_LIKE and type_ == t.U16 and not 0 <= found.data <= 0xFFFF:
            raise Fault("extent-range", spans(name), f"{name} {found.data} is outside of 0..65535")
        if found.type in t.INT_LIKE and type_ == t.I8 and not -128 <= found.data <= 127:
            raise Fault("stride-range", spans(name), f"{name} {found.data} is outside of -128..127")
        return coerce(found, type_, spans(name)).data
    return ev.coerced(found, type_, spans(name))  # type: ignore[return-value]


def flag(fields: dict[str, Result], name: str, spans: Any) -> bool:
    """A bool field, False where absent."""
    found = fields.get(name)
    if found is None:
        return False
    if type(found) is not Value:
        raise Fault("comptime-required", spans(name), f"{name} must be known while compiling")
    return coerce(found, t.BOOL, spans(name)).data


def priority(fields: dict[str, Result], spans: Any) -> int:
    """A `.priority = .{ .high = true }` field."""
    return _choice(fields, "priority", _PRIORITIES, spans)


def _choice(fields: dict[str, Result], name: str, known: dict[str, int], spans: Any) -> int:
    """What a field such as `.priority = .{ .high = true }` chooses; 0 if it is not there."""
    found = fields.get(name)
    if found is None:
        return 0
    for entry, chosen in (found.data if type(found) is Value and found.type == t.STRUCT else {}).items():
        if entry in known and chosen.data is True:
            return known[entry]
    choices = " or ".join(f".{{ .{entry} = true }}" for entry in known)
    raise Fault("unknown-field", spans(name), f"{name} is {choices}")


def _fabric(ev: Evaluator, kind: DsdKind, fields: dict[str, Result], spans: Any) -> tuple[DsdValue, Parts]:
    parts: Parts = {}
    values: dict[str, Any] = {}
    queue = "input_queue" if kind == DsdKind.FABIN else "output_queue"
    for field, name, type_ in (("length", "extent", t.U16), ("color", "fabric_color", t.COLOR)):
        if name in fields:
            found = number_field(ev, fields, name, spans, type_)
            if isinstance(found, Register):
                parts[field] = found
            else:
                values[field] = found
    if queue in fields:
        found = number_field(ev, fields, queue, spans, t.NAMED_TYPES[queue])
        if isinstance(found, Register):
            parts["queue"] = found
        else:
            values["queue"] = found
    values["control"] = flag(fields, "control", spans)
    values["index_offset"] = flag(fields, "wavelet_index_offset", spans)
    values["advance_switch"] = flag(fields, "advance_switch", spans)
    values["simd"] = _choice(fields, "simd_mode", _SIMD_MODES, spans)
    if values["simd"] and (values["control"] or values["index_offset"]):
        message = "simd_mode fills wavelets with data, so that there is no room for an index or a command"
        raise Fault("unsupported", spans("simd_mode"), message)
    if "control_transform" in fields:
        raise Fault("unsupported", spans("control_transform"), "the simulator has no control_transform")
    values["priority"] = priority(fields, spans)
    return DsdValue(kind, **values), parts


def address_field(ev: Evaluator, found: Result, span: Any) -> tuple[Pointer | Register, t.Type]:
    """The address and element type that an array or pointer stands for."""
    type_ = found.type.pointee if isinstance(found.type, t.PointerType) else found.type
    if isinstance(t.element_of(type_), t.StructType):
        raise Fault("type-mismatch", span, f"a descriptor goes over numbers, this is a {found.type}")
    if type(found) is Place and isinstance(found.type, t.ArrayType):
        inner = t.element_of(found.type)
        if found.base is None and found.storage is not None:
            return Pointer(found.storage, found.offset), inner
        return ev.address_at_run_time(found), inner  # type: ignore[return-value]
    if type(found) is Place or not isinstance(found.type, t.PointerType):
        raise Fault("type-mismatch", span, f"an array or pointer belongs here, this is a {found.type}")
    inner = t.element_of(found.type.pointee)
    address: Pointer | Register = found.data if type(found) is Value else found  # type: ignore[assignment]
    return address, inner


def _memory(
    ev: Evaluator, kind: DsdKind, fields: dict[str, Result], spans: Any, node: ast.BuiltinCall, scope: Scope
) -> tuple[DsdValue, Parts]:
    parts: Parts = {}
    index_offset = flag(fields, "wavelet_index_offset", spans)
    if "tensor_access" in fields:
        access = fields["tensor_access"]
        if access.type != TENSOR_ACCESS or type(access) is not Value:
            raise Fault("type-mismatch", spans("tensor_access"), "tensor_access is written |i|{n} -> array[i]")
        value, parts = tensor_access(ev, kind, access.data.node, access.data.scope)
        return replace(value, index_offset=index_offset), parts
    if "base_address" not in fields:
        raise Fault("missing-field", scope.span(node), "the DSD has neither base_address nor tensor_access")
    address, inner = address_field(ev, fields["base_address"], spans("base_address"))
    values: dict[str, Any] = {"element": inner, "index_offset": index_offset}
    if isinstance(address, Register):
        parts["base"] = address
    else:
        values["base"] = address
    extent = fields.get("extent")
    if kind == DsdKind.MEM4D and type(extent) is Value and extent.type == t.STRUCT:
        return _tuple_extents(kind, fields, spans, values), parts
    for field, name, type_ in (("length", "extent", t.U16), ("stride", "stride", t.I8)):
        if name in fields:
            found = number_field(ev, fields, name, spans, type_)
            if isinstance(found, Register):
                parts[field] = found
            else:
                values[field] = found
    if "offset" in fields:
        offset = number_field(ev, fields, "offset", spans, t.I16)
        if isinstance(offset, Register) or isinstance(address, Register):
            raise Fault("comptime-required", spans("offset"), "offset must be known", "use @increment_dsd_offset")
        values["base"] = moved(address, offset, inner)
    if kind == DsdKind.MEM4D:
        values["table"] = Descriptor((values.get("length", 1),), (values.pop("stride", 1),))
    if kind == DsdKind.CIRCBUF:
        wrap = number_field(ev, fields, "wraparound", spans, t.U16) if "wraparound" in fields else 0
        if isinstance(wrap, Register):
            raise Fault("comptime-required", spans("wraparound"), "wraparound must be known while compiling")
        values["table"] = Descriptor((values.get("length", 1),), (values.get("stride", 1),), wrap)
    return DsdValue(kind, **values), parts


def _tuple_extents(kind: DsdKind, fields: dict[str, Result], spans: Any, values: dict[str, Any]) -> DsdValue:
    def numbers(name: str) -> list[int]:
        found = fields[name]
        entries = list(found.data.values()) if type(found) is Value and found.type == t.STRUCT else [found]
        known = [entry for entry in entries if type(entry) is Value]
        if len(known) != len(entries):
            raise Fault("comptime-required", spans(name), f"{name} must be known while compiling")
        return [coerce(entry, t.I16, spans(name)).data for entry in known]

    extents = numbers("extent")
    strides = numbers("stride") if "stride" in fields else [math.prod(extents[i + 1 :]) for i in range(len(extents))]
    if len(strides) != len(extents) or len(extents) > 4:
        raise Fault("wrong-arity", spans("extent"), f"{len(extents)} extents and {len(strides)} strides; four at most")
    return DsdValue(kind, length=math.prod(extents), table=Descriptor(tuple(extents), tuple(strides)), **values)


@builtin("allocate_fifo", 1, 2)
def allocate_fifo(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    found = ev.locate(node.args[0], scope)
    if type(found) is Value and isinstance(found.type, t.PointerType):
        found = ev.pointed(found, scope, node)
    if type(found) is not Place or found.storage is None or not isinstance(found.type, t.ArrayType):
        raise Fault("type-mismatch", scope.span(node.args[0]), "a FIFO lies in a global array")
    options: dict[str, Result] = struct_of(ev, node.args[1], scope) if len(node.args) > 1 else {}
    known = {"activate_push", "activate_pop"}
    for name in options:
        where = scope.span(node.args[1])
        if name in {"empty_action", "full_action", "priority"}:
            raise Fault("unsupported", where, f"the FIFOs of the simulator have no {name}: an operation waits")
        if name not in known:
            raise Fault("unknown-field", where, f"a FIFO has no option {name!r}", suggestion(name, known))
    storage: Storage = found.storage
    buffer = FifoBuffer(
        storage, t.element_of(found.type), *(_id_of(options.get(name)) for name in ("activate_push", "activate_pop"))
    )
    return Value(t.FIFO, DsdValue(DsdKind.FIFO, length=0, element=buffer.element, fifo=buffer))


def _id_of(found: Result | None) -> Any:
    return found.data if type(found) is Value else None


def dsd_argument(ev: Evaluator, node: ast.BuiltinCall, scope: Scope) -> Value | Register:
    """The DSD that is the first argument."""
    found = ev.rvalue(ev.eval(node.args[0], scope), scope, node.args[0])
    if found.type not in t.DSDS:
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a DSD belongs here, this is a {found.type}")
    return found


@builtin("set_dsd_length", 2)
def set_dsd_length(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    dsd = dsd_argument(ev, node, scope)
    if dsd.type == t.MEM4D:
        raise Fault("type-mismatch", scope.span(node.args[0]), "the length of a mem4d_dsd cannot be set")
    return _changed(ev, dsd, "length", "extent", t.U16, node, scope)


@builtin("set_dsd_stride", 2)
def set_dsd_stride(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    dsd = dsd_argument(ev, node, scope)
    if dsd.type != t.MEM1D:
        raise Fault("type-mismatch", scope.span(node.args[0]), f"only a mem1d_dsd has a stride, this is a {dsd.type}")
    return _changed(ev, dsd, "stride", "stride", t.I8, node, scope)


def _changed(
    ev: Evaluator, dsd: Value | Register, field: str, name: str, type_: t.Type, node: ast.BuiltinCall, scope: Scope
) -> Result:
    argument = ev.rvalue(ev.eval(node.args[1], scope), scope, node.args[1])
    where = scope.span(node.args[1])
    found = number_field(ev, {name: argument}, name, lambda _: where, type_)
    if type(dsd) is Value and not isinstance(found, Register):
        return Value(dsd.type, replace(dsd.data, **{field: found}))
    return ev.change_dsd(dsd, field, found)


@builtin("set_dsd_base_addr", 2)
def set_dsd_base_addr(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    dsd = dsd_argument(ev, node, scope)
    if dsd.type not in (t.MEM1D, t.MEM4D, t.CIRCBUF):
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a {dsd.type} has no base address")
    target = ev.locate(node.args[1], scope)
    if type(target) is not Place or not isinstance(target.type, t.ArrayType):
        target = ev.rvalue(ev.eval(node.args[1], scope), scope, node.args[1])
    address, inner = address_field(ev, target, scope.span(node.args[1]))
    if type(dsd) is Value and isinstance(address, Pointer):
        return Value(dsd.type, replace(dsd.data, base=address, element=inner))
    return ev.change_dsd_base(dsd, address, inner)


@builtin("increment_dsd_offset", 3)
def increment_dsd_offset(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    dsd = dsd_argument(ev, node, scope)
    if dsd.type not in (t.MEM1D, t.MEM4D):
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a {dsd.type} has no offset")
    amount = ev.rvalue(ev.eval(node.args[1], scope), scope, node.args[1])
    if amount.type not in t.INT_LIKE:
        raise Fault("type-mismatch", scope.span(node.args[1]), f"the offset is an integer, this is a {amount.type}")
    element = ev.type(node.args[2], scope)
    if t.size_of(element) == 0 or isinstance(element, t.ArrayType):
        raise Fault("type-mismatch", scope.span(node.args[2]), f"{element} is no type of elements")
    if type(dsd) is Value and type(amount) is Value and dsd.data.base is not None:
        return Value(dsd.type, replace(dsd.data, base=moved(dsd.data.base, amount.data, element)))
    return ev.move_dsd(dsd, amount, element)
