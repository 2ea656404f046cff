"""The cost tables, and what they lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyflame.csl import _sim
from pyflame.csl.ir import DsrFile, DsrLoad, Instr, Operand, OperandKind
from pyflame.csl.sim.costs import costs, meanings
from pyflame.csl.sim.encode import encode

UNBLOCK = Instr("unblock_cmd_stream")


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_tables_are_complete_and_explained(kit: Any, arch: str) -> None:
    tile = kit.Tile()
    tile.fn("main", [UNBLOCK])
    program = encode(kit.grid([[tile]], arch=arch))
    table = costs(arch, "cycle")
    assert all("(" in text for text in meanings(arch).values())
    _sim.Machine(program, table, False, 1, 0)
    for name in table:
        with pytest.raises(ValueError, match=name):
            _sim.Machine(program, {key: value for key, value in table.items() if key != name}, False, 1, 0)
    with pytest.raises(ValueError, match="unknown constant"):
        _sim.Machine(program, {**table, "more": 1}, False, 1, 0)
    assert costs(arch, "functional")["hop"] == 1


def test_a_synchronous_operation_takes_setup_and_elements(kit: Any) -> None:
    def cycles(count: int, from_dsr: bool) -> int:
        tile = kit.Tile()
        x = tile.var("x", "f32", np.zeros(count))
        loads = [DsrLoad(file, 1, 0) for file in DsrFile]
        tile.extra = {"dsr_loads": tuple(loads)}
        code = [kit.mem(0, x, count), *[Instr("load_dsr", imm=k) for k in range(3)]]
        operands = [kit.reg(0)] * 3
        if from_dsr:
            operands = [Operand(OperandKind.DSR, 1, file) for file in DsrFile]
        tile.fn("main", [*code, tile.dsd("fmuls", *operands), UNBLOCK])
        simulator = kit.running(kit.grid([[tile]]), trace=True, mode="cycle")
        simulator.launch("main")
        simulator.stop()
        (entry,) = [entry for entry in simulator.trace() if entry["kind"] == "operation"]
        return int(entry["end"] - entry["start"])

    assert cycles(3000, True) - cycles(1000, True) == 2000
    assert cycles(1000, True) == 1000 + costs("wse3", "cycle")["dsd_setup_from_dsr"]
    assert cycles(1000, False) == 1000 + costs("wse3", "cycle")["dsd_setup"]


def test_banks_speed_up_or_slow_down_by_alignment(kit: Any) -> None:
    def cycles(pad: int, banks: bool = True) -> int:
        tile = kit.Tile()
        x = tile.var("x", "f32", np.zeros(1000), align=16)
        y = tile.var("y", "f32", np.zeros(1004), align=16)
        code = [kit.mem(0, x, 1000), kit.mem(1, y + pad, 1000)]
        tile.fn("main", [*code, tile.dsd("fmuls", kit.reg(0), kit.reg(0), kit.reg(1)), UNBLOCK])
        simulator = kit.running(kit.grid([[tile]], arch="wse2"), mode="cycle", banks=banks)
        simulator.launch("main")
        simulator.stop()
        return simulator.cycles

    plain = cycles(0, banks=False)
    assert cycles(4) == plain - 500
    assert cycles(2) == plain
    assert cycles(0) == plain + 1000
