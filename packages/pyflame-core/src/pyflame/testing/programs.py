"""Straight-line programs over tensors as data, so that one program can run lazily, eagerly and unfused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType
from .bridge import Array, to_tensor


@dataclass(frozen=True)
class Number:
    """A Python scalar operand."""

    value: int | float

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Leaf:
    values: Array
    dtype: DType
    requires_grad: bool = False

    def tensor(self) -> Tensor:
        tensor = to_tensor(self.values, self.dtype)
        if self.requires_grad:
            tensor.requires_grad = True
        return tensor

    def __str__(self) -> str:
        values = self.values.tolist() if self.values.size < 9 else "..."
        return f"leaf({self.dtype.name}, {self.values.shape}, {values}{', requires grad' * self.requires_grad})"


@dataclass(frozen=True)
class Instruction:
    """`slots` = op(*inputs, **attrs). Integers among the inputs are slots, a tuple of them is a list of tensors."""

    op: str
    inputs: tuple[int | Number | Leaf | tuple[int, ...], ...]
    attrs: dict[str, Any]
    slots: tuple[int, ...]

    def reads(self) -> set[int]:
        found: set[int] = set()
        for item in self.inputs:
            found.update(item if isinstance(item, tuple) else {item} if isinstance(item, int) else ())
        return found

    def record(self, tensors: dict[int, Tensor]) -> tuple[Tensor, ...]:
        if isinstance(self.inputs[0] if self.inputs else None, Leaf):
            return tuple(leaf.tensor() for leaf in self.inputs if isinstance(leaf, Leaf))
        arguments: list[Any] = []
        for item in self.inputs:
            if isinstance(item, tuple):
                arguments.append([tensors[slot] for slot in item])
            else:
                arguments.append(
                    item.value if isinstance(item, Number) else tensors[item] if isinstance(item, int) else item
                )
        result = getattr(_core.ops, self.op)(*arguments, **self.attrs)
        return result if isinstance(result, tuple) else (result,)

    def __str__(self) -> str:
        attrs = "".join(f", {name}={value}" for name, value in self.attrs.items())
        call = str(self.inputs[0]) if self.op == "leaf" else f"{self.op}({', '.join(map(str, self.inputs))}{attrs})"
        return f"{', '.join(map(str, self.slots))} = {call}"


@dataclass
class Program:
    """`kept` slots stay referred to; every other handle goes after its last reader. `evaluations` are groups of slots
    evaluated together after an instruction, `order` the groups of kept slots evaluated at the end."""

    instructions: list[Instruction] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)
    evaluations: dict[int, list[int]] = field(default_factory=dict)
    order: list[list[int]] = field(default_factory=list)

    def last_uses(self) -> dict[int, int]:
        last = {}
        for position, instruction in enumerate(self.instructions):
            for slot in (*instruction.reads(), *instruction.slots):
                last[slot] = position
        return last

    def restricted(self, slots: Sequence[int]) -> Program:
        """What the slots depend on, and nothing else kept: a first step of minimising."""
        needed, instructions = set(slots), []
        for instruction in reversed(self.instructions):
            if needed & set(instruction.slots):
                needed |= instruction.reads()
                instructions.append(instruction)
        return Program(instructions[::-1], set(slots), {}, [list(slots)])

    def __str__(self) -> str:
        lines = []
        for position, instruction in enumerate(self.instructions):
            lines.append(str(instruction))
            if position in self.evaluations:
                lines.append(f"eval {self.evaluations[position]}")
        return "\n".join([*lines, f"kept {sorted(self.kept)}", f"eval in order {self.order}"])


def build(program: Program) -> dict[int, Tensor]:
    """Records the program, dropping handles as it says. Returns the kept ones."""
    tensors: dict[int, Tensor] = {}
    last = program.last_uses()
    for position, instruction in enumerate(program.instructions):
        tensors.update(zip(instruction.slots, instruction.record(tensors), strict=True))
        for slot in (*instruction.reads(), *instruction.slots):
            if last[slot] == position and slot not in program.kept:
                tensors.pop(slot, None)
        if position in program.evaluations:
            _core.eval([tensors[slot] for slot in program.evaluations[position] if slot in tensors])
    return tensors


def run(program: Program) -> dict[int, Tensor]:
    """Builds the program and evaluates its kept slots in the program's order."""
    tensors = build(program)
    for group in program.order:
        _core.eval([tensors[slot] for slot in group])
    return tensors
