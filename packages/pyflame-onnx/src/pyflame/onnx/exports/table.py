"""The table of export maps: operation of the graph IR -> function that writes its ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

import pyflame as pf
from pyflame.graph.ir import Node, Value

from .dims import Dim
from .emitter import Emitter
from .program import DynamicShapeError, Program, describe

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Context:
    """One node while it is exported.

    Attributes:
        e: writes ONNX nodes.
        program: the graph, at several sizes if axes are dynamic.
        node: the node.
        used: for each of its outputs whether anything reads it.
    """

    e: Emitter
    program: Program
    node: Node
    used: tuple[bool, ...] = (True,)

    @property
    def opset(self) -> int:
        """The version of the standard operators that may be used."""
        return self.e.opset

    @property
    def dtype(self) -> pf.DType:
        """The dtype of the first result."""
        return self.node.output_dtype

    def shape(self, index: int | None = None) -> tuple[Dim, ...]:
        """The sizes of an operand, or of the first result."""
        return self.program.shape(Value(self.node.id) if index is None else self.node.inputs[index])

    def rank(self, index: int | None = None) -> int:
        """How many axes an operand has, or the first result."""
        return len(self.shape(index))

    def dtype_of(self, index: int) -> pf.DType:
        """The dtype of an operand."""
        return self.program.spec(self.node.inputs[index]).dtype

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute that does not depend on dynamic axes."""
        return self.program.fixed(self.node, name, default)

    def size(self, name: str) -> Dim:
        """A whole number that may depend on dynamic axes."""
        found: Dim = self.program.attr(self.node, name)
        return found

    def axis(self, index: int = 0, name: str = "dim") -> int:
        """An axis of an operand, counted from the front."""
        value: int = self.attr(name)
        return value % max(self.rank(index), 1)

    def axes(self, index: int = 0) -> list[int]:
        """The axes of a reduction, counted from the front."""
        rank, found = self.rank(index), self.attr("dim")
        listed: Sequence[int] = range(rank) if found is None else [found] if isinstance(found, int) else found
        return [one % max(rank, 1) for one in listed] if rank else []

    def refuse(self, what: str) -> DynamicShapeError:
        """The error for something that depends on a dynamic axis and must not."""
        return DynamicShapeError(
            f"[onnx] {describe(self.node)}: {what} depends on a dynamic axis in a way that has no ONNX form here: make "
            "the axis static"
        )


EXPORTS: dict[str, Callable[..., Any]] = {}
# Operations of the IR that no map exists for, with the reason and what to do.
UNSUPPORTED: dict[str, str] = {}


def exports(*ops: str) -> Callable[[Function], Function]:
    """Register the decorated function `(context, *operands) -> name or names` for operations of the IR.

    Raises:
        ValueError: one of them has a map, or is listed as unsupported.
    """

    def register(function: Function) -> Function:
        for op in ops:
            if op in EXPORTS or op in UNSUPPORTED:
                raise ValueError(f"[onnx] {op} has an entry already")
            EXPORTS[op] = function
        return function

    return register


def unsupported(reason: str, *ops: str) -> None:
    """List operations without a map.

    Raises:
        ValueError: one of them has a map or a reason.
    """
    for op in ops:
        if op in EXPORTS or op in UNSUPPORTED:
            raise ValueError(f"[onnx] {op} has an entry already")
        UNSUPPORTED[op] = reason


Array = np.ndarray[Any, Any]
