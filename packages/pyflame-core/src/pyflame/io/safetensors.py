"""The safetensors format: a JSON header with names, dtypes, shapes and byte ranges, then the bytes.

    8 bytes        length of the header, little-endian
    header         {"__metadata__": {str: str}, name: {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}, ...}
    the rest       the tensors, without gaps or overlaps

Nothing in a file is executed, and nothing in its header is believed before it was checked against its size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes
from ..errors import SerializationError
from .atomic import write_atomically

# The reference library refuses larger headers too.
MAX_HEADER = 100_000_000
MAX_DIMS = 8
NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
}  # fmt: skip
DTYPES = {NAMES[dtype.name]: dtype for dtype in all_dtypes}


def refuse(path: Path, problem: str) -> SerializationError:
    return SerializationError(f"[load] {path}: {problem}")


def write(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None) -> None:
    """Write tensors to a file that the reference library reads.

    Raises:
        TypeError: names or metadata are not strings, or a value is not a tensor.
        ValueError: a tensor has the reserved name `__metadata__`.
    """
    header: dict[str, Any] = {}
    if metadata is not None:
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise TypeError("[save] metadata: safetensors files hold strings only, for keys and values")
        header["__metadata__"] = dict(metadata)
    arrays, end = [], 0
    # Widest elements first, as the reference library writes: then each tensor starts at a multiple of its element size.
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        if name == "__metadata__":
            raise ValueError("[save] a tensor cannot be called __metadata__: the format reserves this name")
        array = np.ascontiguousarray(_core.to_array(tensor))
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": NAMES[tensor.dtype.name], "shape": list(tensor.shape), "data_offsets": [begin, end]}
        arrays.append(array)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    contents = [array.reshape(-1).view(np.uint8).data for array in arrays]
    write_atomically(path, [len(text).to_bytes(8, "little"), text, *contents])


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors of a file, and its metadata.

    Raises:
        SerializationError: the file is not in this format, or damaged.
    """
    with open(path, "rb") as file:
        size = path.stat().st_size
        header, start = read_header(path, file.read(8), file, size)
        metadata = check_metadata(path, header.pop("__metadata__", {}))
        entries = check_entries(path, header, size - start)
        tensors: dict[str, Tensor] = {}
        for name, dtype, shape, begin, end in entries:
            array = np.empty(end - begin, dtype=np.uint8)
            if file.readinto(array.data) != end - begin:
                raise refuse(path, "the file became shorter while it was read")
            if dtype.name == "bool" and array.size and array.max() > 1:
                raise refuse(path, f"tensor {name!r} of dtype BOOL holds a byte that is neither 0 nor 1")
            stored = np.dtype(np.uint16) if dtype.name == "bfloat16" else dtype.to_numpy()
            tensors[name] = _core.from_array(array.view(stored).reshape(shape), dtype.code, True)
    return {name: tensors[name] for name in header}, metadata


def read_header(path: Path, prefix: bytes, file: Any, size: int) -> tuple[dict[str, Any], int]:
    if len(prefix) < 8:
        raise refuse(path, f"the file has {size} bytes: a safetensors file has at least 8")
    length = int.from_bytes(prefix, "little")
    if length > min(size - 8, MAX_HEADER):
        raise refuse(path, f"the header is said to have {length} bytes: not a safetensors file, or cut off")
    text = file.read(length)
    if not text.startswith(b"{"):
        raise refuse(path, "the header is not a JSON object")
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise refuse(path, f"the header is not valid: {error}") from None
    return header, 8 + length


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that comes twice: readers would disagree about which one counts."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name comes twice")
    return result


def check_metadata(path: Path, metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise refuse(path, "__metadata__ is not a table of strings")
    return metadata


Entry = tuple[str, DType, tuple[int, ...], int, int]


def check_entries(path: Path, header: dict[str, Any], data_size: int) -> list[Entry]:
    """Return the tensors in the order of their bytes, which must fill the file without gaps or overlaps."""
    entries = sorted((check_entry(path, name, entry) for name, entry in header.items()), key=lambda entry: entry[3:])
    position = 0
    for name, _, _, begin, end in entries:
        if begin != position:
            raise refuse(path, f"tensor {name!r} starts at byte {begin} of the data: expected {position}")
        position = end
    if position != data_size:
        raise refuse(path, f"the tensors take {position} bytes, the file has {data_size} for them")
    return entries


def check_entry(path: Path, name: str, entry: Any) -> Entry:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise refuse(path, f"tensor {name!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise refuse(path, f"tensor {name!r} has dtype {dtype!r}: known are {', '.join(DTYPES)}")
    if not is_sizes(shape) or len(shape) > MAX_DIMS:
        raise refuse(path, f"tensor {name!r} has shape {shape!r}: expected at most {MAX_DIMS} sizes")
    if not is_sizes(offsets) or len(offsets) != 2:
        raise refuse(path, f"tensor {name!r} has data_offsets {offsets!r}: expected two numbers")
    expected = math.prod(shape) * DTYPES[dtype].itemsize
    if offsets[1] - offsets[0] != expected:
        raise refuse(path, f"tensor {name!r} takes {offsets[1] - offsets[0]} bytes: shape and dtype need {expected}")
    return name, DTYPES[dtype], tuple(shape), offsets[0], offsets[1]


def is_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)
