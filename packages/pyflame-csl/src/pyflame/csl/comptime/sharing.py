"""What tile classes share: results are kept with all that they were made from, and taken where the same is found again.

PEs that differ in a few parameters run mostly the same code. A global or a lowered function is therefore stored with
the names it read and what they meant. Another instance of the same file at the same import site may use it if these
names mean the same there. Functions and modules of two tile classes correspond to each other; everything else must be
equal.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .values import FunctionRef, Storage, Value

if TYPE_CHECKING:
    from .modules import Instance

MAX_CANDIDATES = 64


@dataclass
class Record:
    """What a result was made from: names read, and functions called (reference, binding, types, result, code)."""

    reads: dict[tuple[Instance, str], Any] = field(default_factory=dict)
    calls: dict[int, tuple[FunctionRef, Any, Any, Any, Any]] = field(default_factory=dict)  # by the code called


@dataclass(eq=False)
class Family:
    """All instances of one file at one import site; a tile class has at most one of them."""

    globals: dict[str, list[tuple[Record, Any]]] = field(default_factory=dict)
    functions: dict[Hashable, list[tuple[Record, Any]]] = field(default_factory=dict)


Members = dict[Family, "Instance"]


def same(a: Any, b: Any, members: Members) -> bool:
    """Whether the meaning `a` of a name in some tile class is `b` in that of `members`."""
    if type(a) is not Value or type(b) is not Value:
        return a is b
    if a.type != b.type:
        return False
    x, y = a.data, b.data
    if type(x) is not type(y):
        return False
    if type(x) is FunctionRef:
        return x.decl is y.decl and members.get(x.instance.family) is y.instance
    if type(x) is dict:
        return x.keys() == y.keys() and all(same(x[name], y[name], members) for name in x)
    if type(x) is list or type(x) is float:
        return repr(x) == repr(y)  # tells -0.0 from 0.0
    if hasattr(x, "family"):
        return members.get(x.family) is y
    return bool(x == y)


def verified(record: Record, members: Members) -> bool:
    """Whether all names that a result was made from mean the same in the tile class of `members`."""
    for (instance, name), meaning in record.reads.items():
        here = members.get(instance.family)
        if here is instance:
            continue
        if here is None:
            return False
        known = here.compared.get((instance, name))
        if known is None:
            known = here.compared[instance, name] = same(meaning, here.get(name), members)
        if not known:
            return False
    return True


def shareable(found: Any) -> bool:
    """Whether a global's meaning names no function or module, which belong to one instance."""
    if type(found) is Storage:
        found = found.value
    if type(found) is not Value:
        return True
    data = found.data
    if type(data) is dict:
        return all(shareable(entry) for entry in data.values())
    if type(data) is list:
        return not data or not isinstance(data[0], FunctionRef | dict)
    return not isinstance(data, FunctionRef) and not hasattr(data, "family")
