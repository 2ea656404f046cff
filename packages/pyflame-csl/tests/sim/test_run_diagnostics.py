"""Each diagnostic of a run, by a program that deserves it; a bad program never takes the process with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyflame.csl.diagnostics import Severity
from pyflame.csl.dsd import Dsd, DsdKind, pack_dsd
from pyflame.csl.ir import Descriptor, Direction, DsrFile, DsrLoad, IdSpace, Instr, Map, Operand, OperandKind
from pyflame.csl.sim.diagnostics import CODES, RunDiagnostic, SimulationError

W, E, R = Direction.WEST, Direction.EAST, Direction.RAMP
UNBLOCK = Instr("unblock_cmd_stream")
FABOUT, FABIN = DsdKind.FABOUT, DsdKind.FABIN


def single(kit: Any, code: list[Instr], tile: Any = None) -> Any:
    tile = tile or kit.Tile()
    tile.fn("main", [*code, UNBLOCK])
    return kit.grid([[tile]])


def integer_by_zero(kit: Any) -> Any:
    return single(kit, [kit.const(0, 1), kit.const(1, 0), Instr("div.i32", 2, 0, 1)])


def load_beyond_memory(kit: Any) -> Any:
    return single(kit, [kit.const(0, 49150), Instr("load.u32", 1, 0)])


def odd_address(kit: Any) -> Any:
    return single(kit, [kit.const(0, 101), Instr("store.u16", a=0, b=0)])


def unwritten(kit: Any) -> Any:
    tile = kit.Tile()
    return single(kit, [Instr("load.f32", 1, 0xFFFF, imm=tile.var("x", "f32", count=2))], tile)


def past_array(kit: Any) -> Any:
    tile = kit.Tile()
    x, _ = tile.var("x", "f32", np.zeros(4)), tile.var("y", "f32", np.zeros(8))
    return single(kit, [kit.mem(0, x, 6), kit.const(1, 0), tile.dsd("fmovs", kit.reg(0), kit.scalar(1))], tile)


def dsd_beyond_memory(kit: Any) -> Any:
    tile = kit.Tile()
    return single(kit, [kit.mem(0, 49000, 60), kit.const(1, 0), tile.dsd("fmovs", kit.reg(0), kit.scalar(1))], tile)


def extents_differ(kit: Any) -> Any:
    tile = kit.Tile()
    x = tile.var("x", "f32", np.zeros(8))
    return single(kit, [kit.mem(0, x, 4), kit.mem(1, x, 6), tile.dsd("fmovs", kit.reg(1), kit.reg(0))], tile)


def no_dsd(kit: Any) -> Any:
    tile = kit.Tile()
    return single(kit, [kit.const(0, 0), tile.dsd("fmovs", kit.reg(0), kit.reg(0))], tile)


def endless_dsd(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"descriptors": (Descriptor((65535, 65535, 65535, 65535), (0, 0, 0, 0)),)}
    word = pack_dsd(Dsd(DsdKind.MEM4D, length=1, size=4, table=0))
    return single(kit, [kit.const(0, word), kit.const(1, 0), tile.dsd("fmovs", kit.reg(0), kit.scalar(1))], tile)


def fabric_code(kit: Any, tile: Any) -> list[Instr]:
    x = tile.var("x", "u32", np.zeros(10))
    return [
        kit.mem(0, x, 10),
        kit.fabric(1, FABOUT, 10, 5, 2),
        tile.dsd("mov32", kit.reg(1), kit.reg(0), is_async=True),
    ]


def queue_without_color(kit: Any) -> Any:
    tile = kit.Tile()
    return single(kit, fabric_code(kit, tile), tile)


def color_without_route(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"output_queues": {2: 5}}
    return single(kit, fabric_code(kit, tile), tile)


def out_of_the_rectangle(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"output_queues": {2: 5}}
    tile.fn("main", [*fabric_code(kit, tile), UNBLOCK])
    return kit.grid([[tile]], {(0, 0): {5: kit.route(R, E)}})


def microthread_twice(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"output_queues": {2: 5}}
    code = fabric_code(kit, tile)
    tile.fn("main", [*code, code[-1], UNBLOCK])
    return kit.grid([[tile]], {(0, 0): {5: kit.route(R, W)}})


def dsr_under_way(kit: Any) -> Any:
    tile = kit.Tile()
    y = tile.var("y", "u32", np.zeros(4))
    dsr = Operand(OperandKind.DSR, 1, DsrFile.DEST)
    tile.extra = {"input_queues": {2: 5}, "dsr_loads": (DsrLoad(DsrFile.DEST, 1, 0),)}
    code = [kit.mem(0, y, 4), kit.fabric(1, FABIN, 4, 5, 2), Instr("load_dsr", imm=0)]
    return single(kit, [*code, tile.dsd("mov32", dsr, kit.reg(1), is_async=True), Instr("load_dsr", imm=0)], tile)


def dsr_of_wrong_file(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"input_queues": {2: 5}, "dsr_loads": (DsrLoad(DsrFile.DEST, 1, 0),)}
    return single(kit, [kit.fabric(0, FABIN, 4, 5, 2), Instr("load_dsr", imm=0)], tile)


def dsr_never_loaded(kit: Any) -> Any:
    tile = kit.Tile()
    dsr = Operand(OperandKind.DSR, 1, DsrFile.SRC0)
    return single(kit, [kit.mem(0, 0, 4), tile.dsd("mov32", kit.reg(0), dsr)], tile)


def fabric_input_as_destination(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"input_queues": {2: 5}}
    return single(
        kit, [kit.fabric(0, FABIN, 4, 5, 2), kit.const(1, 0), tile.dsd("mov32", kit.reg(0), kit.scalar(1))], tile
    )


def read_what_comes(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"output_queues": {2: 5}, "input_queues": {3: 5}}
    code = fabric_code(kit, tile)
    y = tile.var("y", "u32", np.zeros(10))
    receive = [
        kit.mem(2, y, 10),
        kit.fabric(3, FABIN, 10, 5, 3),
        tile.dsd("mov32", kit.reg(2), kit.reg(3), is_async=True),
    ]
    tile.fn("main", [*code, *receive, Instr("load.u32", 4, 0xFFFF, imm=y + 8), UNBLOCK])
    return kit.grid([[tile]], {(0, 0): {5: kit.route(R, R)}})


def nobody_home(kit: Any) -> Any:
    return single(kit, [kit.const(0, 12), Instr("activate", a=0, imm=IdSpace.LOCAL_TASK)])


def no_such_queue(kit: Any) -> Any:
    return single(kit, [kit.const(0, 30), Instr("block", a=0, imm=IdSpace.INPUT_QUEUE)])


def no_such_register(kit: Any) -> Any:
    return single(kit, [kit.const(0, 0xF7FE), Instr("router_read", 1, 0)])


def endless_calls(kit: Any) -> Any:
    return single(kit, [Instr("call", 0, 0, imm=0)])


def endless_loop(kit: Any) -> Any:
    return single(kit, [Instr("jump", imm=0)])


def waiting_map(kit: Any) -> Any:
    tile = kit.Tile()
    y = tile.var("y", "u32", np.zeros(4))
    tile.extra = {"input_queues": {2: 5}, "maps": (Map(0, (kit.reg(0),), ("u32",), None),)}
    body = [kit.mem(1, y, 1), kit.fabric(2, FABIN, 1, 5, 2), tile.dsd("mov32", kit.reg(1), kit.reg(2))]
    tile.fn("body", body, ["u32"], export=False)
    return single(kit, [kit.mem(0, y, 4), Instr("map", imm=0)], tile)


def map_of_many(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"maps": (Map(0, (kit.scalar(0),) * 7, ("u32",) * 7, None),)}
    tile.fn("body", [], ["u32"] * 7, export=False)
    return single(kit, [Instr("map", imm=0)], tile)


def failed_assertion(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"strings": ("x must be positive",)}
    return single(kit, [kit.const(0, 0), Instr("assert", a=0, imm=0)], tile)


def own_stop(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"strings": ("unreachable",)}
    return single(kit, [Instr("trap", imm=0)], tile)


def never_unblocks(kit: Any) -> Any:
    tile = kit.Tile()
    tile.fn("main", [])
    return kit.grid([[tile]])


def wavelets_left(kit: Any) -> Any:
    tile = kit.Tile()
    tile.extra = {"output_queues": {2: 5}, "input_queues": {3: 5}}
    tile.fn("main", [*fabric_code(kit, tile), UNBLOCK])
    return kit.grid([[tile]], {(0, 0): {5: kit.route(R, R)}})


PROGRAMS = {
    "division-by-zero": [integer_by_zero],
    "out-of-bounds": [load_beyond_memory, dsd_beyond_memory],
    "misaligned": [odd_address],
    "uninitialized-read": [unwritten],
    "dsd-past-array": [past_array],
    "extent-mismatch": [extents_differ],
    "memory-race": [read_what_comes],
    "bad-dsd": [no_dsd, endless_dsd],
    "uninitialized-queue": [queue_without_color],
    "no-route": [color_without_route],
    "route-off-fabric": [out_of_the_rectangle],
    "microthread-reuse": [microthread_twice],
    "dsr-reuse": [dsr_under_way],
    "dsr-direction": [dsr_of_wrong_file],
    "dsr-not-loaded": [dsr_never_loaded],
    "dsd-direction": [fabric_input_as_destination],
    "unbound-task": [nobody_home],
    "bad-id": [no_such_queue],
    "router-register": [no_such_register],
    "call-depth": [endless_calls],
    "cycle-limit": [endless_loop],
    "map-waits": [waiting_map],
    "map-arguments": [map_of_many],
    "assertion": [failed_assertion],
    "trap": [own_stop],
    "deadlock": [never_unblocks],
    "leftover-wavelets": [wavelets_left],
}


def findings(kit: Any, program: Any) -> list[RunDiagnostic]:
    simulator = kit.running(program, max_cycles=2_000_000)
    simulator.launch("main")
    try:
        simulator.stop()
    except SimulationError as error:
        return error.run_diagnostics
    return simulator.diagnostics


def test_every_code_has_a_program() -> None:
    # Those of the host and of several runs: test_host.py, test_seeds.py.
    assert PROGRAMS.keys() == CODES.keys() - {"copy-past-array", "seed-dependent"}


@pytest.mark.parametrize("code", PROGRAMS)
def test_diagnostic(kit: Any, code: str) -> None:
    for make in PROGRAMS[code]:
        found = findings(kit, make(kit))
        assert [entry.code for entry in found][0] == code, found
        entry = found[-1] if code == "deadlock" else found[0]
        assert entry.severity is CODES[code][1]
        if code != "cycle-limit":
            assert entry.pe == (0, 0)
        if entry.line:
            assert (entry.file, entry.column) == ("pe.csl", 1)
        assert f"[{code}]" in str(entry)


def test_after_a_fault_memory_can_be_read_and_nothing_else(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "u32", [0])
    code = [kit.const(0, 7), Instr("store.u32", 0, 0xFFFF, 0, x), kit.const(1, 0), Instr("div.u32", 0, 0, 1)]
    simulator = kit.running(single(kit, code, tile))
    simulator.launch("main")
    with pytest.raises(SimulationError, match="division-by-zero"):
        simulator.stop()
    assert simulator.get_symbol(0, 0, "x")[0] == 7
    with pytest.raises(RuntimeError, match="broken"):
        simulator.launch("main")


def test_errors_name_the_instruction_that_failed(kit: Any) -> None:
    found = findings(kit, integer_by_zero(kit))[0]
    assert str(found).startswith("pe.csl:3:1: error: PE (0, 0), cycle ")
    found = findings(kit, load_beyond_memory(kit))[0]
    assert found.line == 2
    assert "byte address 49150" in found.message
    assert "x + 0 bytes" in findings(kit, unwritten(kit))[0].message


def test_a_finding_of_a_stream_is_an_uninitialised_queue(kit: Any) -> None:
    tile = kit.Tile()
    tile.fn("main", [UNBLOCK])
    simulator = kit.running(kit.grid([[tile]], streams={"MEMCPYH2D_1": 7}))
    simulator.memcpy_h2d(7, np.zeros(3, np.uint32), 0, 0, 1, 1, 3, streaming=True)
    with pytest.raises(SimulationError, match="input queue"):
        simulator.launch("main")
        simulator.memcpy_h2d(7, np.zeros(3, np.uint32), 0, 0, 1, 1, 3, streaming=True)
        simulator.stop()


def test_deadlock_report_names_colors_pes_and_the_circle(kit: Any) -> None:
    # Each PE first receives what the other would send afterwards.
    def partner(name: str, out: int, into: int) -> Any:
        tile = kit.Tile(name)
        y = tile.var("y", "u32", np.zeros(4))
        tile.extra = {"output_queues": {2: out}, "input_queues": {3: into}}
        code = [kit.mem(0, y, 4), kit.fabric(1, FABIN, 4, into, 3), kit.fabric(2, FABOUT, 4, out, 2)]
        code += [tile.dsd("mov32", kit.reg(0), kit.reg(1)), tile.dsd("mov32", kit.reg(2), kit.reg(0))]
        tile.fn("main", [*code, UNBLOCK])
        return tile

    routes = {(0, 0): {5: kit.route(R, E), 6: kit.route(E, R)}, (1, 0): {5: kit.route(W, R), 6: kit.route(R, W)}}
    program = kit.grid([[partner("a", 5, 6), partner("b", 6, 5)]], routes)
    summary, *rest = findings(kit, program)
    assert "PE (0, 0) -> PE (1, 0) -> PE (0, 0)" in summary.message
    texts = [entry.message for entry in rest if entry.pe == (0, 0)]
    assert "0 of 4 elements of mov32" in texts[0]
    assert "waits for color 6 in input queue 3 from PE (1, 0)" in texts[0]
    assert any("unblock_cmd_stream" in text for text in texts)
    assert [entry.line for entry in rest if "mov32" in entry.message] == [4, 4]


def test_deadlock_report_names_who_does_not_take(kit: Any) -> None:
    tile = kit.Tile("send")
    tile.extra = {"output_queues": {2: 5}}
    x = tile.var("x", "u32", np.zeros(100))
    send = tile.dsd("mov32", kit.reg(1), kit.reg(0))
    tile.fn("main", [kit.mem(0, x, 100), kit.fabric(1, FABOUT, 100, 5, 2), send, UNBLOCK])
    other = kit.Tile("deaf")
    other.extra = {"input_queues": {3: 5}}
    other.fn("main", [UNBLOCK])
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    found = findings(kit, kit.grid([[tile, other]], routes))
    text = "\n".join(map(str, found))
    assert "color 5 is not taken by PE (1, 0)" in text
    assert "the queue is blocked" in text
    assert "stuck in the router" in text


def test_blocked_task_is_reported(kit: Any) -> None:
    tile = kit.Tile()
    tile.task(IdSpace.LOCAL_TASK, 10, "late", [UNBLOCK])
    tile.extra = {"blocked": ((IdSpace.LOCAL_TASK, 10),)}
    tile.fn("main", [kit.const(0, 10), Instr("activate", a=0)])
    assert any("local task 10 is active but blocked" in entry.message for entry in findings(kit, kit.grid([[tile]])))


def test_uninitialised_data_may_be_copied_but_not_used(kit: Any) -> None:
    tile = kit.Tile()
    x, y = tile.var("x", "f32", count=4), tile.var("y", "f32", np.zeros(4))
    copy = tile.dsd("fmovs", kit.reg(0), kit.reg(1))
    tile.fn("copy", [kit.mem(0, y, 4), kit.mem(1, x, 4), copy, UNBLOCK])
    tile.fn("use", [kit.mem(0, y, 4), tile.dsd("fnegs", kit.reg(0), kit.reg(0)), UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("copy")
    out = np.zeros(4, np.float32)
    simulator.memcpy_h2d("x", out, 0, 0, 1, 1, 4)
    assert simulator.diagnostics == []
    simulator.launch("use")
    simulator.stop()
    assert [entry.code for entry in simulator.diagnostics] == ["uninitialized-read"]


def test_host_reading_what_nothing_wrote_is_a_warning_and_strict_an_error(kit: Any) -> None:
    tile = kit.Tile()
    tile.var("x", "f32", count=4)
    tile.fn("main", [UNBLOCK])
    out = np.zeros(4, np.float32)
    simulator = kit.running(kit.grid([[tile]]))
    simulator.memcpy_d2h(out, "x", 0, 0, 1, 1, 4)
    assert [(entry.code, entry.severity) for entry in simulator.diagnostics] == [
        ("uninitialized-read", Severity.WARNING)
    ]
    with pytest.raises(SimulationError, match="uninitialized-read"):
        kit.running(kit.grid([[tile]]), strict=True).memcpy_d2h(out, "x", 0, 0, 1, 1, 4)


def test_packed_descriptor_of_the_shape_this_file_uses() -> None:
    assert pack_dsd(Dsd(DsdKind.NONE, length=0, size=1, stride=0)) == 0
