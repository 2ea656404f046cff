"""Results that depend on the order of ready tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyflame.csl import check_seeds
from pyflame.csl.ir import IdSpace, Instr
from pyflame.csl.sim.copies import HostCopy, append, differing, read

UNBLOCK = Instr("unblock_cmd_stream")


def two_tasks(kit: Any, add: bool) -> Any:
    """Two tasks are ready at once; both add to `x`, or each stores its own number there."""
    tile = kit.Tile()
    x = tile.var("x", "u32", [0, 0])
    for id in (10, 11):
        code = [kit.const(0, id), Instr("load.u32", 1, 0xFFFF, imm=x + 4)]
        code += [Instr("add.u32", 0, 0, 1)] if add else []
        tile.task(IdSpace.LOCAL_TASK, id, f"task{id}", [*code, Instr("store.u32", 0, 0xFFFF, 0, x + 4)])
    start = [kit.const(0, 10), kit.const(1, 11)]
    start += [Instr("activate", a=a, imm=IdSpace.LOCAL_TASK) for a in (0, 1)]
    tile.fn("main", [*start, UNBLOCK])
    return kit.grid([[tile, tile]])


def test_the_last_to_store_wins(kit: Any) -> None:
    found = check_seeds(two_tasks(kit, add=False), {}, seeds=8)
    assert [entry.code for entry in found] == ["seed-dependent"]
    assert "x[1] is 11 with scheduler seed 0 and 10 with seed" in found[0].message
    assert found[0].pe in ((0, 0), (1, 0))


def test_sums_do_not_depend_on_the_order(kit: Any) -> None:
    assert check_seeds(two_tasks(kit, add=True), {}, seeds=8) == []


def test_one_seed_is_nothing_to_compare(kit: Any) -> None:
    with pytest.raises(ValueError, match="two"):
        check_seeds(two_tasks(kit, add=True), {}, seeds=1)


def test_copies_are_kept_in_order(kit: Any, tmp_path: Path) -> None:
    path = tmp_path / "copies"
    assert read(path) == []
    simulator = kit.running(two_tasks(kit, add=True), copies=path)
    simulator.launch("main")
    into = np.zeros(4, np.uint32)
    simulator.memcpy_d2h(into, "x", 0, 0, 2, 1, 2)
    simulator.stop()
    (copy,) = read(path)
    assert (copy.name, copy.area) == ("x", (0, 0, 2, 1))
    assert copy.rows.tolist() == [[0, 21], [0, 21]]
    append(path, copy)
    assert len(read(path)) == 2


def test_the_first_word_of_each_name_is_reported() -> None:
    def run(*values: float) -> list[HostCopy]:
        return [HostCopy("x", (1, 2, 2, 1), 70, np.array(values, np.float32).reshape(2, 2))]

    (found,) = differing({0: run(1, 2, 3, 4), 1: run(1, 2, 3, 4), 2: run(1, 2, 3, 5), 3: run(0, 2, 3, 4)})
    assert (found.pe, found.cycle) == ((2, 2), 70)
    assert "x[1] is 4.0 with scheduler seed 0 and 5.0 with seed 2" in found.message
    (found,) = differing({0: run(1, 2, 3, 4), 1: []})
    assert "other copies with scheduler seed 1 than with 0: 0 and 1" in found.message
