"""Data structure descriptors as 64-bit values, the form in which registers and memory hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

UNBOUNDED = 0x7FFF  # length of a fabric DSD that never ends


class DsdKind(IntEnum):
    """Kinds of data structure descriptors."""

    NONE = 0
    MEM1D = 1
    MEM4D = 2
    FABIN = 3
    FABOUT = 4
    FIFO = 5
    CIRCBUF = 6


@dataclass(frozen=True)
class Dsd:
    """A data structure descriptor.

    Memory kinds: `base` is a byte address, `stride` counts elements of `size` bytes (1, 2, 4 or 8). mem4d and
    circbuf descriptors name a row of the class's `descriptors` in `table`, fifo one of its `fifos`. Fabric kinds:
    `color`, `queue`, and `simd`, the words a cycle: 0 for one element a wavelet, 1 or 2 for wavelets that are full.
    """

    kind: DsdKind
    length: int = 1
    base: int = 0
    stride: int = 1
    size: int = 2
    table: int = 0
    color: int = 0
    queue: int = 0
    control: bool = False
    index_offset: bool = False
    advance_switch: bool = False
    simd: int = 0
    priority: int = 0


# name: (lowest bit, bits). `size` holds log2; `stride` is signed.
DSD_FIELDS = {
    "kind": (0, 3),
    "length": (3, 16),
    "base": (19, 16),
    "stride": (35, 8),
    "size": (43, 2),
    "index_offset": (45, 1),
    "table": (46, 10),
    "color": (19, 5),
    "queue": (24, 3),
    "control": (27, 1),
    "advance_switch": (28, 1),
    "priority": (30, 2),
    "simd": (32, 2),
}
_FABRIC_ONLY = ("color", "queue", "control", "advance_switch", "simd", "priority")
_MEMORY_ONLY = ("base", "stride", "size", "table")


def _fields_of(kind: DsdKind) -> list[str]:
    absent = _MEMORY_ONLY if kind in (DsdKind.FABIN, DsdKind.FABOUT) else _FABRIC_ONLY
    return [name for name in DSD_FIELDS if name not in absent]


def pack_dsd(dsd: Dsd) -> int:
    """The 64-bit value of a descriptor.

    >>> hex(pack_dsd(Dsd(DsdKind.MEM1D, length=4, base=16, size=4)))
    '0x100800800021'
    """
    word = 0
    for name in _fields_of(dsd.kind):
        low, bits = DSD_FIELDS[name]
        value = getattr(dsd, name)
        word |= ((value.bit_length() - 1 if name == "size" else int(value)) & ((1 << bits) - 1)) << low
    return word


def unpack_dsd(word: int) -> Dsd:
    """The descriptor of a 64-bit value; the inverse of `pack_dsd`.

    >>> unpack_dsd(pack_dsd(Dsd(DsdKind.FABIN, length=3, color=5, queue=2))).color
    5
    """
    kind = DsdKind(word & 7)
    values: dict[str, int] = {}
    for name in _fields_of(kind):
        low, bits = DSD_FIELDS[name]
        values[name] = (word >> low) & ((1 << bits) - 1)
    values["kind"] = kind
    if "size" in values:
        values["size"] = 1 << values["size"]
        values["stride"] -= 256 if values["stride"] > 127 else 0
    return Dsd(**values)  # type: ignore[arg-type]
