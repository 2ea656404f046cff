"""Looking at a graph backwards from a value: what it is computed from, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyflame.graph.ir import Node, Value

from ..program import Program
from ..table import Array


class NoMatch(Exception):
    """The graph is something else here."""


@dataclass(frozen=True)
class Match:
    """A composition that is written as other nodes than its own.

    Attributes:
        inputs: what it reads.
        emit: `(context, *operands) -> name or names`.
        inside: numbers of the nodes that vanish; nothing else may read them.
        since: the first opset it can be written in.
    """

    inputs: tuple[Value, ...]
    emit: Callable[..., Any]
    inside: frozenset[int] = frozenset()
    since: int = 13


class View:
    """A graph as patterns see it.

    Args:
        program: the graph.
        constants: values that were computed beforehand.
    """

    def __init__(self, program: Program, constants: Mapping[Value, Array]) -> None:
        self.program = program
        self.constants = constants
        self.results = {value.node_id for value in program.graph.outputs}
        self.visited: list[int] = []

    def op(self, value: Value, *kinds: str) -> Node:
        """The node of a value, which must be one of some operations.

        Raises:
            NoMatch: it is not.
        """
        node = self.program.node(value)
        if node.op_type not in kinds or value.index:
            raise NoMatch
        self.visited.append(node.id)
        return node

    def is_op(self, value: Value, *kinds: str) -> bool:
        """Whether a value is made by one of some operations."""
        return self.program.node(value).op_type in kinds and value.index == 0

    def number(self, value: Value) -> float | None:
        """A constant number; None for anything else."""
        if value in self.constants:
            array = self.constants[value]
        else:
            node = self.program.node(value)
            row = self.program.row(node)
            if node.op_type == "full" and all(one.attrs["value"] == node.attrs["value"] for one in row):
                return float(node.attrs["value"]) if node.output_spec.numel() == 1 else None
            if node.op_type == "cast":
                return self.number(node.inputs[0])
            if not node.is_constant or node.value is None:
                return None
            array = node.value
            if array.size == 1 and any(one.value is None or not np.array_equal(one.value, array) for one in row):
                return None
        return float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "fiub" else None

    def need(self, condition: bool) -> None:
        """Stop unless a condition holds.

        Raises:
            NoMatch: it does not.
        """
        if not condition:
            raise NoMatch

    def near(self, value: Value, number: float) -> None:
        """A constant close to a number.

        Raises:
            NoMatch: it is not.
        """
        found = self.number(value)
        self.need(found is not None and abs(found - number) <= 1e-6 * max(abs(number), 1e-30))

    def scaled(self, value: Value, kind: str = "mul") -> tuple[Value, float]:
        """The operand and the constant of a binary operation, on either side where order does not matter.

        Raises:
            NoMatch: it has no constant operand.
        """
        node = self.op(value, kind)
        a, b = node.inputs
        if (number := self.number(b)) is not None:
            return a, number
        if kind in ("mul", "add", "maximum", "minimum") and (number := self.number(a)) is not None:
            return b, number
        raise NoMatch

    def either(self, node: Node, test: Callable[[Value, Value], Any]) -> Any:
        """Try both orders of the operands.

        Raises:
            NoMatch: neither fits.
        """
        a, b = node.inputs
        before = len(self.visited)
        try:
            return test(a, b)
        except NoMatch:
            del self.visited[before:]
            return test(b, a)

    def rank(self, value: Value) -> int:
        """How many axes a value has."""
        return len(self.program.spec(value).shape)

    def alone(self, root: int, inside: Sequence[int]) -> bool:
        """Whether nothing outside reads the nodes that would vanish."""
        own = {root, *inside}
        for id in own - {root}:
            if id in self.results or any(user.id not in own for user in self.program.graph.node(id).users):
                return False
        return True


Pattern = Callable[[View, Node], Match]
