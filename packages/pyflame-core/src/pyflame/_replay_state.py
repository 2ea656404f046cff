"""What a function can read beside its arguments, and how to notice that some of it has changed."""

from __future__ import annotations

import enum
import functools
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._core import TensorBase
from .dtypes import DType
from .layout import MeshLayout

if TYPE_CHECKING:
    from ._tensor import Tensor

ATOMS: tuple[type, ...] = (
    int,
    float,
    complex,
    bool,
    str,
    bytes,
    type(None),
    type(...),
    type(NotImplemented),
    range,
    slice,
)
ATOMS += (DType, np.generic, np.dtype, enum.Enum, types.BuiltinFunctionType, types.MethodDescriptorType)
ATOMS += (_core.Direct,)
ATOMS += (types.WrapperDescriptorType, types.MethodWrapperType, types.GetSetDescriptorType, types.MemberDescriptorType)
ATOMS += (types.GenericAlias, types.UnionType)
# Modules whose contents nobody changes.
CONSTANT_MODULES = {"pyflame", "math", "cmath", "operator", "_operator", "itertools", "functools", "_functools"}
CONSTANT_MODULES |= {"typing", "collections", "builtins", "enum", "dataclasses", "abc", "_abc", "types"}


# Modules of whose classes objects do not change.
CONSTANT_OWNERS = {"typing", "operator", "enum", "types"}


class Unseen(Exception):
    """The function depends on something, or does something, that a replay could not repeat; the text says what."""


def trusted(module: str | None) -> bool:
    """Whether the contents of a Python module stay as they are."""
    return module is not None and module.partition(".")[0] in CONSTANT_MODULES


_acting: list[tuple[type, str, Any, frozenset[str], Callable[[Any], list[list[Any]]]]] = []


def acts(kind: type, method: str, beside: frozenset[str], watched: Callable[[Any], list[list[Any]]]) -> None:
    """Let compiled functions call a method that changes its object: each replay calls it as well.

    The method begins with `postpone`. A subclass with a method of its own is not seen through.

    Args:
        beside: other names of such an object that compiled functions may use, which only record.
        watched: for an object the lists that must keep their entries. The method changes the tensors in them.

    Example:
        >>> import pyflame as pf
        >>> class Counter:
        ...     count = 0
        ...     def step(self):
        ...         if not pf.compilation.postpone(self.step):
        ...             self.count += 1
        >>> pf.compilation.acts(Counter, "step", frozenset(), lambda counter: [])
        >>> counter = Counter()
        >>> @pf.compile
        ... def f(x):
        ...     counter.step()
        ...     return x * 2
        >>> [f(pf.ones(1)).item() for _ in range(3)], counter.count, f.replays
        ([2.0, 2.0, 2.0], 3, 2)
    """
    _acting.append((kind, method, getattr(kind, method), beside, watched))


_counting: tuple[type, ...] = ()


def counts_changes(kind: type) -> None:
    """Say that instances of a class call `count_change` when one of their attributes changes."""
    global _counting
    _counting = (*_counting, kind)


def is_module(value: Any) -> bool:
    """Whether it counts the changes of its attributes, as neural-network modules do."""
    return isinstance(value, _counting)


def changed_by(value: Any) -> list[Any]:
    """The tensors that the method of an object changes which replays call."""
    lists = next((watched(value) for kind, _, _, _, watched in _acting if isinstance(value, kind)), [])
    return [entry for entries in lists for entry in entries if isinstance(entry, TensorBase)]


class State:
    """Everything reachable from what a function read: tensors are read anew by each replay, the rest is compared.

    Args:
        names: attributes that the function's code mentions; None when it computes names.
    """

    def __init__(self, names: set[str] | None) -> None:
        self.names = names
        self.tensors: list[Tensor] = []
        self.guards = _core.Guards()
        self._seen: dict[int, Any] = {}
        self.containers: list[tuple[Any, tuple[Any, ...]]] = []
        self._modules: list[tuple[Any, dict[str, Any]]] = []

    def __contains__(self, value: Any) -> bool:
        return id(value) in self._seen

    def add_item(self, dictionary: dict[Any, Any], key: Any, where: str) -> None:
        """An entry of a dictionary, such as a global variable."""
        self.guards.add_item(dictionary, key, dictionary[key])
        self.add(dictionary[key], where)

    def add_cell(self, cell: types.CellType, where: str) -> None:
        """A variable of an enclosing function."""
        self.guards.add_cell(cell, cell.cell_contents)
        self.add(cell.cell_contents, where)

    def add(self, value: Any, where: str) -> None:
        """A value and what can be reached from it.

        Raises:
            Unseen: it may change without notice.
        """
        from .compilation import CompiledFunction

        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        plain = isinstance(value, types.FunctionType) and not self._mentioned(value)
        if plain or isinstance(value, (*ATOMS, MeshLayout)):
            return
        for acting in _acting:
            if isinstance(value, acting[0]):
                return self._add_acting(value, where, *acting[1:])
        for kinds, add in self._kinds():
            if isinstance(value, kinds):
                return add(value, where)
        if is_module(value):
            return self._add_module(value, where)
        if isinstance(value, CompiledFunction):
            return self.add(value.__wrapped__, where)
        if type(value).__module__ not in CONSTANT_OWNERS:
            self._add_object(value, where)

    def _kinds(self) -> Iterable[tuple[Any, Callable[[Any, str], None]]]:
        return (
            (TensorBase, self._add_tensor),
            ((tuple, frozenset), self._add_all),
            ((list, set, deque, dict, types.MappingProxyType), self._add_container),
            (types.ModuleType, self._add_python_module),
            (type, self._add_type),
            (types.MethodType, lambda method, where: self._add_all((method.__self__, method.__func__), where)),
            (functools.partial, lambda p, where: self._add_all((p.func, p.args, p.keywords), where)),
            ((staticmethod, classmethod), lambda method, where: self.add(method.__func__, where)),
            (property, lambda found, where: self._add_all((found.fget, found.fset), where)),
        )

    def _mentioned(self, value: Any) -> set[str]:
        return set(vars(value)) if self.names is None else self.names & vars(value).keys()

    def _add_tensor(self, value: Any, where: str) -> None:
        self.tensors.append(value)

    def _add_all(self, values: Iterable[Any], where: str) -> None:
        for value in values:
            self.add(value, where)

    def _add_container(self, value: Any, where: str) -> None:
        self.containers.append((value, contents(value)))
        self._add_all(contents(value), where)

    def _add_acting(
        self,
        value: Any,
        where: str,
        method: str,
        known: Any,
        beside: frozenset[str],
        watched: Callable[[Any], list[Any]],
    ) -> None:
        kind = type(value)
        if getattr(kind, method) is not known or method in vars(value):
            raise Unseen(f"reads {where}, a {kind.__name__}, whose {method} cannot be seen through")
        others = set(dir(value)) - {method, *beside}
        if self.names is None or self.names & others:
            used = min(self.names & others) if self.names is not None else "names that it computes"
            raise Unseen(f"uses {used} of {where}, a {kind.__name__}, whose changes cannot be seen")
        for entries in watched(value):
            self.guards.add_list(entries, tuple(entries))
            self._add_all((entry for entry in entries if isinstance(entry, TensorBase)), where)

    def _add_python_module(self, value: types.ModuleType, where: str) -> None:
        if trusted(value.__name__):
            return
        for name in self._mentioned(value):
            self.add_item(vars(value), name, f"{where}.{name}")

    def _add_type(self, value: type, where: str) -> None:
        for kind in value.__mro__:
            if trusted(kind.__module__):
                continue
            self.guards.add_type(kind)
            for name in self._mentioned(kind):
                self.add(vars(kind)[name], f"{where}.{name}")

    def _add_module(self, value: Any, where: str) -> None:
        self._modules.append((value, dict(vars(value))))
        self.guards.add_type(type(value))
        self._add_type(type(value), where)
        for name, item in list(vars(value).items()):
            if name in ("_parameters", "_buffers", "_modules"):  # names; the values are attributes
                continue
            if self.names is None or name in self.names or not trusted_value(item):
                self.add(item, f"{where}.{name}")

    def _add_object(self, value: Any, where: str) -> None:
        kind = type(value)
        made_in_python = kind.__flags__ & 1 << 9 and hasattr(value, "__dict__")  # such types are on the heap
        if not made_in_python or kind.__module__.partition(".")[0] == "pyflame":
            raise Unseen(f"reads {where}, a {kind.__name__}, whose changes cannot be seen")
        self._add_type(kind, where)
        for name in self._mentioned(value):
            self.add_item(vars(value), name, f"{where}.{name}")
        for name in (self.names or set()) - vars(value).keys():  # now found in the type
            self.guards.add_missing(vars(value), name)

    def hold(self) -> bool:
        """Whether everything is as it was."""
        if not self.guards.hold():
            return False
        for container, kept in self.containers:
            if not same(contents(container), kept):
                return False
        if not self.guards.attributes_changed():
            return True
        for module, attributes in self._modules:
            now = vars(module)
            if now.keys() != attributes.keys() or not same(tuple(now.values()), tuple(attributes.values())):
                return False
        self.guards.confirm()
        return True


def trusted_value(value: Any) -> bool:
    """Whether an attribute of a module that no code of the user's mentions needs no look."""
    plain = (TensorBase, list, tuple, dict, set)
    return not isinstance(value, plain) and not is_module(value)


def contents(container: Any) -> tuple[Any, ...]:
    """Keys and values, or entries."""
    if isinstance(container, dict | types.MappingProxyType):
        return (*container.keys(), *container.values())
    return tuple(container)


def same(now: tuple[Any, ...], then: tuple[Any, ...]) -> bool:
    """Whether they are the same objects, or equal numbers and strings."""
    return len(now) == len(then) and all(map(alike, now, then))


def alike(a: Any, b: Any) -> bool:
    return a is b or type(a) is type(b) and isinstance(a, (int, float, str)) and repr(a) == repr(b)
