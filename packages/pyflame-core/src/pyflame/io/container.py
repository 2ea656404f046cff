"""The .pf format: any nest of tensors and plain values, checked to the last bit; see docs/reference/pf-format.md.

64 bytes       header: magic, version, flags, tensor count, offsets of metadata and data
index          for each tensor: name, dtype, shape, place
data           the tensors, each at a multiple of 64 bytes
metadata       JSON: object tree, layouts, checksums of everything, notes of the user
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..dtypes import DType, all_dtypes
from .arrays import MAX_DIMS, Entry, byte_count, from_stored, raw_bytes
from .deflate import inflate
from .source import EXPANSION, VALUES_FLOOR, Source

if TYPE_CHECKING:
    from .._types import Array

MAGIC = b"PYFLAME\0"
GRAPH_MAGIC = b"PFGRAPH\0"
VERSION = 1
COMPRESSED, OPTIMIZER_STATE, METADATA = 1, 2, 4
ALIGNMENT = 64
HEADER = struct.Struct("<8sIIQQQ24x")
BLOCK = struct.Struct("<QI4x")  # length and CRC-32 of the metadata, before its text
PLACE = struct.Struct("<QQ")


class Stored(NamedTuple):
    """What the index says about a tensor; `begin` counts from the start of the file."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    begin: int
    size: int


@dataclass(frozen=True)
class Contents:
    """A file without its data."""

    flags: int
    stored: list[Stored]
    checksums: list[int]
    metadata: dict[str, Any]


def padding(position: int) -> bytes:
    return bytes(-position % ALIGNMENT)


def write(
    file: IO[bytes],
    entries: Sequence[Entry],
    metadata: Mapping[str, Any],
    *,
    compress: bool = False,
    flags: int = 0,
    magic: bytes = MAGIC,
) -> None:
    """Write a container.

    Args:
        file: written to, front to back.
        entries: the tensors; names are unique.
        metadata: JSON data; the checksums are added to it.
        compress: whether tensors are compressed where that helps.
        flags: of the header, beside those of compression and metadata.
        magic: the first eight bytes.

    Raises:
        ValueError: the metadata cannot be written as JSON.
    """
    flags |= METADATA | (COMPRESSED if compress else 0)
    packed = compressed(entries) if compress else [None] * len(entries)
    sizes = [entry.nbytes if part is None else len(part) for entry, part in zip(entries, packed)]
    index, position = bytearray(), 0
    for entry, size in zip(entries, sizes):
        name = entry.name.encode()
        index += struct.pack("<I", len(name)) + name + struct.pack("<BBxx", entry.dtype.code, len(entry.shape))
        index += struct.pack(f"<{len(entry.shape)}Q", *entry.shape) + PLACE.pack(position, size)
        position += size + -size % ALIGNMENT
    index += padding(HEADER.size + len(index))
    data = HEADER.size + len(index)
    front = HEADER.pack(magic, VERSION, flags, len(entries), data + position, data) + bytes(index)
    file.write(front)
    checksums = []
    for entry, part, size in zip(entries, packed, sizes):
        raw: Any = raw_bytes(entry.values()) if part is None else part
        checksums.append(zlib.crc32(raw))
        file.write(raw)
        file.write(padding(size))
    whole = {**metadata, "checksums": checksums, "front_checksum": zlib.crc32(front)}
    text = json.dumps(whole, allow_nan=False, separators=(",", ":")).encode()
    file.write(BLOCK.pack(len(text), zlib.crc32(text)) + text)


def compressed(
    entries: Sequence[Entry], prefixes: Sequence[bytes] | None = None, *, raw: bool = False
) -> list[bytes | None]:
    """Compress what gets smaller, within what a reader is willing to unpack from a file of the size that results.

    Args:
        entries: the tensors.
        prefixes: bytes to be put before the values of each.
        raw: without the header and checksum of zlib, as in zip files.
    """
    parts: list[bytes | None] = []
    stored, unpacked = 0, 0
    for k, entry in enumerate(entries):
        prefix = prefixes[k] if prefixes else b""
        # Floats gain next to nothing from higher levels.
        stream = zlib.compressobj(1, zlib.DEFLATED, -15 if raw else 15)
        part = stream.compress(prefix) + stream.compress(raw_bytes(entry.values())) + stream.flush()
        size = len(prefix) + entry.nbytes
        # Reading costs the stored bytes and the unpacked ones.
        fits = unpacked + size <= (EXPANSION - 1) * (stored + len(part)) + VALUES_FLOOR // 2
        if len(part) < size and fits:
            parts.append(part)
            stored, unpacked = stored + len(part), unpacked + size
        else:
            parts.append(None)
            stored += size
    return parts


def read_contents(source: Source, magic: bytes = MAGIC, expansion: int = EXPANSION) -> Contents:
    """Read and check everything but the data.

    Args:
        source: the file.
        magic: its first eight bytes.
        expansion: how many times the size of the file names and structure may take.

    Raises:
        SerializationError: the file is not in this format, of another version, or damaged.
    """
    if source.size < HEADER.size:
        raise source.refuse(f"the file has {source.size} bytes: the header alone has {HEADER.size}")
    header = source.read(0, HEADER.size, "the header")
    found, version, flags, count, metadata_begin, data_begin = HEADER.unpack(header)
    if found != magic:
        raise source.refuse(f"the file begins with {found!r}: expected {magic!r}")
    if version != VERSION:
        raise source.refuse(f"the format has version {version}: this pyflame-core reads version {VERSION}")
    if any(header[40:]) or flags & ~(COMPRESSED | OPTIMIZER_STATE | METADATA) or not flags & METADATA:
        raise source.refuse(f"the header has flags {flags} or fields that version {VERSION} does not know")
    if not HEADER.size <= data_begin <= metadata_begin or data_begin % ALIGNMENT:
        raise source.refuse(f"data begins at byte {data_begin}, metadata at {metadata_begin}: impossible")
    metadata = read_metadata(source, metadata_begin, expansion)
    front = source.read(0, data_begin, "the index")
    checksums = metadata.pop("checksums", None)
    if metadata.pop("front_checksum", None) != zlib.crc32(front):
        raise source.refuse("header or index are damaged: the checksum differs")
    stored = read_index(source, front, count, metadata_begin)
    if flags & COMPRESSED == 0:
        check_sizes(source, stored)
    if not isinstance(checksums, list) or len(checksums) != len(stored):
        raise source.refuse("the metadata has not one checksum for each tensor")
    return Contents(flags, stored, checksums, metadata)


def read_metadata(source: Source, begin: int, expansion: int) -> dict[str, Any]:
    length, checksum = BLOCK.unpack(source.read(begin, BLOCK.size, "the metadata"))
    if begin + BLOCK.size + length != source.size:
        raise source.refuse(
            f"the metadata ends at byte {begin + BLOCK.size + length}, the file at {source.size}: it was cut off or "
            "something was appended"
        )
    text = source.read(begin + BLOCK.size, length, "the metadata")
    if zlib.crc32(text) != checksum:
        raise source.refuse("the metadata is damaged: its checksum differs")
    metadata = source.json(text, "the metadata", expansion)
    if not isinstance(metadata, dict):
        raise source.refuse("the metadata is not a JSON object")
    return metadata


def read_index(source: Source, front: bytes, count: int, data_end: int) -> list[Stored]:
    stored: list[Stored] = []
    names: set[str] = set()
    position, free, data_begin = HEADER.size, len(front), len(front)
    try:
        for _ in range(count):
            (length,) = struct.unpack_from("<I", front, position)
            position += 4
            name = front[position : position + length].decode()
            position += length
            code, ndim, rest = struct.unpack_from("<BBH", front, position)
            shape = struct.unpack_from(f"<{ndim}Q", front, position + 4)
            offset, size = PLACE.unpack_from(front, position + 4 + 8 * ndim)
            position += 4 + 8 * ndim + PLACE.size
            if code >= len(all_dtypes) or rest or ndim > MAX_DIMS or name in names:
                raise source.refuse(f"tensor {name!r} has dtype {code} and {ndim} dimensions, or comes twice")
            if data_begin + offset < free or offset % ALIGNMENT or data_begin + offset + size > data_end:
                raise source.refuse(f"tensor {name!r} is said to take {size} bytes at {offset}: they are not its own")
            free = data_begin + offset + size
            names.add(name)
            stored.append(Stored(name, all_dtypes[code], shape, data_begin + offset, size))
    except (struct.error, UnicodeDecodeError) as error:
        raise source.refuse(f"the index is damaged at byte {position}: {error}") from None
    if len(front) - position >= ALIGNMENT or any(front[position:]):
        raise source.refuse(f"the index ends at byte {position}, the data begins at {len(front)}")
    return stored


def check_sizes(source: Source, stored: Sequence[Stored]) -> None:
    for one in stored:
        expected = byte_count(source, one.dtype, one.shape, f"tensor {one.name!r}")
        if one.size != expected:
            raise source.refuse(f"tensor {one.name!r} takes {one.size} bytes: shape and dtype need {expected}")


def read_array(source: Source, contents: Contents, number: int) -> Array:
    """Read the values of a tensor; a file mapped into memory is not read for its checksums.

    Raises:
        SerializationError: they are damaged.
    """
    _, dtype, shape, begin, size = contents.stored[number]
    what = f"tensor {contents.stored[number].name!r}"
    expected = byte_count(source, dtype, shape, what)
    raw = source.array(begin, size, what)
    if not source.mapped and zlib.crc32(raw.data) != contents.checksums[number]:
        raise source.refuse(f"{what} is damaged: its checksum differs")
    if size != expected:
        if size > expected:
            raise source.refuse(f"{what} takes {size} bytes: shape and dtype need {expected}")
        raw = inflate(source, raw, expected, what)
    return from_stored(source, raw, dtype, shape, what)
