"""What a comptime expression can be: a type with its data.

| type | data |
|---|---|
| integers, ids, direction, enums | int |
| bool | bool |
| floats | float, rounded to the type |
| comptime_string | str |
| comptime_struct | dict of name to `Value`; positional fields are named "0", "1", ... |
| arrays | list of the elements' data, flat |
| pointers | `Pointer` |
| type | `Type` |
| functions and tasks | `FunctionRef` |
| imported_module | `Instance` |
| descriptors | `DsdValue` |
| data structure registers | int, the number |
| ranges | tuple start, end, step |
| void | None |
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..dsd import DsdKind
from ..ir import Descriptor
from ..syntax import ast
from ..syntax.source import Span
from .types import VOID, ArrayType, Type, element_of, size_of

if TYPE_CHECKING:
    from .modules import Instance


class Value:
    """A value known while compiling."""

    __slots__ = ("data", "type")

    def __init__(self, type_: Type, data: Any) -> None:
        self.type = type_
        self.data = data

    def __repr__(self) -> str:
        return f"Value({self.type}, {self.data!r})"


class Register:
    """A value that lies in a register while the program runs."""

    __slots__ = ("reg", "type")

    def __init__(self, type_: Type, reg: int) -> None:
        self.type = type_
        self.reg = reg


class Place:
    """Memory that holds a value at run time: register `base` and the address of `storage`, plus `offset` bytes."""

    __slots__ = ("base", "const", "offset", "storage", "type")

    def __init__(
        self, type_: Type, base: int | None, storage: Storage | None, offset: int, const: bool = False
    ) -> None:
        self.type = type_
        self.base = base
        self.storage = storage
        self.offset = offset
        self.const = const


VOID_VALUE = Value(VOID, None)


class Storage:
    """A variable, or a constant whose address is taken.

    `order` is where it stands in its file, `instance` the module of a global; `placed` tells that it can get memory on
    the PE (comptime variables cannot).
    """

    __slots__ = (
        "align",
        "const",
        "depth",
        "instance",
        "name",
        "order",
        "placed",
        "span",
        "type",
        "value",
    )

    def __init__(
        self, name: str, type_: Type, value: Value | None, span: Span, const: bool = False, placed: bool = False
    ):
        self.name = name
        self.type = type_
        self.value = value
        self.span = span
        self.const = const
        self.placed = placed
        self.align = 0
        self.order = 0
        self.depth = 0
        self.instance: Instance | None = None


@dataclass(frozen=True)
class Pointer:
    """An address: `offset` bytes behind the start of a variable."""

    storage: Storage
    offset: int = 0


@dataclass(frozen=True, eq=False)
class FunctionRef:
    """A function or task of a module instance."""

    decl: ast.FnDecl | ast.TaskDecl
    instance: Instance

    @property
    def name(self) -> str:
        return self.decl.name.id

    @property
    def is_task(self) -> bool:
        return isinstance(self.decl, ast.TaskDecl)

    @property
    def span(self) -> Span:
        return self.instance.source.span(self.decl.name.start, self.decl.name.end)


@dataclass(frozen=True)
class FifoBuffer:
    """What `@allocate_fifo` gives; tasks are ids or functions."""

    storage: Storage
    element: Type
    activate_push: Any = None
    activate_pop: Any = None


@dataclass(frozen=True)
class DsdValue:
    """A descriptor whose base address is not placed yet; strides count elements of `element`."""

    kind: DsdKind
    length: int = 1
    base: Pointer | None = None
    stride: int = 1
    element: Type = field(default=VOID)
    table: Descriptor | None = None
    fifo: FifoBuffer | None = None
    color: int = 0
    queue: int = 0
    control: bool = False
    index_offset: bool = False
    advance_switch: bool = False
    priority: int = 0
    simd: int = 0  # words a cycle; 0: a wavelet carries one element
    partial: bool = False  # color or queue are filled in at run time


def unit_of(type_: Type) -> int:
    """Bytes of one innermost element; 1 for types that have no memory form."""
    return size_of(element_of(type_)) or 1


def copied(value: Value) -> Value:
    """A value that shares no mutable data with `value`."""
    if type(value.data) is list:
        return Value(value.type, list(value.data))
    return value


def flat_index(type_: ArrayType, indices: list[int]) -> int:
    """Row-major position of an element among those of the array."""
    at = 0
    for size, index in zip(type_.shape, indices, strict=True):
        at = at * size + index
    return at


def height_of(data: Any) -> int:
    """How deep structs and arrays of structs are nested in a value."""
    entries = [entry.data for entry in data.values() if isinstance(entry, Value)] if type(data) is dict else data
    return 1 + max((height_of(entry) for entry in entries if type(entry) in (dict, list)), default=0)


def key_of(value: Value) -> Hashable:
    """A key equal for equal values, for caches of instances and specialised functions."""
    data = value.data
    if type(data) is dict:
        data = tuple((name, key_of(entry)) for name, entry in sorted(data.items()))
    elif type(data) is list:
        data = tuple(key_of(Value(VOID, entry)) if type(entry) in (dict, list) else entry for entry in data)
    elif type(data) is float:
        data = repr(data)
    return (value.type, data)
