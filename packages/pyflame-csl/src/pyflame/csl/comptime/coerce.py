"""Which type a value takes where another is expected, and when that is an error."""

from __future__ import annotations

from ..syntax.source import Span
from . import scalars, types as t
from .faults import Fault
from .values import Value


def mismatch(expected: t.Type, found: t.Type, span: Span, hint: str = "") -> Fault:
    """The error that a value has another type than its place."""
    return Fault("type-mismatch", span, f"a value of type {expected} belongs here, this one is {found}", hint)


def pointer_fits(target: t.PointerType, source: t.PointerType) -> bool:
    """Whether one pointer may stand for another: constness may be added, a pointer to an array decays."""
    if source.const and not target.const:
        return False
    pointee = source.pointee
    if target.pointee == pointee and target.many == source.many:
        return True
    return target.many and isinstance(pointee, t.ArrayType) and t.element_of(pointee) == target.pointee


def function_fits(target: t.FunctionType, source: t.Type) -> bool:
    """Whether a function may stand where the type `target` is asked for."""
    return isinstance(source, t.FunctionType) and (
        (source.params, source.result, source.task) == (target.params, target.result, target.task)
    )


def _integer(value: Value, target: t.Type, span: Span) -> Value:
    number = value.data
    if target == t.COMPTIME_INT:
        return Value(target, number)
    if scalars.exact_in(target, number):
        return Value(target, number)
    low, high = t.int_range(target)
    raise Fault(
        "value-range",
        span,
        f"{number} does not fit into {target}, which holds {low} to {high}",
        f"choose a wider type, or cut it with @as({target}, ...)",
    )


def coerce(value: Value, target: t.Type, span: Span) -> Value:
    """`value` as a `target` where the language converts by itself; a known integer goes into any type that holds it."""
    source = value.type
    if source == target or target == t.ANY:
        return value
    if source in t.INT_LIKE:
        if target in t.INT_LIKE:
            return _integer(value, target, span)
        if source == t.COMPTIME_INT and target in t.FLOAT_LIKE:
            return Value(target, scalars.convert(target, source, value.data))
    elif source in t.FLOAT_LIKE:
        if source == t.COMPTIME_FLOAT and target in t.FLOATS:
            return Value(target, scalars.convert(target, source, value.data))
        if source in t.FLOATS and target == t.COMPTIME_FLOAT:
            return Value(target, value.data)
        if (source, target) == (t.F16, t.F32):
            return Value(target, value.data)
        if target in t.INT_LIKE:
            raise mismatch(target, source, span, f"@as({target}, ...) truncates toward zero")
    elif isinstance(source, t.PointerType) and isinstance(target, t.PointerType):
        if pointer_fits(target, source):
            return Value(target, value.data)
        raise mismatch(target, source, span, "@ptrcast changes the type of a pointer")
    elif isinstance(source, t.FunctionType) and (isinstance(target, t.FunctionType) or target == t.FUNCTION):
        if target == t.FUNCTION or function_fits(target, source):  # type: ignore[arg-type]
            return value
    elif source == t.STRUCT and isinstance(target, t.ArrayType):
        return _array_of_struct(value, target, span)
    elif source == t.STRUCT and isinstance(target, t.StructType):
        check_fields(value.data, target, span)
        return Value(target, {name: _known(value.data[name], type_, span) for name, type_ in target.fields})
    elif isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType) and source.shape == target.shape:
        from_, to = t.element_of(source), t.element_of(target)
        if t.total_of(source) == t.total_of(target):
            return Value(target, [coerce(Value(from_, entry), to, span).data for entry in value.data])
    raise mismatch(target, source, span)


def check_fields(fields: dict[str, Value], target: t.StructType, span: Span) -> None:
    """Raise if fields are not those of a struct."""
    for name in fields:
        if name not in target.types:
            raise Fault("unknown-field", span, f"{target} has no field {name!r}")
    for name in target.types:
        if name not in fields:
            raise Fault("missing-field", span, f"field {name!r} of {target} has no value")


def _known(entry: object, type_: t.Type, span: Span) -> Value:
    if not isinstance(entry, Value):
        raise Fault("comptime-required", span, "every field must be known while compiling")
    return coerce(entry, type_, span)


def _array_of_struct(value: Value, target: t.ArrayType, span: Span) -> Value:
    fields: dict[str, Value] = value.data
    if list(fields) != [str(i) for i in range(len(fields))] or len(fields) != target.count:
        raise mismatch(target, value.type, span, f"it needs {target.count} values without names")
    for entry in fields.values():
        if not isinstance(entry, Value):
            raise Fault("comptime-required", span, "every element must be known while compiling")
    entries = [coerce(entry, target.element, span).data for entry in fields.values()]
    if isinstance(target.element, t.ArrayType):
        entries = [inner for entry in entries for inner in entry]
    return Value(target, entries)


def peer(left: t.Type, right: t.Type) -> t.Type | None:
    """The type in which two numeric operands meet; None if a conversion has to be written."""
    if left == right:
        return left
    if left == t.COMPTIME_INT and right in t.NUMERIC:
        return right
    if right == t.COMPTIME_INT and left in t.NUMERIC:
        return left
    if left == t.COMPTIME_FLOAT and right in t.FLOATS:
        return right
    if right == t.COMPTIME_FLOAT and left in t.FLOATS:
        return left
    return None


def widens(source: t.Type, target: t.Type) -> bool:
    """Whether every value of `source` is one of `target`, so that a run-time value may be widened without a word."""
    if source in t.INTS and target in t.INTS:
        low, high = t.int_range(source)
        wide_low, wide_high = t.int_range(target)
        return wide_low <= low and high <= wide_high
    return (source, target) == (t.F16, t.F32)
