"""Names in reach of a piece of code."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ..syntax import ast
from ..syntax.source import Span
from .types import Type
from .values import Place, Register, Storage, Value

if TYPE_CHECKING:
    from .modules import Instance


class Local:
    """A run-time variable that lives in a register."""

    __slots__ = ("reg", "type")

    def __init__(self, type_: Type, reg: int) -> None:
        self.type = type_
        self.reg = reg


Result: TypeAlias = Value | Register | Place
Binding: TypeAlias = Value | Register | Place | Storage | Local


class Scope:
    """The names of a block; `instance` is the module whose globals lie behind the outermost one."""

    __slots__ = ("instance", "names", "parent")

    def __init__(self, instance: Instance, parent: Scope | None = None) -> None:
        self.instance = instance
        self.parent = parent
        self.names: dict[str, Binding] = {}

    def lookup(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def span(self, node: ast.Node) -> Span:
        return Span(self.instance.source, node.start, node.end)

    def all_names(self) -> set[str]:
        """Every name in reach, for suggestions."""
        names: set[str] = set()
        scope: Scope | None = self
        while scope is not None:
            names |= scope.names.keys()
            scope = scope.parent
        return names | self.instance.file.decls.keys()
