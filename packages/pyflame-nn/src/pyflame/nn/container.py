"""Modules that hold modules."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self, overload

from .module import Module


class _Ordered(Module):
    """Children named 0, 1, 2, ... in order."""

    def _list(self) -> list[Module]:
        return [getattr(self, name) for name in self._modules]

    def _reset(self, modules: Iterable[Module]) -> None:
        modules = list(modules)
        for name in list(self._modules):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def _index(self, i: int) -> int:
        i, n = operator.index(i), len(self._modules)
        if not -n <= i < n:
            raise IndexError(f"[{type(self).__name__}] index {i} is out of range for {n} modules")
        return i % n

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._list())

    def __contains__(self, module: object) -> bool:
        return any(module is own for own in self)

    def __setitem__(self, i: int, module: Module) -> None:
        setattr(self, list(self._modules)[self._index(i)], module)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def __delitem__(self, i: int | slice) -> None:
        kept = self._list()
        del kept[i if isinstance(i, slice) else self._index(i)]
        self._reset(kept)

    def insert(self, i: int, module: Module) -> Self:
        """Put a module before position `i`; the later ones move up."""
        if not isinstance(module, Module):
            raise AssertionError(f"[{type(self).__name__}] insert: expected a Module, got {type(module).__name__}")
        modules = self._list()
        if not -len(modules) <= i <= len(modules):
            raise IndexError(f"[{type(self).__name__}] index {i} is out of range for {len(modules)} modules")
        modules.insert(i, module)
        self._reset(modules)
        return self

    def pop(self, i: int | slice) -> Module:
        """Take out the module at position `i`, or those of a slice, and return it."""
        module: Module = self[i]  # type: ignore[index]  # subclasses say what a slice is
        del self[i]
        return module

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)


class Sequential(_Ordered):
    """Calls its modules one after another, each on what the one before returned.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model(pf.ones(3, 4)).shape
        pyflame.Size([3, 2])
        >>> model[1]
        ReLU()
    """

    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...
    @overload
    def __init__(self, *modules: Module) -> None: ...
    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else None
        for name, module in (named or {str(i): module for i, module in enumerate(modules)}).items():
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        modules = self.__dict__
        for name in self._modules:
            x = modules[name](x)
        return x

    @overload
    def __getitem__(self, i: int) -> Module: ...
    @overload
    def __getitem__(self, i: slice) -> Sequential: ...
    def __getitem__(self, i: int | slice) -> Module:
        if isinstance(i, slice):
            return Sequential({name: getattr(self, name) for name in list(self._modules)[i]})
        return self._list()[self._index(i)]

    def add(self, module: Module) -> Self:
        """Add a module at the end, as `append` does."""
        return self.append(module)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"[Sequential] +: expected another Sequential, got {type(other).__name__}")
        return Sequential(*self, *other)

    def __mul__(self, times: int) -> Sequential:
        if not isinstance(times, int):
            raise TypeError(f"[Sequential] *: expected a number of times, got {type(times).__name__}")
        if times <= 0:
            raise ValueError(f"[Sequential] * {times}: expected a positive number of times")
        return Sequential(*(self._list() * times))

    __rmul__ = __mul__


class ModuleList(_Ordered):
    """A list of modules whose parameters are found; it has no forward of its own.

    Example:
        >>> from pyflame import nn
        >>> layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        >>> len(layers), len(list(layers.parameters()))
        (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(() if modules is None else modules)

    @overload
    def __getitem__(self, i: int) -> Module: ...
    @overload
    def __getitem__(self, i: slice) -> ModuleList: ...
    def __getitem__(self, i: int | slice) -> Module:
        return ModuleList(self._list()[i]) if isinstance(i, slice) else self._list()[self._index(i)]

    def __add__(self, modules: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *modules])

    def __repr__(self) -> str:
        lines, start = [], 0
        for text, same in groupby(map(repr, self)):
            count = len(list(same))
            place = f"({start}): " if count == 1 else f"({start}-{start + count - 1}): {count} x "
            lines.append(place + text.replace("\n", "\n  "))
            start += count
        return f"{type(self).__name__}(" + "".join(f"\n  {line}" for line in lines) + ("\n)" if lines else ")")


class ModuleDict(Module):
    """A dictionary of modules whose parameters are found; it has no forward of its own.

    Example:
        >>> from pyflame import nn
        >>> heads = nn.ModuleDict({"left": nn.Linear(2, 1), "right": nn.Linear(2, 3)})
        >>> list(heads), heads["right"].out_features
        (['left', 'right'], 3)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(() if modules is None else modules)

    def __getitem__(self, key: str) -> Module:
        if key not in self._modules:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take out all modules."""
        for key in list(self._modules):
            delattr(self, key)

    def pop(self, key: str) -> Module:
        """Take out the module of a key and return it."""
        module = self[key]
        delattr(self, key)
        return module

    def keys(self) -> Iterable[str]:
        """Return the keys in order."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """Return the modules in order."""
        return [self[key] for key in self._modules]

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return pairs of key and module in order."""
        return [(key, self[key]) for key in self._modules]

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules."""
        for key, module in modules.items() if isinstance(modules, Mapping) else modules:
            self[key] = module
