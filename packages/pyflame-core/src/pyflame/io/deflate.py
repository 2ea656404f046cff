"""Compressed values: never more of them than were announced."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .._types import Array
    from .source import Source

_INPUT, _OUTPUT = 1 << 16, 1 << 20


def inflate(source: Source, packed: Array, size: int, what: str, *, raw: bool = False) -> Array:
    """Decompress to exactly `size` bytes.

    Args:
        packed: the compressed bytes.
        raw: without the header and checksum of zlib, as in zip files.

    Raises:
        SerializationError: the data is damaged or gives another number of bytes.
    """
    source.spend(size, what)
    stream = zlib.decompressobj(-15 if raw else 15)
    result, position = np.empty(size, dtype=np.uint8), 0
    try:
        for begin in range(0, len(packed), _INPUT):
            rest = packed[begin : begin + _INPUT].tobytes()
            while rest:
                piece = stream.decompress(rest, min(_OUTPUT, size - position + 1))
                rest = stream.unconsumed_tail
                if position + len(piece) > size:
                    raise source.refuse(f"{what} is more than the {size} bytes announced")
                result[position : position + len(piece)] = np.frombuffer(piece, np.uint8)
                position += len(piece)
    except zlib.error as error:
        raise source.refuse(f"{what} cannot be decompressed: {error}") from None
    if position != size or not stream.eof or stream.unused_data:
        raise source.refuse(f"{what} gives {position} bytes: {size} were announced")
    return result
