"""A reader of pickles that makes plain values only, and calls nothing but what it was given.

Python's own `pickle` imports and calls whatever a file names. This machine knows the opcodes that files of tensors use;
a global is looked up in a table, and anything else refuses the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from .source import EXPANSION, STRUCTURE_FLOOR, Source

Table = Mapping[tuple[str, str], Any]
_MARK = object()
_CONTAINER = 64  # bytes of the smallest one


class Callee:
    """Something a file may call."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.function = function


class Machine:
    """Runs a pickle.

    Args:
        source: for messages and the allowance of memory.
        data: the pickle.
        table: (module, name) -> a `Callee` or a value.
        persistent: turns a persistent id into a value.
    """

    def __init__(self, source: Source, data: bytes, table: Table, persistent: Callable[[Any], Any]) -> None:
        self._source = source
        self._data = data
        self._table = table
        self._persistent = persistent
        self._position = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._containers = 0

    def run(self) -> Any:
        """The value that the pickle describes.

        Raises:
            SerializationError: it is damaged, or wants what is not allowed.
        """
        while True:
            code = self._take(1)
            if code == b".":
                break
            step = _STEPS.get(code)
            if step is None:
                raise self._refuse(f"has the opcode {code!r}, which files of tensors do not need")
            step(self)
        if len(self._stack) != 1:
            raise self._refuse(f"ends with {len(self._stack)} values: expected one")
        return self._stack[0]

    def _refuse(self, problem: str) -> Exception:
        return self._source.refuse(f"the pickle {problem} (at byte {self._position})")

    def _take(self, count: int) -> bytes:
        piece = self._data[self._position : self._position + count]
        if len(piece) != count:
            raise self._refuse("is cut off")
        self._position += count
        return piece

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self._data.find(b"\n", self._position)
        if end < 0:
            raise self._refuse("is cut off")
        line = self._data[self._position : end]
        self._position = end + 1
        return line.decode("utf-8", "replace")

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._refuse("takes a value where there is none")
        return self._stack.pop()

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise self._refuse(f"puts values into something that is no {kind.__name__}")
        return self._stack[-1]

    def _pop_mark(self) -> list[Any]:
        place = len(self._stack) - 1
        while place >= 0 and self._stack[place] is not _MARK:
            place -= 1
        if place < 0:
            raise self._refuse("takes values to a mark that was not set")
        items = self._stack[place + 1 :]
        del self._stack[place:]
        return items

    def _pop_many(self, count: int) -> list[Any]:
        return [self._pop() for _ in range(count)][::-1]

    def _push_container(self, value: Any) -> None:
        self._containers += 1
        if self._containers * _CONTAINER > EXPANSION * self._source.size + STRUCTURE_FLOOR:
            raise self._refuse(f"has more than {self._containers} containers, too many for the size of the file")
        self._stack.append(value)

    def _text(self, form: str) -> None:
        try:
            self._stack.append(self._take(self._number(form)).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise self._refuse("has a text that is no UTF-8") from None

    def _get(self, form: str) -> None:
        number = self._number(form)
        if number not in self._memo:
            raise self._refuse(f"wants value {number}, which it has not made")
        self._stack.append(self._memo[number])

    def _put(self, number: int) -> None:
        value = self._pop()
        self._stack.append(value)
        self._memo[number] = value

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or (module, name) not in self._table:
            where = f"{str(module)[:80]}.{str(name)[:80]}"
            raise self._refuse(f"names {where}: only tensors and plain values are read, and nothing is imported")
        self._stack.append(self._table[module, name])

    def _stack_global(self) -> None:
        module, name = self._pop_many(2)
        self._global(module, name)

    def _call(self) -> None:
        callee, args = self._pop_many(2)
        if not isinstance(callee, Callee) or not isinstance(args, tuple):
            raise self._refuse("calls something that cannot be called")
        try:
            self._push_container(callee.function(*args))
        except (TypeError, ValueError, AttributeError) as error:
            raise self._refuse(f"calls {callee.name} wrongly: {error}") from None

    def _build(self) -> None:
        """Attributes: an OrderedDict of a module has some, which say nothing about values."""
        self._pop()
        self._top(dict)

    def _persistent_id(self) -> None:
        self._stack.append(self._persistent(self._pop()))

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict)
        if len(items) % 2:
            raise self._refuse("has a dict with half an item")
        for key, value in zip(items[::2], items[1::2]):
            # Other keys could be chosen so that looking them up takes for ever.
            if not isinstance(key, str | None) and not (isinstance(key, int) and abs(key) < 2**63):
                raise self._refuse(f"has a dict with a key of type {type(key).__name__}")
            target[key] = value

    def _append(self, items: list[Any]) -> None:
        self._top(list).extend(items)


_STEPS: dict[bytes, Callable[[Machine], Any]] = {
    b"\x80": lambda m: m._take(1),
    b"\x95": lambda m: m._take(8),
    b"(": lambda m: m._stack.append(_MARK),
    b"0": lambda m: m._pop(),
    b"1": lambda m: m._pop_mark(),
    b"N": lambda m: m._stack.append(None),
    b"\x88": lambda m: m._stack.append(True),
    b"\x89": lambda m: m._stack.append(False),
    b"J": lambda m: m._stack.append(m._number("<i")),
    b"K": lambda m: m._stack.append(m._number("<B")),
    b"M": lambda m: m._stack.append(m._number("<H")),
    b"\x8a": lambda m: m._stack.append(int.from_bytes(m._take(m._number("<B")), "little", signed=True)),
    b"G": lambda m: m._stack.append(m._number(">d")),
    b"X": lambda m: m._text("<I"),
    b"\x8c": lambda m: m._text("<B"),
    b"\x8d": lambda m: m._text("<Q"),
    b"}": lambda m: m._push_container({}),
    b"]": lambda m: m._push_container([]),
    b")": lambda m: m._push_container(()),
    b"t": lambda m: m._push_container(tuple(m._pop_mark())),
    b"\x85": lambda m: m._push_container((m._pop(),)),
    b"\x86": lambda m: m._push_container(tuple(m._pop_many(2))),
    b"\x87": lambda m: m._push_container(tuple(m._pop_many(3))),
    b"l": lambda m: m._push_container(m._pop_mark()),
    b"q": lambda m: m._put(m._number("<B")),
    b"r": lambda m: m._put(m._number("<I")),
    b"\x94": lambda m: m._put(len(m._memo)),
    b"h": lambda m: m._get("<B"),
    b"j": lambda m: m._get("<I"),
    b"c": lambda m: m._global(m._line(), m._line()),
    b"\x93": lambda m: m._stack_global(),
    b"Q": lambda m: m._persistent_id(),
    b"R": lambda m: m._call(),
    b"\x81": lambda m: m._call(),
    b"b": lambda m: m._build(),
    b"s": lambda m: m._set_items(m._pop_many(2)),
    b"u": lambda m: m._set_items(m._pop_mark()),
    b"a": lambda m: m._append([m._pop()]),
    b"e": lambda m: m._append(m._pop_mark()),
}
