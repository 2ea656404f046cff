"""Speed and memory of the simulator: scalar code, wavelet hops, a large rectangle; CPU time, best of several runs."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence

import numpy as np

from pyflame.csl.dsd import Dsd, DsdKind, pack_dsd
from pyflame.csl.ir import (
    NO_REG,
    Direction,
    DsdOp,
    DsdOptions,
    Export,
    Function,
    Instr,
    Operand,
    OperandKind,
    Program,
    Route,
    Span,
    Symbol,
    TileClass,
)
from pyflame.csl.sim import Simulator

_UNBLOCK = Instr("unblock_cmd_stream")
_RETURN = Instr("ret", a=NO_REG)
_COLOR, _QUEUE = 5, 2


def _tile(name: str, code: Sequence[Instr], count: int = 1, **fields: object) -> TileClass:
    code = (*code, _UNBLOCK, _RETURN)
    function = Function("main", (), "void", 16, code, (Span(),) * len(code))
    symbol = Symbol("x", 0, 4 * count, f"[{count}]u32", "u32", count)
    exports = (Export("main", "fn() void", function=0), Export("x", "[*]u32", address=0, scalar="u32", direct=True))
    memory = np.arange(count, dtype=np.uint32).tobytes()
    return TileClass(name, memory, (symbol,), (function,), (), exports, **fields)  # type: ignore[arg-type]


def scalar_program(iterations: int) -> Program:
    """A loop with a load, an addition, a store and its control."""
    code = [Instr("const", 0), Instr("const", 1, imm=iterations), Instr("const", 2, imm=1)]
    code += [Instr("load.u32", 3, NO_REG), Instr("add.u32", 3, 3, 2), Instr("store.u32", 0, NO_REG, 3)]
    code += [Instr("add.u32", 0, 0, 2), Instr("lt.u32", 4, 0, 1), Instr("branch", a=4, imm=3)]
    return Program("wse3", 1, 1, (_tile("loop", code),), ((0,),), (({},),), ())


def stream_program(width: int, height: int, count: int) -> Program:
    """Each row of PEs carries `count` wavelets from its first to its last PE."""
    operands = (Operand(OperandKind.DSD, 0), Operand(OperandKind.DSD, 1))

    def move(kind: DsdKind) -> list[Instr]:
        words = [pack_dsd(Dsd(DsdKind.MEM1D, count, size=4)), pack_dsd(Dsd(kind, count, color=_COLOR, queue=_QUEUE))]
        words = words[::-1] if kind is DsdKind.FABOUT else words
        return [Instr("const", k, imm=word) for k, word in enumerate(words)] + [Instr("dsd")]

    ops = (DsdOp("mov32", operands, DsdOptions(is_async=True)),)
    classes = (
        _tile("first", move(DsdKind.FABOUT), count, dsd_ops=ops, output_queues={_QUEUE: _COLOR}),
        _tile("middle", ()),
        _tile("last", move(DsdKind.FABIN), count, dsd_ops=ops, input_queues={_QUEUE: _COLOR}),
    )
    west, east, ramp = Direction.WEST, Direction.EAST, Direction.RAMP
    sides = [(ramp, east), *[(west, east)] * (width - 2), (west, ramp)]
    routes = tuple({_COLOR: Route((pair,))} for pair in sides)
    row = (0, *[1] * (width - 2), 2)
    return Program("wse3", width, height, classes, (row,) * height, (routes,) * height, ())


def run(program: Program) -> tuple[Simulator, float]:
    """The simulator at the end, and the CPU seconds of launch and run."""
    simulator = Simulator(program, mode="cycle")
    simulator.load()
    simulator.run()
    begin = time.process_time()
    simulator.launch("main")
    simulator.stop()
    return simulator, time.process_time() - begin


def best(make: Callable[[], Program], repeats: int) -> tuple[Simulator, float]:
    return min((run(make()) for _ in range(repeats)), key=lambda pair: pair[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    simulator, seconds = best(lambda: scalar_program(5_000_000), repeats)
    print(f"scalar code: {simulator.cycles / seconds / 1e6:.0f} M PE-cycles/s", end=", ")
    print(f"{int(simulator.stats()['instructions'].sum()) / seconds / 1e6:.0f} M instructions/s")
    for width, height, count in ((64, 1, 8000), (64, 64, 2000)):
        simulator, seconds = best(lambda w=width, h=height, n=count: stream_program(w, h, n), repeats)  # type: ignore[misc]
        hops = simulator.stats()["hops"]
        assert hops == (width - 1) * height * count
        print(f"{width} x {height} PEs, {count} wavelets a row: {hops / seconds / 1e6:.1f} M hops/s", end=", ")
        print(f"{simulator.stats()['bytes'] / 1e6:.0f} MB of simulator state")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
