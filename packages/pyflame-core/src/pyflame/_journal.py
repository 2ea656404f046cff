"""Registries, and the undo of each registration, kept while somebody asks for it, as the loading of a plugin does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
Undo = Callable[[], object]


class _State(threading.local):
    def __init__(self) -> None:
        self.open: list[list[Undo]] = []


_state = _State()


def note(undo: Undo) -> None:
    """Tell how to take back what was just registered."""
    if _state.open:
        _state.open[-1].append(undo)


@contextmanager
def kept() -> Iterator[list[Undo]]:
    """Collect the undos of what is registered inside, by this thread; if it raises, all is taken back."""
    undos: list[Undo] = []
    _state.open.append(undos)
    try:
        yield undos
    except BaseException:
        _state.open.pop()
        roll_back(undos)
        raise
    else:
        _state.open.pop()


def roll_back(undos: list[Undo]) -> None:
    """Take back in reverse order. The registries of this package cannot fail here."""
    while undos:
        undos.pop()()


class Registry(Generic[T]):
    """Names and what they stand for.

    Args:
        op: the word that opens error messages.
        noun: what an entry is, such as "pass".
    """

    def __init__(self, op: str, noun: str) -> None:
        self.op = op
        self.noun = noun
        self.entries: dict[str, T] = {}
        self.owners: dict[str, str] = {}

    def add(self, name: str, entry: T, *, override: bool = False, owner: str = "") -> None:
        """Enter a name.

        Raises:
            ValueError: it is taken, by whom, and override is not set.
        """
        if name in self.entries and not override:
            owned = self.owners.get(name) or describe(self.entries[name])
            raise ValueError(
                f"[{self.op}] two {self.noun}s are named {name!r}: {owned} has the name, "
                f"{owner or describe(entry)} asks for it; rename one"
            )
        before = dict(self.entries), dict(self.owners)
        self.entries[name] = entry
        self.owners[name] = owner
        note(lambda: self._take_back(name, entry, before))

    def remove(self, name: str) -> T:
        """Free a name.

        Raises:
            KeyError: nobody has it.
        """
        entry = self.get(name)
        position = list(self.entries).index(name)
        owner = self.owners.pop(name)
        del self.entries[name]
        note(lambda: self._put_back(name, entry, owner, position))
        return entry

    def get(self, name: str) -> T:
        """The entry of a name.

        Raises:
            KeyError: nobody has it.
        """
        if name not in self.entries:
            known = ", ".join(self.entries) or "none"
            raise KeyError(f"[{self.op}] there is no {self.noun} named {name!r}: registered are {known}")
        return self.entries[name]

    def _take_back(self, name: str, entry: T, before: tuple[dict[str, T], dict[str, str]]) -> None:
        if self.entries.get(name) is not entry:
            return  # overridden or removed since: it is no longer ours
        if name in before[0]:
            self.entries[name] = before[0][name]
            self.owners[name] = before[1][name]
        else:
            del self.entries[name], self.owners[name]

    def _put_back(self, name: str, entry: T, owner: str, position: int) -> None:
        if name in self.entries:
            return
        items = list(self.entries.items())
        items.insert(position, (name, entry))
        self.entries.clear()
        self.entries.update(items)
        self.owners[name] = owner


def describe(entry: object) -> str:
    """Where an object comes from, for messages."""
    kind = entry if hasattr(entry, "__qualname__") else type(entry)
    return f"{getattr(kind, '__module__', '?')}.{getattr(kind, '__qualname__', '?')}"
