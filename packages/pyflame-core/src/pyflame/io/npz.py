"""NumPy's .npz: a zip file of arrays, as `numpy.savez` writes and `numpy.load(allow_pickle=False)` reads.

bfloat16, which NumPy lacks, is stored as its bits in uint16. A text array `__pyflame__` says which arrays these are and
holds the metadata; it is written when there is something to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..dtypes import DType, bfloat16
from .arrays import DTYPES, MAX_DIMS, Entry, byte_count, from_stored, raw_bytes, storage_dtype
from .container import ALIGNMENT, compressed
from .source import Source
from .zip import Member, read_bytes, read_front, read_members
from .zip_writer import Part, write_members

if TYPE_CHECKING:
    from .._types import Array

NOTE = "__pyflame__"
_ITEM = re.compile(r"\s*'(\w+)'\s*:\s*('[^']*'|True|False|\([\d,\s]*\))\s*(,|$)")
_KINDS = {"b1": "bool", "u1": "uint8", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "f2": "float16",
          "f4": "float32", "f8": "float64", "u2": "bfloat16"}  # fmt: skip


class Stored(NamedTuple):
    """An array of the file: where its values begin in the member's bytes, and how they are laid out."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    member: Member
    begin: int
    fortran: bool
    big_endian: bool


def write(
    file: IO[bytes], entries: Sequence[Entry], metadata: Mapping[str, Any] | None, *, compress: bool = False
) -> None:
    """Write an archive that NumPy reads.

    Raises:
        ValueError: a tensor has the reserved name `__pyflame__`, or the metadata is not JSON data.
    """
    if any(entry.name == NOTE for entry in entries):
        raise ValueError(f"[save] a tensor cannot be called {NOTE}: .npz files of PyFlame reserve this name")
    note: dict[str, Any] = {}
    if any(entry.dtype is bfloat16 for entry in entries):
        note["dtypes"] = {entry.name: "bfloat16" for entry in entries if entry.dtype is bfloat16}
    if metadata:
        note["metadata"] = dict(metadata)
    headers = [npy_header(storage_dtype(entry.dtype), entry.shape) for entry in entries]
    packed = compressed(entries, headers, raw=True) if compress else [None] * len(entries)

    def parts() -> Iterator[Part]:
        for entry, header, pack in zip(entries, headers, packed):
            yield Part(f"{entry.name}.npy", [header, raw_bytes(entry.values())], pack)
        if note:
            text = np.array(json.dumps(note, allow_nan=False))
            yield Part(f"{NOTE}.npy", [npy_header(text.dtype, ()), raw_bytes(text)])

    write_members(file, parts())


def npy_header(dtype: np.dtype[Any], shape: Sequence[int]) -> bytes:
    """The first bytes of a .npy file, a multiple of 64 of them."""
    # NumPy writes no byte order where there is none to choose.
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {tuple(shape)!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % ALIGNMENT) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def read_directory(source: Source) -> tuple[list[Stored], dict[str, Any]]:
    """The arrays of a file in their order, and its metadata.

    Raises:
        SerializationError: the file is not in this format, or damaged.
    """
    members = read_members(source)
    note = read_note(source, members.pop(f"{NOTE}.npy", None))
    dtypes, metadata = note.get("dtypes", {}), note.get("metadata", {})
    if not isinstance(dtypes, dict) or not isinstance(metadata, dict):
        raise source.refuse(f"{NOTE} is not of the form this pyflame-core reads")
    return [read_header(source, member, dtypes) for member in members.values()], metadata


def read_note(source: Source, member: Member | None) -> dict[str, Any]:
    if member is None:
        return {}
    data = read_bytes(source, member).tobytes()
    descr, _, shape, begin = parse_header(source, NOTE, data)
    if not re.fullmatch(r"<U\d{1,9}", descr) or shape:
        raise source.refuse(f"{NOTE} is not a text")
    text = data[begin:].decode("utf-32-le", "replace").rstrip("\0").encode()
    note = source.json(text, NOTE)
    if not isinstance(note, dict):
        raise source.refuse(f"{NOTE} is not a JSON object")
    return note


def read_header(source: Source, member: Member, dtypes: Mapping[str, Any]) -> Stored:
    name = member.name.removesuffix(".npy")
    front = read_front(source, member, 1 << 16)
    descr, fortran, shape, begin = parse_header(source, name, front)
    kind = _KINDS.get(descr[1:])
    if kind is None or descr[0] not in "<>=|" or (kind == "bfloat16" and dtypes.get(name) != "bfloat16"):
        raise source.refuse(f"array {name!r} is of NumPy's type {descr!r}, which has no counterpart here")
    dtype = DTYPES[kind]
    expected = byte_count(source, dtype, shape, f"array {name!r}")
    if member.size - begin != expected:
        raise source.refuse(f"array {name!r} takes {member.size - begin} bytes: shape and dtype need {expected}")
    return Stored(name, dtype, shape, member, begin, fortran, descr[0] == ">" and dtype.itemsize > 1)


def parse_header(source: Source, name: str, data: bytes) -> tuple[str, bool, tuple[int, ...], int]:
    """NumPy's type, whether the first index runs fastest, the shape, and where the values begin."""
    wide = data[6:7] in (b"\2", b"\3")
    begin = 12 if wide else 10
    if data[:6] != b"\x93NUMPY" or data[6:8] not in (b"\1\0", b"\2\0", b"\3\0") or len(data) < begin:
        raise source.refuse(f"array {name!r} does not begin as .npy files do")
    end = begin + int.from_bytes(data[8:begin], "little")
    text = data[begin:end].decode("latin-1").strip()
    fields: dict[str, str] = {}
    if end <= len(data) and text[:1] == "{" and text[-1:] == "}" and len(text) < 10_000:
        text, place = text[1:-1].rstrip(), 0
        while found := _ITEM.match(text, place):
            fields[found[1]] = found[2]
            place = found.end()
        sizes = [part.strip() for part in fields.get("shape", "")[1:-1].split(",")]
        sizes = sizes[:-1] if sizes[-1] == "" else sizes
        if (
            place == len(text)
            and fields.keys() == {"descr", "fortran_order", "shape"}
            and fields["descr"][:1] == "'"
            and len(fields["descr"]) > 3
            and fields["fortran_order"] in ("True", "False")
            and fields["shape"][:1] == "("
            and len(sizes) <= MAX_DIMS
            and all(size.isdecimal() and len(size) < 20 for size in sizes)
        ):
            return fields["descr"][1:-1], fields["fortran_order"] == "True", tuple(map(int, sizes)), end
    raise source.refuse(f"array {name!r} has a header that is not understood: {text[:80]!r}")


def read_array(source: Source, stored: Stored) -> Array:
    """Read the values of an array.

    Raises:
        SerializationError: they are damaged.
    """
    what = f"array {stored.name!r}"
    raw = read_bytes(source, stored.member)[stored.begin :]
    if stored.big_endian:
        source.spend(raw.size, what)
        raw = raw.view(f"u{stored.dtype.itemsize}").byteswap().view(np.uint8)
    if not stored.fortran or len(stored.shape) < 2:
        return from_stored(source, raw, stored.dtype, stored.shape, what)
    source.spend(raw.size, what)
    turned = from_stored(source, raw, stored.dtype, stored.shape[::-1], what).T
    return np.ascontiguousarray(turned)
