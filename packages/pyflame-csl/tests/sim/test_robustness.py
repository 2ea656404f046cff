"""Random programs: whatever the code is, it is refused, runs, or ends with a diagnostic; the process lives on."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyflame.csl import _sim
from pyflame.csl.dsd import Dsd, DsdKind, pack_dsd
from pyflame.csl.ir import (
    Descriptor,
    DsdOptions,
    DsrFile,
    DsrLoad,
    Fifo,
    Filter,
    IdSpace,
    Instr,
    Map,
    Operand,
    OperandKind,
)
from pyflame.csl.sim import SimulationError

PROGRAMS = 250
SPECIAL = [0, 1, 2, 4, 7, 100, 0x7FFF, 0xFFFF, 49148, 49152, 0xF800, 0xFE40, (1 << 32) - 1, (1 << 63), (1 << 64) - 1]


def word(rng: random.Random) -> int:
    if rng.random() < 0.5:
        return rng.choice(SPECIAL)
    kind = DsdKind(rng.randrange(7))
    fields = {"length": rng.choice([0, 1, 3, 20, 0x7FFF, 0xFFFF]), "color": rng.randrange(8), "queue": rng.randrange(8)}
    fields |= {"base": rng.choice([0, 64, 200, 48000, 65535]), "stride": rng.choice([-128, -1, 0, 1, 3, 127])}
    fields |= {"size": rng.choice([1, 2, 4, 8]), "table": rng.randrange(4), "control": rng.random() < 0.2}
    return pack_dsd(Dsd(kind, **fields))


def operand(rng: random.Random, good: bool) -> Operand:
    return Operand(OperandKind(rng.randrange(4)), rng.randrange(8 if good else 30), DsrFile(rng.randrange(3)))


def options(rng: random.Random) -> DsdOptions:
    def maybe() -> int:
        return rng.randrange(8) if rng.random() < 0.2 else 0xFFFF

    return DsdOptions(
        rng.random() < 0.5,
        maybe(),
        maybe(),
        IdSpace(rng.randrange(6)),
        maybe(),
        maybe(),
        maybe(),
        0,
        rng.random() < 0.3,
    )


def instruction(rng: random.Random, good: bool, size: int) -> Instr:
    limit = 8 if good else rng.choice([8, 12, 70000])
    dst, a, b = (rng.randrange(limit) & 0xFFFF for _ in range(3))
    op = rng.choice(_sim.OPS)
    if rng.random() < 0.4:
        op = rng.choice(
            ["const", "dsd", "map", "load_dsr", "call", "branch", "activate", "unblock", "copy", "dsd_base"]
        )
    imm = rng.randrange(-2, 40)
    if good:
        if op in ("jump", "branch", "branch_not"):
            imm = rng.randrange(size)
        elif op in ("dsd", "load_dsr"):
            imm = rng.randrange(8)
        elif op == "map":
            imm = 0
        elif op in ("call", "assert", "trap", "print"):
            imm, a = 0, min(a, 6)
        elif op in ("activate", "block", "unblock"):
            imm = rng.randrange(6)
        elif op == "copy":
            imm = rng.choice([0, 4, 100, 70000])
        elif op == "const":
            imm = word(rng)
    return Instr(op, dst, a, b, imm)


def random_program(kit: Any, rng: random.Random, good: bool) -> Any:
    tile = kit.Tile()
    tile.var("x", "f32", [1.0] * 64)
    ops = []
    for _ in range(8):
        name = rng.choice(_sim.DSD_OPS)
        count = _sim.dsd_operands(_sim.DSD_OPS.index(name)) if good else rng.randrange(5)
        operands = [operand(rng, good) for _ in range(count)]
        if good and operands and operands[0].kind is OperandKind.SCALAR:
            operands[0] = Operand(OperandKind.POINTER, operands[0].value)
        ops.append((name, tuple(operands)))
    for name, operands in ops:
        tile.dsd(name, *operands)
    tile.extra = {
        "strings": ("text {}\n",),
        "descriptors": (Descriptor((2, 3), (4, 1), 0), Descriptor((), (), 5), Descriptor((0,), (1,), 0)),
        "fifos": (Fifo(64, 3, 4),),
        "input_queues": {2: 1, 3: 2},
        "output_queues": {2: 1, 3: 3},
        "dsr_loads": tuple(
            DsrLoad(DsrFile(rng.randrange(3)), rng.randrange(16), rng.randrange(8), options(rng)) for _ in range(8)
        ),
        "maps": (Map(0, (operand(rng, good), operand(rng, good)), ("f32", "i16"), Operand(OperandKind.DSD, 1), "f32"),),
        "teardown_handlers": {4: 1},
        "active": ((IdSpace.LOCAL_TASK, 8),),
    }
    size = rng.randrange(3, 25)
    constants = [kit.const(k, word(rng)) for k in range(8)]
    tile.fn("main", [*constants, *(instruction(rng, good, size) for _ in range(size))], ["f32", "i16"], "f32")
    for number, space in ((8, IdSpace.LOCAL_TASK), (2, IdSpace.DATA_TASK), (5, IdSpace.CONTROL_TASK)):
        tile.task(
            space, number, "task", [*constants, *(instruction(rng, good, size) for _ in range(size))], ["u16", "u16"]
        )
    sides = [1, 2, 4, 8, 16]
    routes = {}
    for x in range(2):
        for y in range(2):
            entry = {c: kit.route(rng.choice(sides), rng.randrange(32), teardown=c == 4) for c in range(5)}
            entry[3] = kit.route(
                rng.choice(sides), rng.randrange(32), filter=Filter("counter", {"limit1": 1, "count_data": 1})
            )
            routes[x, y] = entry
    return kit.grid([[tile, tile], [tile, tile]], routes, arch=rng.choice(["wse2", "wse3"]), streams={"MEMCPYH2D_1": 2})


@pytest.mark.parametrize("good", [True, False], ids=["well-formed", "malformed"])
def test_random_programs(kit: Any, good: bool) -> None:
    ran = refused = 0
    for seed in range(PROGRAMS):
        rng = random.Random(seed)
        program = random_program(kit, rng, good)
        try:
            simulator = kit.running(
                program, max_cycles=20_000, mode=rng.choice(["functional", "cycle"]), sched_seed=seed % 3
            )
        except ValueError:
            refused += 1
            continue
        ran += 1
        try:
            simulator.launch("main", 1.0, 2)
            simulator.stop()
        except SimulationError as error:
            assert error.run_diagnostics
    if good:
        assert ran == PROGRAMS
    else:
        assert refused > PROGRAMS // 2


def test_runs_are_deterministic(kit: Any) -> None:
    def outcome(seed: int) -> tuple[Any, ...]:
        simulator = kit.running(random_program(kit, random.Random(seed), True), max_cycles=20_000, trace=True)
        try:
            simulator.launch("main", 1.0, 2)
            simulator.stop()
        except SimulationError as error:
            return tuple(map(str, error.run_diagnostics)), simulator.cycles, str(simulator.trace())
        return simulator.cycles, str(simulator.trace())

    for seed in range(30):
        assert outcome(seed) == outcome(seed)
