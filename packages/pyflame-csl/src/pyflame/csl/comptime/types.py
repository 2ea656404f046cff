"""The types of CSL."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

from ..ir import SCALARS


@dataclass(frozen=True)
class Type:
    """A type without structure of its own, known by its name: scalars, ids, descriptors, `comptime_struct`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ArrayType(Type):
    """`[shape]element`, row-major."""

    shape: tuple[int, ...] = ()
    element: Type = field(default_factory=lambda: Type("void"))

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def total(self) -> int:
        """Innermost elements, which is what the data of a value lists."""
        return self.count * total_of(self.element)


@dataclass(frozen=True)
class PointerType(Type):
    """`*T`, `*const T` or, where `many`, `[*]T`."""

    pointee: Type = field(default_factory=lambda: Type("void"))
    const: bool = False
    many: bool = False


@dataclass(frozen=True)
class FunctionType(Type):
    """`fn (...) R` or `task (...) R`."""

    params: tuple[Type, ...] = ()
    result: Type = field(default_factory=lambda: Type("void"))
    task: bool = False


@dataclass(frozen=True)
class EnumType(Type):
    """`enum(tag) { ... }`; `identity` tells apart enums that are spelled alike."""

    tag: Type = field(default_factory=lambda: Type("void"))
    members: tuple[tuple[str, int], ...] = ()
    identity: tuple[str, int] = ("", 0)

    @functools.cached_property
    def values(self) -> dict[str, int]:
        return dict(self.members)


@dataclass(frozen=True)
class StructType(Type):
    """`struct { ... }`: fields in memory one after the other; `identity` tells apart structs that are spelled alike."""

    fields: tuple[tuple[str, Type], ...] = ()
    identity: tuple[str, int] = ("", 0)

    @functools.cached_property
    def types(self) -> dict[str, Type]:
        return dict(self.fields)

    @functools.cached_property
    def offsets(self) -> dict[str, int]:
        """The byte at which each field begins."""
        found, at = {}, 0
        for name, type_ in self.fields:
            at = aligned(at, align_of(type_))
            found[name] = at
            at += size_of(type_)
        return found


@dataclass(frozen=True)
class RangeType(Type):
    """What `@range` gives: counts in `element`."""

    element: Type = field(default_factory=lambda: Type("void"))


VOID = Type("void")
BOOL = Type("bool")
I8, I16, I32, I64 = Type("i8"), Type("i16"), Type("i32"), Type("i64")
U8, U16, U32, U64 = Type("u8"), Type("u16"), Type("u32"), Type("u64")
F16, F32 = Type("f16"), Type("f32")
COMPTIME_INT, COMPTIME_FLOAT = Type("comptime_int"), Type("comptime_float")
STRING, STRUCT, TYPE, MODULE = Type("comptime_string"), Type("comptime_struct"), Type("type"), Type("imported_module")
FUNCTION = Type("function")
ANY = Type("anytype")
DIRECTION = Type("direction")
COLOR = Type("color")
LOCAL_TASK_ID, DATA_TASK_ID, CONTROL_TASK_ID = Type("local_task_id"), Type("data_task_id"), Type("control_task_id")
INPUT_QUEUE, OUTPUT_QUEUE, UT_ID = Type("input_queue"), Type("output_queue"), Type("ut_id")
MEM1D, MEM4D, FABIN, FABOUT = Type("mem1d_dsd"), Type("mem4d_dsd"), Type("fabin_dsd"), Type("fabout_dsd")
FIFO, CIRCBUF = Type("fifo_dsd"), Type("circbuf_dsd")
DSR_DEST, DSR_SRC0, DSR_SRC1 = Type("dsr_dest"), Type("dsr_src0"), Type("dsr_src1")

INTS = frozenset({I8, I16, I32, I64, U8, U16, U32, U64})
FLOATS = frozenset({F16, F32})
NUMERIC = INTS | FLOATS | {COMPTIME_INT, COMPTIME_FLOAT}
INT_LIKE = INTS | {COMPTIME_INT}
FLOAT_LIKE = FLOATS | {COMPTIME_FLOAT}
IDS = frozenset({COLOR, LOCAL_TASK_ID, DATA_TASK_ID, CONTROL_TASK_ID, INPUT_QUEUE, OUTPUT_QUEUE, UT_ID})
DSDS = frozenset({MEM1D, MEM4D, FABIN, FABOUT, FIFO, CIRCBUF})
DSRS = frozenset({DSR_DEST, DSR_SRC0, DSR_SRC1, Type("dsr_fifo_dest"), Type("dsr_fifo_src1"), Type("xdsr"), Type("sr")})

NAMED_TYPES: dict[str, Type] = {
    t.name: t
    for t in (
        {VOID, BOOL, STRING, STRUCT, TYPE, MODULE, DIRECTION, COMPTIME_INT, COMPTIME_FLOAT, ANY}
        | INTS
        | FLOATS
        | IDS
        | DSDS
        | DSRS
    )
}


def array(shape: tuple[int, ...], element: Type) -> ArrayType:
    """The type `[shape]element`."""
    return ArrayType(f"[{', '.join(map(str, shape))}]{element}", shape, element)


def pointer(pointee: Type, const: bool = False, many: bool = False) -> PointerType:
    """The type of a pointer to one `pointee`, or where `many` to the first of several."""
    return PointerType(f"{'[*]' if many else '*'}{'const ' if const else ''}{pointee}", pointee, const, many)


def function(params: tuple[Type, ...], result: Type, task: bool = False) -> FunctionType:
    """The type of a function or task."""
    text = f"{'task' if task else 'fn'} ({', '.join(map(str, params))}) {result}"
    return FunctionType(text, params, result, task)


def total_of(type_: Type) -> int:
    """Innermost elements of an array, 1 of anything else."""
    return type_.total if isinstance(type_, ArrayType) else 1


def element_of(type_: Type) -> Type:
    """The innermost element type of an array, the type itself otherwise."""
    while isinstance(type_, ArrayType):
        type_ = type_.element
    return type_


@functools.cache
def int_range(type_: Type) -> tuple[int, int]:
    """Smallest and largest value of an integer type."""
    bits = SCALARS[type_.name] * 8
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if type_.name[0] == "i" else (0, (1 << bits) - 1)


@functools.cache
def scalar_of(type_: Type) -> str:
    """Name of the machine scalar that holds a value of this type in a register, "" for types without one."""
    if type_.name in SCALARS:
        return type_.name
    if isinstance(type_, EnumType):
        return type_.tag.name
    if isinstance(type_, PointerType) or type_ in IDS or type_ == DIRECTION:
        return "u16"
    return "u64" if type_ in DSDS else ""


@functools.cache
def size_of(type_: Type) -> int:
    """Bytes in memory."""
    if isinstance(type_, ArrayType):
        return type_.count * size_of(type_.element)
    if isinstance(type_, StructType):
        end = max((type_.offsets[name] + size_of(field_) for name, field_ in type_.fields), default=0)
        return aligned(end, align_of(type_))
    return SCALARS.get(scalar_of(type_), 0)


@functools.cache
def align_of(type_: Type) -> int:
    """Natural alignment in bytes; memory is addressed in 16-bit words and descriptors need no more than 4."""
    inner = element_of(type_)
    if isinstance(inner, StructType):
        return max((align_of(field_) for _, field_ in inner.fields), default=2)
    return max(2, min(4, size_of(inner)))


def aligned(address: int, alignment: int) -> int:
    """The first multiple of `alignment` from `address` on."""
    return -(-address // alignment) * alignment


def in_memory(type_: Type) -> bool:
    """Whether values of this type are too large for a register: arrays and structs."""
    return isinstance(type_, ArrayType | StructType)


def is_runtime(type_: Type) -> bool:
    """Whether values of this type can exist while the program runs."""
    inner = element_of(type_)
    if isinstance(inner, StructType):
        return all(is_runtime(field_) and field_ != VOID for _, field_ in inner.fields)
    return type_ == VOID or scalar_of(inner) != ""


def copied_as(type_: Type) -> str:
    """The scalar as which the host copies values of this type: structs go word by word."""
    if isinstance(type_, StructType):
        return "u32" if size_of(type_) % 4 == 0 else "u16"
    return scalar_of(type_)
