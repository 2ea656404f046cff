"""Zip files whose members begin aligned, so that they can be mapped into memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import IO, Any, NamedTuple

from .container import ALIGNMENT
from .zip import _FULL, CENTRAL, DEFLATED, END, END64, END64_PLACE, LOCAL, STORED

_UTF8 = 0x800
_DATE = 0x21  # 1 January 1980, the first day that zip files know: equal contents give equal files


class Part(NamedTuple):
    """A file to be put into the archive: its bytes in pieces, or all of them deflated."""

    name: str
    pieces: Sequence[Any]
    packed: bytes | None = None


def write_members(file: IO[bytes], parts: Iterable[Part]) -> None:
    """Write an archive, front to back."""
    directory, count, position = bytearray(), 0, 0
    for part in parts:
        size, checksum = 0, 0
        for piece in part.pieces:
            size, checksum = size + len(piece), zlib.crc32(piece, checksum)
        stored = part.pieces if part.packed is None else [part.packed]
        method = STORED if part.packed is None else DEFLATED
        length, name, begin = sum(map(len, stored)), part.name.encode(), position
        wide = size >= _FULL
        short = (_FULL, _FULL) if wide else (length, size)
        extra = struct.pack("<HHQQ", 1, 16, size, length) if wide else b""
        pad = -(position + LOCAL.size + len(name) + len(extra) + 4) % ALIGNMENT
        extra += struct.pack("<HH", 0xFFFF, pad) + bytes(pad)  # a field that readers skip
        common = (45 if wide else 20, _UTF8, method, 0, _DATE, checksum, *short, len(name))
        file.write(LOCAL.pack(b"PK\3\4", *common, len(extra)) + name + extra)
        for piece in stored:
            file.write(piece)
        position += LOCAL.size + len(name) + len(extra) + length
        far = begin >= _FULL
        extra = struct.pack("<QQ", size, length) * wide + struct.pack("<Q", begin) * far
        extra = struct.pack("<HH", 1, len(extra)) + extra if extra else b""
        place = _FULL if far else begin
        directory += CENTRAL.pack(b"PK\1\2", 45, *common, len(extra), 0, 0, 0, 0, place) + name + extra
        count += 1
    file.write(directory)
    file.write(end_of(count, len(directory), position))


def end_of(count: int, size: int, begin: int) -> bytes:
    end = b""
    if count >= 0xFFFF or size >= _FULL or begin >= _FULL:
        end = END64.pack(b"PK\6\6", END64.size - 12, 45, 45, 0, 0, count, count, size, begin)
        end += END64_PLACE.pack(b"PK\6\7", 0, begin + size, 1)
        count, size, begin = 0xFFFF, _FULL, _FULL
    return end + END.pack(b"PK\5\6", 0, 0, count, count, size, begin, 0)
