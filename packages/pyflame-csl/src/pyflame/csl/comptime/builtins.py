"""Builtins on types and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir import SCALARS
from ..syntax import ast
from . import scalars, types as t
from .coerce import coerce
from .faults import Fault
from .literals import MAX_ELEMENTS
from .registry import builtin
from .scope import Result, Scope
from .values import VOID_VALUE, Pointer, Value, copied, unit_of

if TYPE_CHECKING:
    from .evaluator import Evaluator

Want = t.Type | None


def convertible(target: t.Type, source: t.Type) -> bool:
    """Whether `@as` takes a value of `source` to `target`."""
    numbers = t.NUMERIC | {t.BOOL}
    return target == source or (target in numbers and (source in numbers or isinstance(source, t.EnumType)))


@builtin("as", 2)
def as_(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    target = ev.type(node.args[0], scope)
    value = ev.value(node.args[1], scope, target)
    if value.type in t.NUMERIC | {t.BOOL} and target in t.NUMERIC | {t.BOOL}:
        try:
            return Value(target, scalars.convert(target, value.type, value.data))
        except scalars.ArithmeticFault as fault:
            raise Fault("arithmetic", scope.span(node), str(fault)) from None
    if isinstance(target, t.EnumType) and value.type in t.INT_LIKE:
        if value.data not in target.values.values():
            raise Fault("value-range", scope.span(node), f"the enum has no member with value {value.data}")
        return Value(target, value.data)
    if isinstance(value.type, t.EnumType) and target in t.INT_LIKE:
        return Value(target, scalars.fit(target, value.data))
    return coerce(value, target, scope.span(node.args[1]))


@builtin("bitcast", 2)
def bitcast(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    target = ev.type(node.args[0], scope)
    value = ev.value(node.args[1], scope)
    if value.type in (t.COMPTIME_INT, t.COMPTIME_FLOAT) and target.name in SCALARS:
        value = coerce(
            value, target if value.type == t.COMPTIME_INT and target in t.INTS else value.type, scope.span(node)
        )
    check_bitcast(target, value.type, node, scope)
    return Value(target, scalars.bitcast(target, value.type, value.data))


def check_bitcast(target: t.Type, source: t.Type, node: ast.BuiltinCall, scope: Scope) -> None:
    """Refuse a `@bitcast` between types of different sizes, or of none."""
    for type_ in (target, source):
        if type_.name not in SCALARS:
            raise Fault(
                "type-mismatch", scope.span(node), f"@bitcast does not apply to {type_}", "give it a type with @as"
            )
    if SCALARS[target.name] != SCALARS[source.name]:
        raise Fault("type-mismatch", scope.span(node), f"{source} and {target} differ in size", "@as converts values")


@builtin("ptrcast", 2)
def ptrcast(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    target = ev.type(node.args[0], scope)
    if not isinstance(target, t.PointerType):
        raise Fault("type-mismatch", scope.span(node.args[0]), f"@ptrcast makes pointers, {target} is none")
    found = ev.eval(node.args[1], scope)
    if not isinstance(found.type, t.PointerType):
        raise Fault("type-mismatch", scope.span(node.args[1]), f"a pointer belongs here, this is a {found.type}")
    return ev.retyped(found, target, scope, node)


@builtin("type_of", 1)
def type_of(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.TYPE, ev.eval(node.args[0], scope).type)


@builtin("is_same_type", 2)
def is_same_type(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.BOOL, ev.type(node.args[0], scope) == ev.type(node.args[1], scope))


@builtin("is_comptime", 1)
def is_comptime(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.BOOL, type(ev.eval(node.args[0], scope)) is Value)


@builtin("is_arch", 1)
def is_arch(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.BOOL, text_of(ev, node.args[0], scope) == ev.session.arch)


@builtin("comptime_assert", 1, 2)
def comptime_assert(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    found = ev.value(node.args[0], scope)
    if found.type != t.BOOL:
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a bool belongs here, this is a {found.type}")
    if not found.data:
        said = f": {text_of(ev, node.args[1], scope)}" if len(node.args) > 1 else ""
        what = scope.span(node.args[0]).text
        raise Fault("assert-failed", scope.span(node), f"{what} does not hold{said}")
    return VOID_VALUE


@builtin("assert", 1)
def assert_(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return comptime_assert(ev, node, scope, want)


@builtin("comptime_print", 1, 99)
def comptime_print(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    found = [ev.eval(arg, scope) for arg in node.args]
    text = " ".join(str(value.data) if type(value) is Value else f"({value.type} at run time)" for value in found)
    ev.session.report.note("comptime-print", scope.span(node), text)
    return VOID_VALUE


@builtin("zeros", 1)
def zeros(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    type_ = array_type(ev, node, scope)
    inner = t.element_of(type_)
    if inner not in t.NUMERIC | {t.BOOL}:
        raise Fault("type-mismatch", scope.span(node), f"{inner} has no zero")
    return Value(type_, [0.0 if inner in t.FLOAT_LIKE else False if inner == t.BOOL else 0] * type_.total)


@builtin("constants", 2)
def constants(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    type_ = array_type(ev, node, scope)
    inner = t.element_of(type_)
    value = coerce(ev.value(node.args[1], scope, inner), inner, scope.span(node.args[1]))
    return Value(type_, [value.data] * type_.total)


def array_type(ev: Evaluator, node: ast.BuiltinCall, scope: Scope) -> t.ArrayType:
    """The array type that is the first argument of a builtin."""
    type_ = ev.type(node.args[0], scope)
    if not isinstance(type_, t.ArrayType):
        raise Fault("type-mismatch", scope.span(node.args[0]), f"an array type belongs here, this is {type_}")
    if type_.total > MAX_ELEMENTS:
        raise Fault("value-range", scope.span(node), f"{type_} has more elements than this front end follows")
    return type_


@builtin("range", 2, 4)
def range_(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    if len(node.args) == 3:
        raise Fault("wrong-arity", scope.span(node), "@range takes (type, end) or (type, start, end, step)")
    type_ = ev.type(node.args[0], scope)
    if type_ not in t.INT_LIKE:
        raise Fault("type-mismatch", scope.span(node.args[0]), f"@range counts in an integer type, {type_} is none")
    nodes = node.args[1:]
    bounds = [ev.coerced(ev.rvalue(ev.eval(bound, scope), scope, bound), type_, scope.span(bound)) for bound in nodes]
    if len(bounds) == 1:
        bounds = [Value(type_, 0), bounds[0], Value(type_, 1)]
    step = bounds[2]
    if type(step) is Value and step.data == 0:
        raise Fault("arithmetic", scope.span(nodes[2]), "a range with step 0 never ends")
    return Value(t.RangeType(f"range of {type_}", type_), tuple(bounds))


@builtin("concat_structs", 2)
def concat_structs(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    first, second = (struct_of(ev, arg, scope) for arg in node.args)
    clash = sorted(first.keys() & second.keys())
    if clash:
        raise Fault("duplicate-field", scope.span(node), f"both structs have a field {clash[0]!r}")
    return Value(t.STRUCT, first | second)


def struct_of(ev: Evaluator, node: ast.Expr, scope: Scope) -> dict[str, Result]:
    """The fields of an anonymous struct."""
    found = ev.eval(node, scope)
    if type(found) is not Value or found.type != t.STRUCT:
        raise Fault("type-mismatch", scope.span(node), f"a struct belongs here, this is a {found.type}")
    return found.data


def text_of(ev: Evaluator, node: ast.Expr, scope: Scope) -> str:
    """A comptime_string."""
    found = ev.value(node, scope)
    if found.type != t.STRING:
        raise Fault("type-mismatch", scope.span(node), f"a string belongs here, this is a {found.type}")
    return found.data


@builtin("import_module", 1, 2)
def import_module(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    path = text_of(ev, node.args[0], scope)
    params: dict[str, Value] = {}
    if len(node.args) > 1:
        for name, value in struct_of(ev, node.args[1], scope).items():
            if type(value) is not Value:
                raise Fault("comptime-required", scope.span(node.args[1]), f"{name!r} must be known while compiling")
            params[name] = copied(value)
    return Value(t.MODULE, ev.session.import_module(path, params, scope.instance, node))


@builtin("get_rectangle", 0)
def get_rectangle(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    size = ev.session.rectangle
    if size is None:
        where = scope.span(node)
        fault = Fault("comptime-required", where, "the rectangle is not set yet", "call @set_rectangle first")
        fault.reported = ev.session.tolerant
        raise fault
    return Value(t.STRUCT, {"width": Value(t.U16, size[0]), "height": Value(t.U16, size[1])})


@builtin("strlen", 1)
def strlen(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.COMPTIME_INT, len(text_of(ev, node.args[0], scope).encode()))


@builtin("strcat", 1, 99)
def strcat(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    joined = "".join(text_of(ev, arg, scope) for arg in node.args)
    if len(joined) > MAX_ELEMENTS:
        raise Fault("value-range", scope.span(node), "the string is longer than this front end follows")
    return Value(t.STRING, joined)


@builtin("has_field", 2)
def has_field(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.BOOL, text_of(ev, node.args[1], scope) in struct_of(ev, node.args[0], scope))


@builtin("field", 2)
def field(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    fields, name = struct_of(ev, node.args[0], scope), text_of(ev, node.args[1], scope)
    if name not in fields:
        raise Fault("unknown-field", scope.span(node.args[1]), f"the struct has no field {name!r}")
    return fields[name]


@builtin("element_type", 1)
def element_type(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.TYPE, array_type(ev, node, scope).element)


@builtin("element_count", 1)
def element_count(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.COMPTIME_INT, array_type(ev, node, scope).count)


@builtin("rank", 1)
def rank(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    return Value(t.COMPTIME_INT, len(array_type(ev, node, scope).shape))


@builtin("dimensions", 1)
def dimensions(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    shape = array_type(ev, node, scope).shape
    return Value(t.array((len(shape),), t.U16), list(shape))


def moved(pointer: Pointer, elements: int, element: t.Type) -> Pointer:
    """The address `elements` further on."""
    return Pointer(pointer.storage, pointer.offset + elements * unit_of(element))
