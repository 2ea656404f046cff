"""Reads CIFAR's Python batches without unpickling: the file's opcodes are walked, and nothing of it is ever called."""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Array

# Python 2 and NumPy 1 wrote the files; NumPy 2 has moved the first one.
_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_GLOBALS = {*_ARRAY, "numpy ndarray", "numpy dtype", "_codecs encode"}
_MARK = object()


class _Name:
    """A global that the file names; it stands for itself and cannot be called."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Built:
    """What the file makes with one of the names: an array of bytes, or its dtype."""

    def __init__(self, kind: str, arguments: tuple[Any, ...]) -> None:
        self.kind, self.arguments, self.state = kind, arguments, None


def read_batch(path: Path) -> dict[str, Any]:
    """Return what a batch file holds: lists, strings, numbers and arrays of bytes.

    Raises:
        RuntimeError: the file is no such batch.
    """
    try:
        result = _Walk(path.read_bytes()).result
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise RuntimeError(f"[CIFAR] {path} cannot be read as a batch of the Python version: {error}") from error
    if not isinstance(result, dict):
        raise RuntimeError(f"[CIFAR] {path} holds a {type(result).__name__}: expected a dict")
    return {_text(key): _finished(value) for key, value in result.items()}


def _text(key: Any) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


def _finished(value: Any) -> Any:
    return _array(value) if isinstance(value, _Built) else value


def _array(built: _Built) -> Array:
    """Return an array from its state: version, shape, dtype, order, bytes."""
    if built.kind not in _ARRAY or not isinstance(built.state, tuple) or len(built.state) != 5:
        raise ValueError("an array without its state")
    _, shape, dtype, fortran, content = built.state
    if not isinstance(dtype, _Built) or dtype.kind != "numpy dtype" or dtype.arguments[0] not in ("u1", b"u1"):
        raise ValueError("an array of something else than bytes")
    if isinstance(content, str):  # how protocol 2 of Python 3 spells bytes
        content = content.encode("latin1")
    order: Any = "F" if fortran else "C"
    return np.frombuffer(content, np.uint8).reshape(shape, order=order)


def _opcodes(content: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    with warnings.catch_warnings():
        # Text of protocol 0 with a wrong escape, which only damage brings here: the walk refuses its opcodes.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield from list(pickletools.genops(content))


class _Walk:
    """A stack machine with the opcodes that such files use; every other opcode is refused."""

    def __init__(self, content: bytes) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.result: Any = None
        for opcode, argument, _ in _opcodes(content):
            step = getattr(self, f"do_{opcode.name}", None)
            if step is not None:
                step(argument)
            elif opcode.name in _PUSHED:
                self.stack.append(argument)
            else:
                raise ValueError(f"opcode {opcode.name} does not occur in such files")

    def since_mark(self) -> list[Any]:
        place = next((i for i in reversed(range(len(self.stack))) if self.stack[i] is _MARK), None)
        if place is None:
            raise ValueError("no mark where the file ends a list")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def replace(self, count: int, value: Any) -> None:
        del self.stack[len(self.stack) - count :]
        self.stack.append(value)

    def do_PROTO(self, version: int) -> None:
        if version > 2:
            raise ValueError(f"pickle protocol {version}: these files use 2")

    def do_MARK(self, _: None) -> None:
        self.stack.append(_MARK)

    def do_NONE(self, _: None) -> None:
        self.stack.append(None)

    def do_NEWTRUE(self, _: None) -> None:
        self.stack.append(True)

    def do_NEWFALSE(self, _: None) -> None:
        self.stack.append(False)

    def do_EMPTY_DICT(self, _: None) -> None:
        self.stack.append({})

    def do_EMPTY_LIST(self, _: None) -> None:
        self.stack.append([])

    def do_EMPTY_TUPLE(self, _: None) -> None:
        self.stack.append(())

    def do_TUPLE(self, _: None) -> None:
        self.stack.append(tuple(self.since_mark()))

    def do_TUPLE1(self, _: None) -> None:
        self.replace(1, tuple(self.stack[-1:]))

    def do_TUPLE2(self, _: None) -> None:
        self.replace(2, tuple(self.stack[-2:]))

    def do_TUPLE3(self, _: None) -> None:
        self.replace(3, tuple(self.stack[-3:]))

    def do_APPEND(self, _: None) -> None:
        value = self.stack.pop()
        _as(list, self.stack[-1]).append(value)

    def do_APPENDS(self, _: None) -> None:
        values = self.since_mark()
        _as(list, self.stack[-1]).extend(values)

    def do_SETITEM(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _as(dict, self.stack[-1])[key] = value

    def do_SETITEMS(self, _: None) -> None:
        values = self.since_mark()
        _as(dict, self.stack[-1]).update(zip(values[::2], values[1::2], strict=True))

    def do_BINPUT(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    do_LONG_BINPUT = do_BINPUT

    def do_BINGET(self, place: int) -> None:
        self.stack.append(self.memo[place])

    do_LONG_BINGET = do_BINGET

    def do_GLOBAL(self, name: str) -> None:
        if name not in _GLOBALS:
            raise ValueError(f"the file names {name}, which such files have no use for")
        self.stack.append(_Name(name))

    def do_REDUCE(self, _: None) -> None:
        arguments, name = self.stack.pop(), _as(_Name, self.stack.pop())
        arguments = _as(tuple, arguments)
        if name.text == "_codecs encode":
            self.stack.append(_as(str, arguments[0]).encode("latin1"))
        else:
            self.stack.append(_Built(name.text, arguments))

    def do_BUILD(self, _: None) -> None:
        state = self.stack.pop()
        _as(_Built, self.stack[-1]).state = state

    def do_STOP(self, _: None) -> None:
        self.result = self.stack.pop()


_PUSHED = {"INT", "BININT", "BININT1", "BININT2", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE"}


def _as(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} in the place of a {kind.__name__.strip('_').lower()}")
    return value
