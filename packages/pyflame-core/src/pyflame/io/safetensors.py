"""The safetensors format: a JSON header with names, dtypes, shapes and byte ranges, then the bytes.

    8 bytes        length of the header, little-endian
    header         {"__metadata__": {str: str}, name: {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}, ...}
    the rest       the tensors, without gaps or overlaps

Nothing in a file is executed, and nothing in its header is believed before it was checked against its size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..dtypes import DType, all_dtypes
from .arrays import MAX_DIMS, Entry, byte_count, from_stored, raw_bytes
from .source import Source, is_sizes

if TYPE_CHECKING:
    from .._types import Array

# The reference library refuses larger headers too.
MAX_HEADER = 100_000_000
NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
}  # fmt: skip
DTYPES = {NAMES[dtype.name]: dtype for dtype in all_dtypes}


class Stored(NamedTuple):
    """What the header says about a tensor; `begin` and `end` count from the start of the file."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    begin: int
    end: int


def write(file: IO[bytes], entries: Sequence[Entry], metadata: Mapping[str, str] | None) -> None:
    """Write tensors so that the reference library reads them.

    Raises:
        TypeError: the metadata does not consist of strings.
        ValueError: a tensor has the reserved name `__metadata__`.
    """
    header: dict[str, Any] = {}
    if metadata is not None:
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise TypeError("[save] metadata: safetensors files hold strings only, for keys and values")
        header["__metadata__"] = dict(metadata)
    # Widest elements first, as the reference library writes: then each tensor starts at a multiple of its element size.
    entries, end = sorted(entries, key=lambda entry: (-entry.dtype.itemsize, entry.name)), 0
    for entry in entries:
        if entry.name == "__metadata__":
            raise ValueError("[save] a tensor cannot be called __metadata__: the format reserves this name")
        begin, end = end, end + entry.nbytes
        header[entry.name] = {
            "dtype": NAMES[entry.dtype.name],
            "shape": list(entry.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    file.write(len(text).to_bytes(8, "little") + text)
    for entry in entries:
        file.write(raw_bytes(entry.values()))


def read_header(source: Source) -> tuple[list[Stored], dict[str, str]]:
    """The tensors of a file in the order of its header, and its metadata.

    Raises:
        SerializationError: the file is not in this format, or damaged.
    """
    if source.size < 8:
        raise source.refuse(f"the file has {source.size} bytes: a safetensors file has at least 8")
    length = int.from_bytes(source.read(0, 8, "the header"), "little")
    if length > min(source.size - 8, MAX_HEADER):
        raise source.refuse(f"the header is said to have {length} bytes: not a safetensors file, or cut off")
    text = source.read(8, length, "the header")
    if not text.startswith(b"{"):
        raise source.refuse("the header is not a JSON object")
    header = source.json(text, "the header")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise source.refuse("__metadata__ is not a table of strings")
    stored = [check_entry(source, name, entry, 8 + length) for name, entry in header.items()]
    check_order(source, stored, 8 + length)
    return stored, metadata


def check_order(source: Source, stored: Sequence[Stored], position: int) -> None:
    """The tensors must fill the file without gaps or overlaps."""
    for one in sorted(stored, key=lambda one: (one.begin, one.end)):
        if one.begin != position:
            raise source.refuse(f"tensor {one.name!r} starts at byte {one.begin}: expected {position}")
        position = one.end
    if position != source.size:
        raise source.refuse(f"the tensors end at byte {position}, the file has {source.size} bytes")


def check_entry(source: Source, name: str, entry: Any, data: int) -> Stored:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise source.refuse(f"tensor {name!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise source.refuse(f"tensor {name!r} has dtype {str(dtype)[:80]}: known are {', '.join(DTYPES)}")
    if not is_sizes(shape, MAX_DIMS):
        raise source.refuse(f"tensor {name!r} has shape {str(shape)[:80]}: expected at most {MAX_DIMS} sizes")
    if not is_sizes(offsets, 2) or len(offsets) != 2:
        raise source.refuse(f"tensor {name!r} has data_offsets {str(offsets)[:80]}: expected two numbers")
    expected = byte_count(source, DTYPES[dtype], shape, f"tensor {name!r}")
    if offsets[1] - offsets[0] != expected:
        raise source.refuse(f"tensor {name!r} takes {offsets[1] - offsets[0]} bytes: shape and dtype need {expected}")
    return Stored(name, DTYPES[dtype], tuple(shape), data + offsets[0], data + offsets[1])


def read_array(source: Source, stored: Stored) -> Array:
    """Read the values of a tensor.

    Raises:
        SerializationError: they are damaged.
    """
    what = f"tensor {stored.name!r}"
    raw = source.array(stored.begin, stored.end - stored.begin, what)
    return from_stored(source, raw, stored.dtype, stored.shape, what)
