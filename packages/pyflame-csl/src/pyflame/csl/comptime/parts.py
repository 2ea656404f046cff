"""Parts of values that are known while compiling, by their place in memory."""

from __future__ import annotations

from . import types as t
from .values import Value, copied, unit_of


def zero_of(type_: t.Type) -> Value:
    """What a variable without a value holds while compiling."""
    if isinstance(type_, t.ArrayType):
        inner = t.element_of(type_)
        if isinstance(inner, t.StructType):
            return Value(type_, [zero_of(inner).data for _ in range(type_.total)])
        return Value(type_, [zero_of(inner).data] * type_.total)
    if isinstance(type_, t.StructType):
        return Value(type_, {name: zero_of(field) for name, field in type_.fields})
    return Value(type_, 0.0 if type_ in t.FLOATS else False if type_ == t.BOOL else 0)


def part(value: Value, offset: int, wanted: t.Type) -> Value | None:
    """The part of type `wanted` that lies `offset` bytes behind the start of `value`; None if there is none."""
    if offset == 0 and value.type == wanted:
        return value
    if isinstance(value.type, t.StructType):
        name = _field_at(value.type, offset)
        return None if name is None else part(value.data[name], offset - value.type.offsets[name], wanted)
    inner = t.element_of(value.type)
    at, rest = divmod(offset, unit_of(value.type))
    data = value.data if isinstance(value.type, t.ArrayType) else [value.data]
    count = t.total_of(wanted)
    if t.element_of(wanted) == inner and not rest and 0 <= at <= len(data) - count:
        return Value(wanted, data[at : at + count] if isinstance(wanted, t.ArrayType) else data[at])
    if isinstance(inner, t.StructType) and 0 <= at < len(data):
        return part(Value(inner, data[at]), rest, wanted)
    return None


def with_part(value: Value, offset: int, new: Value) -> Value:
    """`value` with a part that exists replaced; lists change in place, structs do not."""
    if offset == 0 and value.type == new.type:
        return copied(new)
    if isinstance(value.type, t.StructType):
        name = _field_at(value.type, offset)
        assert name is not None
        changed = with_part(copied(value.data[name]), offset - value.type.offsets[name], new)
        return Value(value.type, value.data | {name: changed})
    at, rest = divmod(offset, unit_of(value.type))
    if isinstance(new.type, t.ArrayType):
        value.data[at : at + new.type.total] = new.data
    elif new.type == t.element_of(value.type):
        value.data[at] = new.data
    else:
        value.data[at] = with_part(Value(t.element_of(value.type), value.data[at]), rest, new).data
    return value


def _field_at(type_: t.StructType, offset: int) -> str | None:
    for name, field in type_.fields:
        if 0 <= offset - type_.offsets[name] < t.size_of(field):
            return name
    return None
