"""Small programs for the simulator, built by hand from the IR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pyflame.csl.dsd import Dsd, DsdKind, pack_dsd
from pyflame.csl.ir import (
    NO_REG,
    SCALARS,
    Direction,
    DsdOp,
    DsdOptions,
    Export,
    Function,
    IdSpace,
    Instr,
    Operand,
    OperandKind,
    Program,
    Route,
    Span,
    Symbol,
    Task,
    TileClass,
)
from pyflame.csl.sim.simulator import Simulator

DTYPES = {"bool": np.uint8, "i16": np.int16, "u16": np.uint16, "i32": np.int32, "u32": np.uint32}
DTYPES |= {"f16": np.float16, "f32": np.float32, "u64": np.uint64, "i64": np.int64, "i8": np.int8, "u8": np.uint8}


@dataclass
class Tile:
    """Collects a tile class: variables get addresses, functions get spans (line = instruction number + 1)."""

    name: str = "tile"
    memory: bytearray = field(default_factory=bytearray)
    symbols: list[Symbol] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    dsd_ops: list[DsdOp] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def var(self, name: str, scalar: str, values: Any = None, count: int = 1, align: int = 4) -> int:
        """Place an array and export it; without `values` it counts as not initialised. Returns the address."""
        self.memory += b"\0" * (-len(self.memory) % align)
        address = len(self.memory)
        data = b"\0" * (SCALARS[scalar] * count)
        if values is not None:
            array = np.atleast_1d(np.asarray(values, dtype=DTYPES[scalar]))
            data, count = array.tobytes(), array.size
        self.memory += data
        self.symbols.append(Symbol(name, address, len(data), f"[{count}]{scalar}", scalar, count, values is not None))
        self.exports.append(Export(name, f"[*]{scalar}", True, address=address, scalar=scalar, direct=True))
        return address

    def fn(
        self, name: str, code: Sequence[Instr], params: Sequence[str] = (), result: str = "void", export: bool = True
    ) -> int:
        """Add a function; the last instruction is a return if it is not given. Returns its number."""
        code = list(code)
        if not code or code[-1].op not in ("ret", "jump", "trap"):
            code.append(Instr("ret", a=NO_REG))
        number = len(self.functions)
        used = [r for i in code for r in (i.dst, i.a, i.b) if r != NO_REG]
        spans = tuple(Span(0, line + 1, 1) for line in range(len(code)))
        self.functions.append(Function(name, tuple(params), result, max(used) + 9, tuple(code), spans))
        if export:
            self.exports.append(Export(name, "fn() void", function=number, params=tuple(params)))
        return number

    def task(self, space: IdSpace, id: int, name: str, code: Sequence[Instr], params: Sequence[str] = ()) -> None:
        self.tasks.append(Task(space, id, self.fn(name, code, params, export=False)))

    def dsd(self, name: str, *operands: Operand, **options: Any) -> Instr:
        """The instruction of a DSD operation."""
        self.dsd_ops.append(DsdOp(name, operands, DsdOptions(**options)))
        return Instr("dsd", imm=len(self.dsd_ops) - 1)

    def build(self) -> TileClass:
        return TileClass(
            self.name,
            bytes(self.memory),
            tuple(self.symbols),
            tuple(self.functions),
            tuple(self.tasks),
            tuple(self.exports),
            dsd_ops=tuple(self.dsd_ops),
            **self.extra,
        )


def const(dst: int, value: int) -> Instr:
    return Instr("const", dst, imm=value)


def mem(dst: int, address: int, length: int, size: int = 4, stride: int = 1) -> Instr:
    """A register with a mem1d DSD."""
    return const(dst, pack_dsd(Dsd(DsdKind.MEM1D, length=length, base=address, stride=stride, size=size)))


def fabric(dst: int, kind: DsdKind, length: int, color: int, queue: int, **fields: Any) -> Instr:
    return const(dst, pack_dsd(Dsd(kind, length=length, color=color, queue=queue, **fields)))


def reg(number: int) -> Operand:
    return Operand(OperandKind.DSD, number)


def scalar(number: int) -> Operand:
    return Operand(OperandKind.SCALAR, number)


def pointer(number: int) -> Operand:
    return Operand(OperandKind.POINTER, number)


UNBLOCK = Instr("unblock_cmd_stream")
W, E, S, N, R = Direction.WEST, Direction.EAST, Direction.SOUTH, Direction.NORTH, Direction.RAMP


def route(rx: Direction, tx: Direction, **fields: Any) -> Route:
    return Route(positions=((rx, tx),), **fields)


def grid(
    tiles: Sequence[Sequence[Tile]], routes: dict[tuple[int, int], dict[int, Route]] | None = None, **fields: Any
) -> Program:
    """A program of one tile per PE, rows from north to south; `routes` by (x, y)."""
    unique: list[Tile] = []
    for tile in (tile for line in tiles for tile in line):
        if all(tile is not known for known in unique):
            unique.append(tile)
    number = {id(tile): k for k, tile in enumerate(unique)}
    height, width = len(tiles), len(tiles[0])
    fields = {"arch": "wse3", **fields}
    return Program(
        width=width,
        height=height,
        classes=tuple(tile.build() for tile in unique),
        grid=tuple(tuple(number[id(tile)] for tile in line) for line in tiles),
        routes=tuple(tuple((routes or {}).get((x, y), {}) for x in range(width)) for y in range(height)),
        files=("pe.csl",),
        **fields,
    )


def running(program: Program, **options: Any) -> Simulator:
    simulator = Simulator(program, **options)
    simulator.load()
    simulator.run()
    return simulator


@dataclass(frozen=True)
class Kit:
    """What the tests of this folder build programs with."""

    Tile: type[Tile] = Tile
    const: Callable[..., Instr] = const
    mem: Callable[..., Instr] = mem
    fabric: Callable[..., Instr] = fabric
    reg: Callable[[int], Operand] = reg
    scalar: Callable[[int], Operand] = scalar
    pointer: Callable[[int], Operand] = pointer
    route: Callable[..., Route] = route
    grid: Callable[..., Program] = grid
    running: Callable[..., Simulator] = running


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()
