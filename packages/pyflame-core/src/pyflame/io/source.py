"""The bytes of a file that nobody should believe: every read is checked against the file's size and a budget of memory.

Values may take four times the size of the file, and a little more for small ones: whoever sends a small file cannot
make its reader allocate much. Names and structure have a wider allowance, because Python objects are larger than the
text they are read from.
"""

from __future__ import annotations

import json
import mmap as mapping
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..errors import SerializationError

if TYPE_CHECKING:
    from .._types import Array

EXPANSION = 4
VALUES_FLOOR = 1 << 20
STRUCTURE_FLOOR = 64 << 20
# What Python takes for each sign of JSON text, measured: an object, a list, an element, half a string.
JSON_COSTS = ((b"{", 232), (b"[", 64), (b",", 16), (b'"', 32))


class Source:
    """A file that is open for reading, or bytes in memory.

    Args:
        name: of the file, for messages.
        size: in bytes.
        file: read from, when `memory` is None.
        memory: the whole contents, of which arrays are windows.
    """

    def __init__(self, name: str, size: int, file: IO[bytes] | None, memory: Any = None) -> None:
        self.name = name
        self.size = size
        self.mapped = isinstance(memory, mapping.mmap)
        self._file = file
        self._memory = memory
        self._spent = 0

    def refuse(self, problem: str) -> SerializationError:
        return SerializationError(f"[load] {self.name}: {problem}")

    def check_range(self, begin: int, length: int, what: str) -> None:
        if begin < 0 or length < 0 or begin + length > self.size:
            raise self.refuse(f"{what} takes bytes {begin} to {begin + length}: the file has {self.size}")

    def spend(self, count: int, what: str) -> None:
        """Take so many bytes from the budget for values."""
        self._spent += count
        if self._spent > EXPANSION * self.size + VALUES_FLOOR:
            raise self.refuse(
                f"{what} would bring the memory taken to {self._spent} bytes: a file of {self.size} bytes may take "
                f"{EXPANSION} times its size"
            )

    def read(self, begin: int, length: int, what: str) -> bytes:
        """A copy of a range of the file."""
        self.check_range(begin, length, what)
        if self._memory is not None:
            return bytes(memoryview(self._memory)[begin : begin + length])
        assert self._file is not None
        self._file.seek(begin)
        data = self._file.read(length)
        if len(data) != length:
            raise self.refuse("the file became shorter while it was read")
        return data

    def array(self, begin: int, length: int, what: str) -> Array:
        """A range of the file as uint8: memory of its own, or a window on what is in memory."""
        self.check_range(begin, length, what)
        if self._memory is not None:
            return np.frombuffer(self._memory, np.uint8, length, begin) if length else np.empty(0, np.uint8)
        assert self._file is not None
        self.spend(length, what)
        array = np.empty(length, dtype=np.uint8)
        self._file.seek(begin)
        if self._file.readinto(array.data) != length:  # type: ignore[attr-defined]
            raise self.refuse("the file became shorter while it was read")
        return array

    def json(self, text: bytes, what: str, expansion: int = EXPANSION) -> Any:
        """Read JSON in which no name comes twice, unless its objects would be much larger than the file."""
        cost = sum(text.count(sign) * size for sign, size in JSON_COSTS)
        if cost > expansion * self.size + STRUCTURE_FLOOR:
            raise self.refuse(f"{what} would take about {cost} bytes: too much structure for {self.size} bytes")
        try:
            return json.loads(text.decode("utf-8"), object_pairs_hook=unique_keys, parse_constant=no_constant)
        except (ValueError, RecursionError) as error:
            raise self.refuse(f"{what} is not valid: {error}") from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that comes twice: readers would disagree about which one counts."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name comes twice")
    return result


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


@contextmanager
def opened_for_reading(path_or_file: Any, mmap: bool = False) -> Iterator[Source]:
    """Open a path or take a file object.

    Args:
        path_or_file: a path, bytes, or a binary file, which is read to its end.
        mmap: map the file into memory, so that arrays are windows on it.

    Raises:
        TypeError: it is neither, or a file object is to be mapped.
    """
    if isinstance(path_or_file, str | os.PathLike):
        with open(path_or_file, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            memory: Any = None
            if mmap:  # an empty file cannot be mapped
                memory = mapping.mmap(file.fileno(), 0, access=mapping.ACCESS_READ) if size else b""
            yield Source(os.fspath(path_or_file), size, file, memory)
        return
    if mmap:
        raise TypeError("[load] mmap=True needs the path of a file")
    if not isinstance(path_or_file, bytes):
        if not callable(getattr(path_or_file, "read", None)):
            raise TypeError(f"[load] expected a path or a binary file, got {type(path_or_file).__name__}")
        data = path_or_file.read()
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"[load] the file returns {type(data).__name__}: open it in binary mode")
        yield Source(str(getattr(path_or_file, "name", type(path_or_file).__name__)), len(data), None, bytes(data))
    else:
        yield Source("bytes", len(path_or_file), None, path_or_file)


def is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def is_sizes(values: Any, most: int) -> bool:
    return isinstance(values, list) and len(values) <= most and all(map(is_size, values))
