"""Operations made in Python while the program runs: the table of their names, and their attributes as bytes."""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes

MAX_OUTPUTS = 4
_BY_NAME = {dtype.name: dtype for dtype in all_dtypes}


class NamedOp:
    """An operation made in Python while the program runs: what graphs need to know of it."""

    __slots__ = ("_declared", "_number", "category", "name", "num_outputs")

    name: str
    category: str
    num_outputs: int
    _declared: tuple[tuple[str, bool], ...] | None
    _number: int

    def _enter(self, name: str, num_outputs: int, category: str, *, override: bool = False) -> NamedOp | None:
        """Takes a name and a number; who had the name before."""
        if not 1 <= num_outputs <= MAX_OUTPUTS:
            raise ValueError(f"[{name}] num_outputs is {num_outputs}: expected 1 to {MAX_OUTPUTS}")
        taken = name in _table and not (override and type(_table[name]) is type(self))
        if taken or hasattr(_core.ops, name):
            raise ValueError(f"[{name}] an operation of this name exists: choose another name")
        self.name = name
        self.num_outputs = num_outputs
        self.category = category
        self._declared = None
        self._number = _core.add_host_op(self, name)
        previous = _table.get(name)
        _table[name] = self
        return previous

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        """Record the operation."""
        raise NotImplementedError

    def replay(self, operands: Sequence[Tensor], attrs: Mapping[str, Any]) -> Any:
        """Record the operation as a graph holds it."""
        return self(*operands, **attrs)

    def remove(self) -> None:
        """Free the name. Tensors that are already recorded can still be computed."""
        if _table.get(self.name) is self:
            del _table[self.name]

    @property
    def attrs(self) -> tuple[tuple[str, bool], ...]:
        """Names of the attributes, and whether each is required."""
        raise NotImplementedError

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _attributes(self, data: bytes) -> dict[str, Any]:
        return dict(unpacked(data))

    def _several(self, items: Any, function: str) -> tuple[Any, ...]:
        if not isinstance(items, tuple | list) or len(items) != self.num_outputs:
            got = f"{len(items)}" if isinstance(items, tuple | list) else type(items).__name__
            raise RuntimeError(f"[{self.name}] {function} must give a tuple of {self.num_outputs}, got {got}")
        return tuple(items)

    def _gradients(
        self, found: Sequence[Any], inputs: Sequence[Tensor], needed: Sequence[bool], function: str
    ) -> list[Tensor | None]:
        if len(found) != len(inputs):
            raise RuntimeError(f"[{self.name}] {function} gave {len(found)} gradients for {len(inputs)} inputs")
        return [
            self._gradient(i, gradient, like, function) if need and gradient is not None else None
            for i, (gradient, like, need) in enumerate(zip(found, inputs, needed))
        ]

    def _gradient(self, i: int, gradient: Tensor, like: Tensor, function: str) -> Tensor:
        if not isinstance(gradient, Tensor):
            got = type(gradient).__name__
            raise TypeError(f"[{self.name}] {function} gave {got} for input {i}: expected a Tensor or None")
        if tuple(gradient.shape) != tuple(like.shape):
            raise RuntimeError(
                f"[{self.name}] {function} gave shape {tuple(gradient.shape)} for input {i} of shape "
                f"{tuple(like.shape)}: sum over the dimensions that broadcasting added"
            )
        return gradient if gradient.dtype is like.dtype else _core.ops.cast(gradient, like.dtype)

    def _explain(self, error: BaseException, line: int, what: str) -> None:
        file, number, _ = _core.source_line(line)
        where = "" if file is None else f", called at {file}:{number}"
        error.add_note(f"in {what}op {self.name}{where}")


_table: dict[str, NamedOp] = {}


def find(name: str) -> NamedOp | None:
    """The operation of a name that was made in Python."""
    return _table.get(name)


def put_back(current: NamedOp | None, previous: NamedOp | None) -> None:
    """Undoes a change of the table, unless the name has gone to somebody else since."""
    op = current or previous
    if op is None or _table.get(op.name) is not current:
        return
    if previous is None:
        del _table[op.name]
    else:
        _table[op.name] = previous


def named_ops() -> tuple[NamedOp, ...]:
    """All operations made in Python, in the order they were made."""
    return tuple(_table.values())


# Attributes travel as bytes: equal values give equal bytes. A tuple is written as a list, a dtype as a tuple of its
# name.


def _plain(name: str, attr: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [_plain(name, attr, item) for item in value]
    if isinstance(value, DType):
        return (value.name,)
    raise TypeError(
        f"[{name}] {attr}: expected None, a bool, number, text, dtype or a tuple of these, got {type(value).__name__}"
    )


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    return _BY_NAME[value[0]] if isinstance(value, tuple) else value


def packed(name: str, attrs: Mapping[str, Any]) -> bytes:
    # Version 0 has no references between equal objects, which would make bytes depend on identity.
    return marshal.dumps([(key, _plain(name, key, attrs[key])) for key in sorted(attrs)], 0)


NO_ATTRS = marshal.dumps([], 0)


@lru_cache(maxsize=256)
def unpacked(data: bytes) -> tuple[tuple[str, Any], ...]:
    return tuple((key, _restored(value)) for key, value in marshal.loads(data))
