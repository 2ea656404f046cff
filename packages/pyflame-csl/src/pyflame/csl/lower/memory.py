"""Where variables lie in the memory of a PE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..comptime import scalars, types as t
from ..comptime.faults import Report
from ..comptime.sharing import Family
from ..comptime.values import DsdValue, Pointer, Storage, Value
from ..dsd import Dsd, DsdKind, pack_dsd
from ..ir import MEMORY_BYTES
from ..syntax.source import Span

RESERVED_BYTES = 4176  # what the runtime of the host's commands occupies
CODE_BYTES = 4  # of one instruction, an estimate
_LARGEST = 8


@dataclass
class Memory:
    """Addresses of the variables of a tile class, in order of declaration."""

    addresses: dict[Storage, int]
    order: list[Storage]
    end: int
    data: int
    bss: int


def reached(roots: Iterable[Storage], families: dict[Family, int]) -> list[Storage]:
    """Variables in order of declaration, those of functions last, with all that their initial values point at."""
    found: dict[Storage, None] = {}
    waiting = list(roots)[::-1]
    while waiting:
        storage = waiting.pop()
        if storage in found:
            continue
        found[storage] = None
        if storage.value is not None:
            waiting.extend(pointed_at(storage.value))
    encountered = {storage: number for number, storage in enumerate(found)}

    def order(storage: Storage) -> tuple[int, int]:
        if storage.instance is None:
            return len(families), encountered[storage]
        return families[storage.instance.family], storage.order

    return sorted(found, key=order)


def pointed_at(value: Value) -> list[Storage]:
    """The variables whose addresses a value contains."""
    data = value.data
    if isinstance(data, Pointer):
        return [data.storage]
    if isinstance(data, DsdValue):
        found = [data.base.storage] if data.base else []
        return found + ([data.fifo.storage] if data.fifo else [])
    inner = t.element_of(value.type)
    if type(data) is dict:
        return [storage for entry in data.values() for storage in pointed_at(entry)]
    if type(data) is list and (isinstance(inner, t.PointerType | t.StructType) or inner in t.DSDS):
        return [storage for entry in data for storage in pointed_at(Value(inner, entry))]
    return []


def place(order: list[Storage]) -> Memory:
    """Give each variable its address: in order, naturally aligned or as `align` says."""
    at = RESERVED_BYTES
    addresses: dict[Storage, int] = {}
    data = bss = 0
    for storage in order:
        size = t.size_of(storage.type)
        align = max(t.align_of(storage.type), storage.align)
        at += -at % align
        addresses[storage] = at
        at += size
        if is_zero(storage.value):
            bss += size
        else:
            data += size
    return Memory(addresses, order, at, data, bss)


def is_zero(value: Value | None) -> bool:
    """Whether the bytes of an initial value are all zero."""
    if value is None:
        return True
    if type(value.data) is dict:
        return all(is_zero(entry) for entry in value.data.values())
    if type(value.data) is list:
        inner = t.element_of(value.type)
        return inner in t.NUMERIC | {t.BOOL} and not any(value.data) and "-0.0" not in map(str, set(value.data))
    return value.type in t.NUMERIC | {t.BOOL} and str(value.data) in ("0", "0.0", "False")


def check_size(memory: Memory, instructions: int, span: Span | None, where: str, report: Report) -> None:
    """Report a program that does not fit, with the map of the PE."""
    code = instructions * CODE_BYTES
    total = memory.end + code
    if total <= MEMORY_BYTES:
        return
    largest = sorted(memory.order, key=lambda storage: -t.size_of(storage.type))[:_LARGEST]
    sizes = ", ".join(f"{storage.name} {t.size_of(storage.type):,} B" for storage in largest)
    report.error(
        "out-of-memory",
        span,
        f"{where}: {total:,} B exceed the {MEMORY_BYTES:,} B of a PE: .bss {memory.bss:,} B, .data {memory.data:,} B, "
        f"code {code:,} B (estimate), runtime {RESERVED_BYTES:,} B, padding "
        f"{memory.end - RESERVED_BYTES - memory.bss - memory.data:,} B; largest symbols: {sizes}",
        "shrink the largest arrays or spread them over more PEs",
    )


class Packer:
    """Turns values with addresses into machine patterns."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.descriptors: dict[object, int] = {}
        self.fifos: dict[object, int] = {}
        self._packed: dict[DsdValue, int] = {}

    def used(self) -> list[DsdValue]:
        """All descriptors that code or initial values contain."""
        return list(self._packed)

    def dsd(self, value: DsdValue) -> int:
        """The 64-bit value of a descriptor."""
        found = self._packed.get(value)
        if found is None:
            found = self._packed[value] = self._pack(value)
        return found

    def _pack(self, value: DsdValue) -> int:
        base = 0
        if value.base is not None:
            base = (self.memory.addresses[value.base.storage] + value.base.offset) & 0xFFFF
        table = 0
        if value.fifo is not None:
            table = self.fifos.setdefault(value.fifo, len(self.fifos))
        elif value.table is not None:
            table = self.descriptors.setdefault(value.table, len(self.descriptors))
        size = t.size_of(value.element) if value.element != t.VOID else 2
        if value.kind in (DsdKind.FABIN, DsdKind.FABOUT):
            return pack_dsd(
                Dsd(
                    value.kind, value.length, color=value.color, queue=value.queue, control=value.control,
                    index_offset=value.index_offset, advance_switch=value.advance_switch,
                    priority=value.priority, simd=value.simd,
                )
            )  # fmt: skip
        return pack_dsd(Dsd(value.kind, value.length, base, value.stride, size, table, index_offset=value.index_offset))

    def encode(self, value: Value) -> bytes:
        """The bytes of an initial value."""
        type_, data = value.type, value.data
        inner = t.element_of(type_)
        entries = data if type(data) is list else [data]
        if isinstance(inner, t.StructType):
            return b"".join(self._struct(inner, entry) for entry in entries)
        if isinstance(inner, t.PointerType):
            entries = [self.memory.addresses[entry.storage] + entry.offset for entry in entries]
        elif inner in t.DSDS:
            entries = [self.dsd(entry) for entry in entries]
        return scalars.encode_all(inner, entries)

    def _struct(self, type_: t.StructType, fields: dict[str, Value]) -> bytes:
        encoded = bytearray(t.size_of(type_))
        for name, at in type_.offsets.items():
            entry = self.encode(fields[name])
            encoded[at : at + len(entry)] = entry
        return bytes(encoded)

    def image(self) -> bytes:
        """The memory from address 0 to the end of the last variable."""
        image = bytearray(self.memory.end)
        for storage in self.memory.order:
            if storage.value is not None and not is_zero(storage.value):
                at = self.memory.addresses[storage]
                encoded = self.encode(storage.value)
                image[at : at + len(encoded)] = encoded
        return bytes(image)
