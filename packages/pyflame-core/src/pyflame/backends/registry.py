"""Backends by name: built in, registered, or offered by an entry point in the group `pyflame.backends`."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import _journal
from .cpu import CpuBackend
from .protocol import BackendBase

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "pyflame.backends"
_factories: _journal.Registry[Callable[[], Any]] = _journal.Registry("backends", "backend")
_made: dict[str, Any] = {}
_clashes: dict[str, str] = {}
_discovered = False


def _reference() -> BackendBase:
    from ..testing.reference import ReferenceBackend

    return ReferenceBackend()


_factories.add("cpu", CpuBackend, owner="pyflame-core")
_factories.add("reference", _reference, owner="pyflame-core")


def register(name: str, factory: Callable[[], Any], *, override: bool = False) -> None:
    """Make a backend known by a name.

    Args:
        name: such as "cerebras" or "cerebras:simulator".
        factory: makes the backend when it is first used; a class will do.
        override: replace the backend of this name.

    Raises:
        ValueError: the name is taken.
    """
    _discover()
    if name == "cpu":
        raise ValueError("[backends] the name 'cpu' is the core's own: choose another name")
    _factories.add(name, factory, override=override)
    before = _made.pop(name, None)
    _journal.note(lambda: _restore(name, before))


def unregister(name: str) -> None:
    """Free the name of a backend.

    Args:
        name: as registered.

    Raises:
        KeyError: there is none.
        ValueError: it is the core's own.
    """
    if name == "cpu":
        raise ValueError("[backends] 'cpu' is the core's own backend: it cannot go")
    _discover()
    _factories.remove(name)
    before = _made.pop(name, None)
    _journal.note(lambda: _restore(name, before))


def get(name: str) -> Any:
    """A backend by its name; made on first use.

    Args:
        name: as registered.

    Raises:
        RuntimeError: nobody has the name, two distributions have it, or the backend cannot be made.

    Example:
        >>> get("cpu").name
        'cpu'
    """
    if name in _made:
        return _made[name]
    _discover()
    if name in _clashes:
        raise RuntimeError(f"[backends] two backends are named {name!r}: {_clashes[name]}; uninstall one")
    if name not in _factories.entries:
        hint = ": pip install pyflame-csl" if name.partition(":")[0] == "cerebras" else ""
        raise RuntimeError(
            f"[backends] {name!r} is not available{hint}; registered are {', '.join(_factories.entries)}"
        )
    try:
        backend = _factories.entries[name]()
    except Exception as error:
        owner = _factories.owners[name] or "its factory"
        raise RuntimeError(f"[backends] {name!r} cannot be made by {owner}: {type(error).__name__}: {error}") from error
    missing = [method for method in ("compile", "run") if not callable(getattr(backend, method, None))]
    if missing:
        raise RuntimeError(f"[backends] {name!r} has no {' and '.join(missing)}: see pyflame.backends.BackendBase")
    return _made.setdefault(name, backend)


def list() -> builtins.list[str]:
    """Names of all backends.

    Example:
        >>> "cpu" in list()
        True
    """
    _discover()
    return sorted({*_factories.entries, *_clashes})


def is_available(name: str) -> bool:
    """Whether a backend exists and can run here and now.

    Args:
        name: as registered.

    Example:
        >>> is_available("cpu"), is_available("nowhere")
        (True, False)
    """
    try:
        backend = get(name)
    except RuntimeError:
        return False
    return bool(backend.is_available()) if hasattr(backend, "is_available") else True


def _restore(name: str, backend: Any) -> None:
    if backend is None:
        _made.pop(name, None)
    else:
        _made[name] = backend


def _load(point: EntryPoint) -> Any:
    return point.load()()


def _discover() -> None:
    """Entry points, looked up once; none is loaded."""
    global _discovered
    if _discovered:
        return
    _discovered = True
    from .._entry_points import readable

    for owner, point in readable(GROUP):
        first = _factories.owners.get(point.name)
        if first == owner:
            continue  # the same distribution, seen twice on the path
        if first is not None:
            _clashes[point.name] = f"{first} and {owner}"
            continue
        _factories.add(point.name, partial(_load, point), owner=owner)
