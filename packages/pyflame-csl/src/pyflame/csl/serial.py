"""Compiled programs as files: a JSON head and packed data behind it.

Layout: `PFWSE\\n`, version (u16), length of the head (u32), the head (JSON in UTF-8), the packed data (zlib).
Dataclasses of `ir.py` stand in the head as lists of their fields; memory images, code and spans are ranges of the
packed data. Reading checks every value against the types of `ir.py` and every index against its table, so that no file
can do harm.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import struct
import types
import typing
import zlib
from enum import IntEnum, IntFlag
from typing import Any

from .ir import IR_VERSION, Direction, Function, Instr, Program, Route, Span, TileClass
from .verify import verify

MAGIC = b"PFWSE\n"
MAX_HEAD = 256 << 20
MAX_DATA = 1 << 30
_INSTR = struct.Struct("<HHHHQ")
_SPAN = struct.Struct("<HIH")


class FormatError(ValueError):
    """A file that is no compiled program, or a damaged one."""


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()
        self.ops: dict[str, int] = {}

    def blob(self, content: bytes) -> list[int]:
        start = len(self.data)
        self.data += content
        return [start, len(content)]

    def encode(self, value: Any) -> Any:
        """A value as JSON."""
        if isinstance(value, Function):
            return self._function(value)
        if isinstance(value, TileClass):
            fields = {name: getattr(value, name) for name in _names(TileClass)}
            return [self.blob(given) if name == "memory" else self.encode(given) for name, given in fields.items()]
        if dataclasses.is_dataclass(value):
            return [self.encode(getattr(value, name)) for name in _names(type(value))]
        if isinstance(value, dict):
            return [[self.encode(key), self.encode(entry)] for key, entry in value.items()]
        if isinstance(value, tuple):
            return [self.encode(entry) for entry in value]
        return int(value) if isinstance(value, IntEnum | IntFlag) else value

    def _function(self, function: Function) -> list[Any]:
        ops = self.ops
        code = b"".join(
            _INSTR.pack(ops.setdefault(i.op, len(ops)), i.dst, i.a, i.b, i.imm & 0xFFFFFFFFFFFFFFFF)
            for i in function.code
        )
        spans = b"".join(_SPAN.pack(s.file, min(s.line, 0xFFFFFFFF), min(s.column, 0xFFFF)) for s in function.spans)
        return [
            function.name, list(function.params), function.result, function.registers, self.blob(code), self.blob(spans)
        ]  # fmt: skip


def _names(kind: type[Any]) -> list[str]:
    return [entry.name for entry in dataclasses.fields(kind)]


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def dump(program: Program) -> bytes:
    """Return the bytes of a program file."""
    writer = _Writer()
    unique: dict[tuple[tuple[int, int], ...], int] = {}
    table: list[dict[int, Route]] = []
    grid = []
    for row in program.routes:
        numbers = []
        for here in row:
            key = tuple((color, id(route)) for color, route in here.items())
            if key not in unique:
                unique[key] = len(table)
                table.append(here)
            numbers.append(unique[key])
        grid.append(numbers)
    head = {
        name: writer.encode(getattr(program, name)) for name in _names(Program) if name not in ("routes",)
    } | {"routes": [writer.encode(tuple(table)), grid]}  # fmt: skip
    head["ops"] = list(writer.ops)
    text = json.dumps(head, separators=(",", ":")).encode()
    return MAGIC + struct.pack("<HI", IR_VERSION, len(text)) + text + zlib.compress(bytes(writer.data), 1)


class _Reader:
    def __init__(self, data: bytes, ops: list[str]) -> None:
        self.data = data
        self.ops = ops

    def blob(self, where: Any) -> bytes:
        start, length = where if type(where) is tuple else self.decode(where, tuple[int, int])
        if not 0 <= start <= start + length <= len(self.data):
            raise FormatError(f"bytes {start} to {start + length} are outside of the packed data")
        return self.data[start : start + length]

    def decode(self, value: Any, kind: Any) -> Any:
        """A value of a type from its JSON form."""
        origin = typing.get_origin(kind)
        if origin is tuple:
            return self._tuple(value, typing.get_args(kind))
        if origin is dict:
            return dict(self._tuple(pair, typing.get_args(kind)) for pair in _list(value))
        if origin in (typing.Union, types.UnionType):
            inner = next(arg for arg in typing.get_args(kind) if arg is not type(None))
            return None if value is None else self.decode(value, inner)
        if kind is Function:
            return self._function(value)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return self._record(value, kind)
        if isinstance(kind, type) and issubclass(kind, IntEnum | IntFlag):
            return _enum(value, kind)
        if type(value) is not kind:
            raise FormatError(f"{str(value)[:40]!r} stands where a {getattr(kind, '__name__', kind)} belongs")
        return value

    def _tuple(self, value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
        entries = _list(value)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            return tuple(self.decode(entry, kinds[0]) for entry in entries)
        if len(entries) != len(kinds):
            raise FormatError(f"{len(entries)} values stand where {len(kinds)} belong")
        return tuple(self.decode(entry, kind) for entry, kind in zip(entries, kinds, strict=True))

    def _record(self, value: Any, kind: type[Any]) -> Any:
        entries, names, hints = _list(value), _names(kind), _hints(kind)  # type: ignore[arg-type]
        if len(entries) != len(names):
            raise FormatError(f"a {kind.__name__} has {len(entries)} fields instead of {len(names)}")
        return kind(
            **{
                name: self.blob(entry) if hints[name] is bytes else self.decode(entry, hints[name])
                for name, entry in zip(names, entries, strict=True)
            }
        )

    def _function(self, value: Any) -> Function:
        kinds = tuple[str, tuple[str, ...], str, int, tuple[int, int], tuple[int, int]]
        name, params, result, registers, code_at, spans_at = self.decode(value, kinds)
        code, spans = self.blob(code_at), self.blob(spans_at)
        if len(code) % _INSTR.size or len(spans) % _SPAN.size:
            raise FormatError(f"the code of {name!r} is cut off")
        instructions = []
        for op, dst, a, b, imm in _INSTR.iter_unpack(code):
            if op >= len(self.ops):
                raise FormatError(f"operation {op} of {name!r} is not in the table")
            instructions.append(Instr(self.ops[op], dst, a, b, imm))
        places = tuple(Span(*entry) for entry in _SPAN.iter_unpack(spans))
        return Function(name, params, result, registers, tuple(instructions), places)


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise FormatError(f"{str(value)[:40]!r} stands where a list belongs")
    return value


def _enum(value: Any, kind: type[Any]) -> Any:
    allowed = range(32) if kind is Direction else [int(entry) for entry in kind]
    if type(value) is not int or value not in allowed:
        raise FormatError(f"{str(value)[:40]!r} is no {kind.__name__}")
    return kind(value)


def load(content: bytes) -> Program:
    """Return the program in the bytes of a program file.

    Raises:
        FormatError: it is no compiled program, is damaged, or was written by another version.
    """
    start = len(MAGIC) + 6
    if content[: len(MAGIC)] != MAGIC or len(content) < start:
        raise FormatError("[csl] this is no compiled program of pyflame-csl")
    version, length = struct.unpack("<HI", content[len(MAGIC) : start])
    if version != IR_VERSION:
        raise FormatError(f"[csl] the program has form {version}, this version reads {IR_VERSION}: compile it again")
    if length > MAX_HEAD or start + length > len(content):
        raise FormatError("[csl] the file is cut off")
    try:
        head = json.loads(content[start : start + length])
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(content[start + length :], MAX_DATA)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise FormatError("the packed data is cut off or too long")
        return _program(head, data)
    except (ValueError, RecursionError, zlib.error, KeyError, TypeError, OverflowError) as error:
        raise FormatError(f"[csl] damaged program: {error}") from None


def _program(head: Any, data: bytes) -> Program:
    if type(head) is not dict or head.keys() != {*_names(Program), "ops"}:
        raise FormatError("the head has other entries than it should")
    ops = _Reader(data, []).decode(head["ops"], tuple[str, ...])
    reader = _Reader(data, list(ops))
    table, grid = reader.decode(head["routes"], tuple[tuple[dict[int, Route], ...], tuple[tuple[int, ...], ...]])
    if any(not 0 <= number < len(table) for row in grid for number in row):
        raise FormatError("a PE names routes that are not in the table")
    values = {
        name: reader.decode(head[name], kind) for name, kind in _hints(Program).items() if name not in ("routes",)
    }  # fmt: skip
    program = Program(routes=tuple(tuple(table[number] for number in row) for row in grid), **values)
    verify(program)
    return program
