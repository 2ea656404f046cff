"""Memory that an asynchronous operation still uses: who may touch it and who may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyflame.csl.dsd import Dsd, DsdKind, pack_dsd
from pyflame.csl.ir import Descriptor, Direction, IdSpace, Instr, Map

R = Direction.RAMP
UNBLOCK = Instr("unblock_cmd_stream")
COUNT = 10


class Loop:
    """A PE that sends `x` to itself, into `y`, without waiting; then it runs `code`."""

    def __init__(self, kit: Any, into: Any = None, **options: Any) -> None:
        self.kit = kit
        self.tile = tile = kit.Tile()
        tile.extra = {"output_queues": {2: 5}, "input_queues": {3: 5}}
        self.x = tile.var("x", "u32", np.arange(COUNT))
        self.y = tile.var("y", "u32", np.zeros(2 * COUNT))
        self.other = tile.var("other", "u32", np.zeros(COUNT))
        send = [kit.mem(0, self.x, COUNT), kit.fabric(1, DsdKind.FABOUT, COUNT, 5, 2)]
        receive = [into or kit.mem(2, self.y, COUNT), kit.fabric(3, DsdKind.FABIN, COUNT, 5, 3)]
        self.start = [*send, *receive, tile.dsd("mov32", kit.reg(1), kit.reg(0), is_async=True)]
        self.start += [kit.const(9, 10), tile.dsd("mov32", kit.reg(2), kit.reg(3), is_async=True, **options)]

    def races(self, code: list[Instr]) -> list[str]:
        self.tile.fn("main", [*self.start, *code, UNBLOCK])
        simulator = self.kit.running(self.kit.grid([[self.tile]], {(0, 0): {5: self.kit.route(R, R)}}))
        simulator.launch("main")
        simulator.stop()
        assert simulator.get_symbol(0, 0, "x")[COUNT - 1] in (COUNT - 1, 0)
        return [str(found) for found in simulator.diagnostics if found.code == "memory-race"]


def load(address: int) -> Instr:
    return Instr("load.u32", 4, 0xFFFF, imm=address)


def store(address: int) -> Instr:
    return Instr("store.u32", 0, 0xFFFF, 5, address)


def test_both_places_are_named(kit: Any) -> None:
    loop = Loop(kit)
    (text,) = loop.races([load(loop.y + 4)])
    assert text.startswith(f"pe.csl:{len(loop.start) + 1}:1: warning: PE (0, 0), cycle ")
    assert "reads byte address 44 (y + 4 bytes)" in text
    assert f"operation of pe.csl:{len(loop.start)}:1 (microthread 3) still writes" in text


def test_a_source_may_be_read_and_not_written(kit: Any) -> None:
    loop = Loop(kit)
    assert loop.races([load(loop.x)]) == []
    loop = Loop(kit)
    (text,) = loop.races([store(loop.x + 36)])
    assert "microthread 2) still reads" in text


def test_other_memory_is_free(kit: Any) -> None:
    loop = Loop(kit)
    assert loop.races([load(loop.other), store(loop.other), store(loop.y + 4 * COUNT)]) == []


def test_a_stride_leaves_gaps(kit: Any) -> None:
    def strided() -> Loop:
        return Loop(kit, kit.mem(2, 4 * COUNT, COUNT, stride=2))

    loop = strided()
    assert loop.races([store(loop.y + 4), load(loop.y + 12)]) == []
    loop = strided()
    assert len(loop.races([store(loop.y + 8)])) == 1


def test_four_dimensions_leave_gaps(kit: Any) -> None:
    def nested() -> Loop:
        loop = Loop(kit, kit.const(2, pack_dsd(Dsd(DsdKind.MEM4D, length=1, base=4 * COUNT, size=4, table=0))))
        loop.tile.extra["descriptors"] = (Descriptor((5, 2), (4, 1)),)
        return loop

    loop = nested()
    assert loop.races([load(loop.y + 8), load(loop.y + 28)]) == []
    loop = nested()
    assert len(loop.races([load(loop.y + 36)])) == 1


@pytest.mark.parametrize(("target", "source", "races"), [("other", "x", 0), ("other", "y", 1), ("x", "other", 1)])
def test_a_second_operation(kit: Any, target: str, source: str, races: int) -> None:
    loop = Loop(kit)
    operands = [kit.mem(6, getattr(loop, target), COUNT), kit.mem(7, getattr(loop, source), COUNT)]
    assert len(loop.races([*operands, loop.tile.dsd("mov32", kit.reg(6), kit.reg(7))])) == races


def test_the_completion_ends_it(kit: Any) -> None:
    loop = Loop(kit, activate=9)
    loop.tile.task(IdSpace.LOCAL_TASK, 10, "done", [load(loop.y), store(loop.y), store(loop.x)])
    assert loop.races([]) == []


def test_the_function_of_a_map_may_use_what_the_map_uses(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "u32", np.zeros(4))
    options = tile.dsd("mov32", kit.reg(0), kit.scalar(1), is_async=True)
    tile.extra = {"maps": (Map(0, (kit.reg(0),), ("u32",), None, options=tile.dsd_ops[0].options),)}
    tile.fn("body", [Instr("store.u32", 0, 0xFFFF, 0, x)], ["u32"], export=False)
    tile.fn("main", [kit.mem(0, x, 4), Instr("map", imm=options.imm), UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    simulator.stop()
    assert simulator.diagnostics == []
