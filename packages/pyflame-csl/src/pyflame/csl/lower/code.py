"""Register code under construction: registers, jumps, and what the linker fills in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..comptime import scalars, types as t
from ..comptime.effects import TaskUse
from ..comptime.faults import Fault
from ..comptime.values import DsdValue, FunctionRef, Pointer, Storage, Value
from ..ir import NO_REG, DsdOp, DsrLoad, Map
from ..syntax.source import Source, Span

MAX_REGISTERS = 60_000
MAX_INSTRUCTIONS = 200_000
# Instructions whose `dst` is their result, so that a following move can be folded into them.
_NO_RESULT = frozenset(
    """store copy jump branch branch_not ret activate block unblock dsd map load_dsr assert trap tsc_enable tsc_disable
    tsc_reset unblock_cmd_stream router_write teardown_exit random_seed print""".split()
)


@dataclass(frozen=True)
class Reloc:
    """What the linker adds to the `imm` of an instruction.

    `kind` is addr (target `Storage`), dsd (`DsdValue`), function (`FunctionCode`), task or space (`TaskUse`), string
    (text), or the name of a table: dsd_ops, maps, dsr_loads.
    """

    at: int
    kind: str
    target: Any = None


@dataclass
class FunctionCode:
    """A lowered function. It is shared by all tile classes whose module instances agree, so addresses are left open."""

    name: str
    ref: FunctionRef
    params: tuple[str, ...] = ()
    result: str = "void"
    code: list[list[Any]] = field(default_factory=list)  # op, dst, a, b, imm
    starts: list[tuple[int, int]] = field(default_factory=list)  # span of each instruction
    source: Source = field(default_factory=lambda: Source(""))
    relocs: list[Reloc] = field(default_factory=list)
    dsd_ops: list[tuple[DsdOp, TaskUse | None]] = field(default_factory=list)
    maps: list[tuple[Map, FunctionCode, TaskUse | None]] = field(default_factory=list)
    dsr_loads: list[tuple[DsrLoad, TaskUse | None]] = field(default_factory=list)
    calls: dict[int, FunctionCode] = field(default_factory=dict)
    uses: list[tuple[str, TaskUse, tuple[int, int]]] = field(
        default_factory=list
    )  # activate, block or unblock of an id
    registers: int = 0
    failed: bool = False
    linked: Any = None


class Emitter:
    """Appends instructions to a function."""

    def __init__(self, function: FunctionCode) -> None:
        self.function = function
        self.code = function.code
        self.top = 0
        self.span = (0, 0)
        self.target = -1  # the last position that a jump goes to

    def fault(self, message: str) -> Fault:
        return Fault("too-complex", Span(self.function.source, *self.span), message, "split the function")

    def allocate(self) -> int:
        """A fresh register."""
        register = self.top
        self.top += 1
        if self.top > self.function.registers:
            if self.top > MAX_REGISTERS:
                raise self.fault(f"the function needs more than {MAX_REGISTERS} registers")
            self.function.registers = self.top
        return register

    def emit(self, op: str, dst: int = 0, a: int = 0, b: int = 0, imm: int = 0) -> int:
        """Append an instruction; its position."""
        if len(self.code) >= MAX_INSTRUCTIONS:
            raise self.fault(f"the function has more than {MAX_INSTRUCTIONS} instructions")
        self.code.append([op, dst, a, b, imm])
        self.function.starts.append(self.span)
        return len(self.code) - 1

    def compute(self, op: str, a: int = 0, b: int = 0, imm: int = 0) -> int:
        """Append an instruction with a result; its register."""
        dst = self.allocate()
        self.emit(op, dst, a, b, imm)
        return dst

    def relocate(self, kind: str, target: Any = None) -> None:
        """Have the linker complete the instruction just emitted."""
        self.function.relocs.append(Reloc(len(self.code) - 1, kind, target))

    def here(self) -> int:
        """The position of the next instruction, as the target of a jump."""
        self.target = len(self.code)
        return self.target

    def jump(self, op: str = "jump", condition: int = 0) -> int:
        """A jump whose target comes later; its position, for `land`."""
        return self.emit(op, a=condition)

    def land(self, *jumps: int) -> None:
        """Let jumps go to the next instruction."""
        if jumps:
            at = self.here()
            for jump in jumps:
                self.code[jump][4] = at

    def move(self, dst: int, source: int, fresh: int) -> None:
        """Copy a register; an instruction that just made it as a temporary (`fresh` or above) writes `dst` instead."""
        if dst == source:
            return
        last = self.code[-1] if self.code else None
        if (
            last is not None
            and source >= fresh
            and last[1] == source
            and last[0] not in _NO_RESULT
            and self.target != len(self.code)
        ):
            last[1] = dst
        else:
            self.emit("move", dst, source)

    def constant(self, value: Value) -> int:
        """A register with a known value, which has a machine type."""
        data, type_ = value.data, value.type
        if isinstance(data, DsdValue):
            register = self.compute("const")
            self.relocate("dsd", data)
        elif isinstance(data, Pointer):
            register = self.compute("const", imm=data.offset)
            self.relocate("addr", data.storage)
        else:
            register = self.compute("const", imm=scalars.bits_of(type_, data))
        return register

    def task_id(self, use: TaskUse) -> int:
        """A register with the id of a task."""
        register = self.compute("const", imm=use.id)
        if use.task is not None:
            self.relocate("task", use)
        return register

    def load(self, type_: t.Type, base: int | None, storage: Storage | None, offset: int) -> int:
        register = self.compute(f"load.{t.scalar_of(type_)}", NO_REG if base is None else base, imm=offset)
        if storage is not None:
            self.relocate("addr", storage)
        return register

    def store(self, type_: t.Type, base: int | None, storage: Storage | None, offset: int, source: int) -> None:
        self.emit(f"store.{t.scalar_of(type_)}", 0, NO_REG if base is None else base, source, offset)
        if storage is not None:
            self.relocate("addr", storage)
