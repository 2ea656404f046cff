"""Traces, statistics and the log of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pyflame.csl.dsd import DsdKind
from pyflame.csl.ir import Direction, IdSpace, Instr
from pyflame.csl.sim import Simulator

W, E, R = Direction.WEST, Direction.EAST, Direction.RAMP
UNBLOCK = Instr("unblock_cmd_stream")


def exchange(kit: Any, **options: Any) -> Simulator:
    """PE (0, 0) sends 6 wavelets to (1, 0), whose task `done` runs at the end."""
    first, last = kit.Tile("first"), kit.Tile("last")
    x, y = first.var("x", "u32", np.arange(6)), last.var("y", "u32", np.zeros(6))
    first.extra, last.extra = {"output_queues": {2: 5}}, {"input_queues": {3: 5}}
    send = first.dsd("mov32", kit.reg(1), kit.reg(0), is_async=True)
    first.fn("main", [kit.mem(0, x, 6), kit.fabric(1, DsdKind.FABOUT, 6, 5, 2), send, UNBLOCK])
    last.task(IdSpace.LOCAL_TASK, 9, "done", [UNBLOCK])
    take = last.dsd("mov32", kit.reg(0), kit.reg(1), is_async=True, activate=2)
    last.fn("main", [kit.mem(0, y, 6), kit.fabric(1, DsdKind.FABIN, 6, 5, 3), kit.const(2, 9), take])
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    simulator = kit.running(kit.grid([[first, last]], routes), **options)
    simulator.launch("main")
    simulator.stop()
    return simulator


def test_trace_has_tasks_operations_and_links(kit: Any) -> None:
    trace = exchange(kit, trace=True).trace()
    assert [e["start"] for e in trace] == sorted(e["start"] for e in trace)
    assert all(e["end"] > e["start"] for e in trace)
    names = {(e["kind"], e["pe"], e["name"]) for e in trace}
    assert ("task", (1, 0), "done") in names
    assert ("task", (0, 0), "launched function") in names
    assert ("operation", (0, 0), "mov32") in names
    links = [e for e in trace if e["kind"] == "link"]
    assert [(e["pe"], e["side"], e["color"], e["payload"]) for e in links] == [((0, 0), "EAST", 5, k) for k in range(6)]


def test_trace_is_limited_to_pes_and_records(kit: Any) -> None:
    assert {e["pe"] for e in exchange(kit, trace=[(1, 0)]).trace()} == {(1, 0)}
    simulator = exchange(kit, trace=True, trace_limit=3)
    assert len(simulator.trace()) == 3
    assert exchange(kit).trace() == []


def test_chrome_trace_is_loadable(kit: Any, tmp_path: Path) -> None:
    simulator = exchange(kit, trace=True)
    simulator.write_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    assert len(spans) == len(simulator.trace())
    assert {"name", "ph", "ts", "dur", "pid", "tid"} <= spans[0].keys()
    labels = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert labels == {"tasks", "microthread 2", "microthread 3", "link EAST"}


def test_statistics_count_what_happened(kit: Any) -> None:
    stats = exchange(kit).stats()
    assert stats["hops"] == 6
    assert stats["wavelets"] == {5: 6}
    assert stats["dsd_elements"].tolist() == [[6, 6]]
    assert stats["tasks"].tolist() == [[1, 2]]
    assert stats["cycles"] >= stats["busy_cycles"].max() > 0


def test_log_has_lines_with_their_cycle(kit: Any) -> None:
    tile = kit.Tile()
    tile.extra = {"strings": ("x = {}", "!\n")}
    tile.fn("main", [kit.const(0, 42), Instr("print", a=0, imm=0), Instr("print", a=0, imm=1), UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    simulator.stop()
    (line,) = simulator.log()
    assert line.startswith("@")
    assert line.endswith("P0.0: x = 42!")


def test_time_stamps_count_cycles(kit: Any) -> None:
    tile = kit.Tile()
    out = tile.var("out", "u64", [0, 0, 0], align=8)
    code = [
        Instr("tsc_reset"),
        Instr("tsc", 0),
        *[Instr("add.u32", 3, 3, 4)] * 10,
        Instr("tsc", 1),
        Instr("tsc_disable"),
    ]
    code += [*[Instr("add.u32", 3, 3, 4)] * 10, Instr("tsc", 2), Instr("sub.u64", 1, 1, 0)]
    code += [Instr("store.u64", 0, 0xFFFF, reg, out + 8 * reg) for reg in (1, 2)]
    tile.fn("main", [*code, UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    simulator.stop()
    _, passed, stopped = simulator.get_symbol(0, 0, "out")
    assert 10 <= passed <= 12
    assert passed <= stopped <= passed + 2
