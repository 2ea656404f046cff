"""Wavelets: routes, back-pressure, fan-out, switches, filters, swaps, teardown, queues."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyflame.csl.dsd import UNBOUNDED, DsdKind
from pyflame.csl.ir import Direction, Filter, IdSpace, Instr, PopMode, Route
from pyflame.csl.sim.simulator import Simulator

W, E, S, N, R = Direction.WEST, Direction.EAST, Direction.SOUTH, Direction.NORTH, Direction.RAMP
UNBLOCK = Instr("unblock_cmd_stream")
DONE = 9
ADVANCE = 1 << 22 | 1 << 24 | 31 << 16  # SWITCH_ADV that cores ignore


def sender(kit: Any, data: np.ndarray, color: int = 5) -> Any:
    tile = kit.Tile(f"send{color}")
    x = tile.var("x", "u32", data)
    tile.extra = {"output_queues": {2: color}}
    tile.fn(
        "main",
        [
            kit.mem(0, x, data.size),
            kit.fabric(1, DsdKind.FABOUT, data.size, color, 2),
            tile.dsd("mov32", kit.reg(1), kit.reg(0), is_async=True),
            UNBLOCK,
        ],
    )
    return tile


def receiver(kit: Any, count: int, color: int = 5) -> Any:
    tile = kit.Tile(f"receive{color}")
    y = tile.var("y", "u32", np.zeros(count))
    tile.extra = {"input_queues": {3: color}}
    tile.task(IdSpace.LOCAL_TASK, DONE, "done", [UNBLOCK])
    take = tile.dsd("mov32", kit.reg(0), kit.reg(1), is_async=True, activate=2)
    tile.fn("main", [kit.mem(0, y, count), kit.fabric(1, DsdKind.FABIN, count, color, 3), kit.const(2, DONE), take])
    return tile


def idle(kit: Any) -> Any:
    tile = kit.Tile("idle")
    tile.fn("main", [UNBLOCK])
    return tile


def counter(kit: Any, arch: str) -> Any:
    """Adds what comes on color 5 with a data task; keeps the last index as well."""
    tile = kit.Tile("counter")
    total, calls = tile.var("total", "u32", [0]), tile.var("calls", "u32", [0])
    code = [Instr("load.u32", 1, 0xFFFF, imm=total), Instr("add.u32", 1, 1, 0), Instr("store.u32", 0, 0xFFFF, 1, total)]
    code += [kit.const(2, 1), Instr("load.u32", 1, 0xFFFF, imm=calls), Instr("add.u32", 1, 1, 2)]
    tile.task(
        IdSpace.DATA_TASK, 3 if arch == "wse3" else 5, "take", [*code, Instr("store.u32", 0, 0xFFFF, 1, calls)], ["u32"]
    )
    tile.extra = {"input_queues": {3: 5}}
    tile.fn("main", [UNBLOCK])
    return tile


def run(kit: Any, tiles: Any, routes: Any, **options: Any) -> Simulator:
    program_fields = {"arch": options.pop("arch", "wse3")}
    simulator = kit.running(kit.grid(tiles, routes, **program_fields), **options)
    simulator.launch("main")
    simulator.stop()
    return simulator


@pytest.mark.parametrize("mode", ["functional", "cycle"])
@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_a_stream_crosses_a_row(kit: Any, arch: str, mode: str) -> None:
    data = np.arange(200, dtype=np.uint32)
    tiles = [[sender(kit, data), *[idle(kit)] * 4, receiver(kit, 200)]]
    routes = {(0, 0): {5: kit.route(R, E)}, (5, 0): {5: kit.route(W, R)}}
    routes |= {(x, 0): {5: kit.route(W, E)} for x in range(1, 5)}
    simulator = run(kit, tiles, routes, arch=arch, mode=mode)
    np.testing.assert_array_equal(simulator.get_symbol(5, 0, "y"), data)
    assert simulator.stats()["hops"] == 5 * 200
    assert 200 < simulator.cycles < 300  # one wavelet a cycle
    assert simulator.diagnostics == []


def test_hop_latency_is_that_of_the_architecture(kit: Any) -> None:
    def cycles(arch: str, width: int) -> int:
        tiles = [[sender(kit, np.arange(1, dtype=np.uint32)), *[idle(kit)] * (width - 2), receiver(kit, 1)]]
        routes = {(0, 0): {5: kit.route(R, E)}, (width - 1, 0): {5: kit.route(W, R)}}
        routes |= {(x, 0): {5: kit.route(W, E)} for x in range(1, width - 1)}
        return run(kit, tiles, routes, arch=arch, mode="cycle").cycles

    assert cycles("wse3", 40) - cycles("wse3", 30) == 20
    assert cycles("wse2", 40) - cycles("wse2", 30) == 10


def test_fan_out_waits_for_the_slowest(kit: Any) -> None:
    data = np.arange(300, dtype=np.uint32)
    tiles = [[sender(kit, data), receiver(kit, 300), receiver(kit, 300)]]
    tiles[0][2] = receiver(kit, 300)
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, E | R)}, (2, 0): {5: kit.route(W, R)}}
    simulator = run(kit, tiles, routes)
    for x in (1, 2):
        np.testing.assert_array_equal(simulator.get_symbol(x, 0, "y"), data)


def test_all_four_directions(kit: Any) -> None:
    data = np.arange(7, dtype=np.uint32)
    middle = sender(kit, data)
    ends = receiver(kit, 7)
    tiles = [[idle(kit), ends, idle(kit)], [ends, middle, ends], [idle(kit), ends, idle(kit)]]
    routes = {(1, 1): {5: kit.route(R, N | S | E | W)}}
    routes |= {(1, 0): {5: kit.route(S, R)}, (1, 2): {5: kit.route(N, R)}}
    routes |= {(0, 1): {5: kit.route(E, R)}, (2, 1): {5: kit.route(W, R)}}
    simulator = run(kit, tiles, routes)
    for x, y in ((1, 0), (1, 2), (0, 1), (2, 1)):
        np.testing.assert_array_equal(simulator.get_symbol(x, y, "y"), data)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_data_tasks_take_one_wavelet_each(kit: Any, arch: str) -> None:
    data = np.arange(50, dtype=np.uint32)
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    simulator = run(kit, [[sender(kit, data), counter(kit, arch)]], routes, arch=arch)
    assert simulator.get_symbol(1, 0, "total")[0] == data.sum()
    assert simulator.get_symbol(1, 0, "calls")[0] == 50


def test_control_wavelets_move_switches_and_follow_the_old_position(kit: Any) -> None:
    west, east = counter(kit, "wse3"), counter(kit, "wse3")
    tile = kit.Tile("send")
    tile.extra = {"output_queues": {2: 5}}
    code = [kit.fabric(0, DsdKind.FABOUT, 1, 5, 2, control=True), kit.fabric(1, DsdKind.FABOUT, 1, 5, 2)]
    for value in (1, 10, 100, 1000):
        code += [kit.const(2, value), tile.dsd("mov32", kit.reg(1), kit.scalar(2))]
        code += [kit.const(2, ADVANCE), tile.dsd("mov32", kit.reg(0), kit.scalar(2))]
    tile.fn("main", [*code, UNBLOCK])
    for ring, totals in ((True, (101, 1010)), (False, (1, 1110))):
        routes = {
            (1, 0): {5: Route(((R, W), (R, E)), ring=ring)},
            (0, 0): {5: kit.route(E, R)},
            (2, 0): {5: kit.route(W, R)},
        }
        simulator = run(kit, [[west, tile, east]], routes)
        assert (simulator.get_symbol(0, 0, "total")[0], simulator.get_symbol(2, 0, "total")[0]) == totals
        assert simulator.diagnostics == []


@pytest.mark.parametrize(
    ("pop", "expected"), [(PopMode.NO_POP, 2), (PopMode.ALWAYS_POP, 1), (PopMode.POP_ON_ADVANCE, 1)]
)
def test_pop_modes_decide_what_later_routers_see(kit: Any, pop: PopMode, expected: int) -> None:
    # The first router takes the command or leaves it to the second, whose switch then moves as well.
    tile = kit.Tile("send")
    tile.extra = {"output_queues": {2: 5}}
    code = [kit.fabric(0, DsdKind.FABOUT, 1, 5, 2, control=True), kit.fabric(1, DsdKind.FABOUT, 1, 5, 2)]
    code += [kit.const(2, ADVANCE), tile.dsd("mov32", kit.reg(0), kit.scalar(2))]
    code += [kit.const(2, 7), tile.dsd("mov32", kit.reg(1), kit.scalar(2)), UNBLOCK]
    tile.fn("main", code)
    near, far = counter(kit, "wse3"), counter(kit, "wse3")
    routes = {
        (0, 0): {5: Route(((R, E), (R, E)), pop=pop)},
        (1, 0): {5: Route(((W, R), (W, E)))},
        (2, 0): {5: kit.route(W, R)},
    }
    simulator = run(kit, [[tile, near, far]], routes)
    assert simulator.get_symbol(expected, 0, "total")[0] == 7


@pytest.mark.parametrize(("ring", "expected"), [(False, 2), (True, 1)])
def test_pop_on_advance_keeps_a_command_that_moves_no_switch(kit: Any, ring: bool, expected: int) -> None:
    # At its last position the first router has nothing to advance to, so that the command is for the second.
    tile = kit.Tile("send")
    tile.extra = {"output_queues": {2: 5}}
    code = [kit.fabric(0, DsdKind.FABOUT, 1, 5, 2, control=True), kit.fabric(1, DsdKind.FABOUT, 1, 5, 2)]
    code += [kit.const(2, ADVANCE), tile.dsd("mov32", kit.reg(0), kit.scalar(2))]
    code += [kit.const(2, 7), tile.dsd("mov32", kit.reg(1), kit.scalar(2)), UNBLOCK]
    tile.fn("main", code)
    routes = {
        (0, 0): {5: Route(((R, E), (R, E)), current=1, ring=ring, pop=PopMode.POP_ON_ADVANCE)},
        (1, 0): {5: Route(((W, R), (W, E)))},
        (2, 0): {5: kit.route(W, R)},
    }
    simulator = run(kit, [[tile, counter(kit, "wse3"), counter(kit, "wse3")]], routes)
    assert simulator.get_symbol(expected, 0, "total")[0] == 7


def test_control_tasks_get_the_low_half(kit: Any) -> None:
    tile = kit.Tile("send")
    tile.extra = {"output_queues": {2: 5}}
    code = [kit.fabric(0, DsdKind.FABOUT, 1, 5, 2, control=True), kit.const(1, 40 << 16 | 1234)]
    tile.fn("main", [*code, tile.dsd("mov32", kit.reg(0), kit.scalar(1)), UNBLOCK])
    target = counter(kit, "wse3")
    seen = target.var("seen", "u16", [0])
    target.task(IdSpace.CONTROL_TASK, 40, "control", [Instr("store.u16", 0, 0xFFFF, 0, seen)], ["u16"])
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    assert run(kit, [[tile, target]], routes).get_symbol(1, 0, "seen")[0] == 1234


def test_two_arguments_are_the_halves_of_a_wavelet(kit: Any) -> None:
    tile = kit.Tile("take")
    low, high = tile.var("low", "i16", [0]), tile.var("high", "u16", [0])
    code = [Instr("store.i16", 0, 0xFFFF, 0, low), Instr("store.u16", 0, 0xFFFF, 1, high)]
    tile.task(IdSpace.DATA_TASK, 3, "take", code, ["i16", "u16"])
    tile.extra = {"input_queues": {3: 5}}
    tile.fn("main", [UNBLOCK])
    data = np.array([0x1234FFFE], np.uint32)
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    simulator = run(kit, [[sender(kit, data), tile]], routes)
    assert simulator.get_symbol(1, 0, "low")[0] == -2
    assert simulator.get_symbol(1, 0, "high")[0] == 0x1234


def test_range_filter_passes_an_index_range(kit: Any) -> None:
    data = (np.arange(20, dtype=np.uint32) << 16) | 1
    only = Filter("range", {"min_idx": 4, "max_idx": 9})
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R, filter=only)}}
    simulator = run(kit, [[sender(kit, data), counter(kit, "wse3")]], routes)
    assert simulator.get_symbol(1, 0, "calls")[0] == 6


def test_counter_filter_passes_the_first_of_each_round(kit: Any) -> None:
    data = np.arange(20, dtype=np.uint32)
    only = Filter("counter", {"limit1": 4, "max_counter": 1, "init_counter": 0, "count_data": 1})
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R, filter=only)}}
    simulator = run(kit, [[sender(kit, data), counter(kit, "wse3")]], routes)
    assert simulator.get_symbol(1, 0, "total")[0] == sum(v for v in range(20) if v % 5 <= 1)


def test_color_swap_changes_color_on_arrival(kit: Any) -> None:
    data = np.arange(9, dtype=np.uint32)
    tiles = [[sender(kit, data, color=4), receiver(kit, 9, color=5)]]
    routes = {(0, 0): {4: kit.route(R, E)}}
    routes |= {(1, 0): {4: kit.route(W, R, swap_x=True), 5: kit.route(W, R, swap_x=True)}}
    simulator = run(kit, tiles, routes, arch="wse2")
    np.testing.assert_array_equal(simulator.get_symbol(1, 0, "y"), data)


TEARDOWN = 3 << 22 | 1 << 24 | 31 << 16


def reopen(kit: Any, address: int) -> list[Instr]:
    """Route color 5 from WEST to the ramp by its register, and leave the teardown state."""
    code = [kit.const(0, address), kit.const(1, 1 << 14 | W << 5 | R), Instr("router_write", a=0, b=1)]
    return [*code, kit.const(2, 5), Instr("teardown_exit", a=2)]


def test_teardown_command_runs_the_handler_which_opens_the_color(kit: Any) -> None:
    tile = kit.Tile("send")
    x = tile.var("x", "u32", np.arange(5))
    tile.extra = {"output_queues": {2: 5}}
    code = [
        kit.fabric(0, DsdKind.FABOUT, 1, 5, 2, control=True),
        kit.fabric(1, DsdKind.FABOUT, 5, 5, 2),
        kit.mem(2, x, 5),
    ]
    code += [kit.const(3, TEARDOWN), tile.dsd("mov32", kit.reg(0), kit.scalar(3))]
    tile.fn("main", [*code, tile.dsd("mov32", kit.reg(1), kit.reg(2)), UNBLOCK])
    other = receiver(kit, 5)
    other.extra["teardown_handlers"] = {5: other.fn("handler", reopen(kit, 0xF80A), export=False)}
    # No router pops the command, so the sender's color is torn as well.
    tile.extra["teardown_handlers"] = {
        5: tile.fn("handler", [kit.const(2, 5), Instr("teardown_exit", a=2)], export=False)
    }
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, Direction(0))}}
    simulator = run(kit, [[tile, other]], routes)
    np.testing.assert_array_equal(simulator.get_symbol(1, 0, "y"), np.arange(5))


def test_a_color_that_starts_torn_waits_for_registers_and_runs_no_handler(kit: Any) -> None:
    data = np.arange(5, dtype=np.uint32)
    tile = receiver(kit, 5)
    ran = tile.var("ran", "u32", [0])
    handler = [kit.const(0, 1), Instr("store.u32", a=0xFFFF, b=0, imm=ran)]
    tile.extra["teardown_handlers"] = {5: tile.fn("handler", handler, export=False)}
    tile.fn("open", [*reopen(kit, 0xF80A), UNBLOCK])
    first = sender(kit, data)
    first.fn("open", [UNBLOCK])
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, W, teardown=True)}}
    simulator = kit.running(kit.grid([[first, tile]], routes))
    simulator.launch("open")
    simulator.launch("main")
    simulator.stop()
    np.testing.assert_array_equal(simulator.get_symbol(1, 0, "y"), data)
    assert simulator.get_symbol(1, 0, "ran")[0] == 0


def test_router_registers_read_what_routes_say(kit: Any) -> None:
    tile = kit.Tile("tile")
    out = tile.var("out", "u16", [0, 0])
    code = []
    for k, address in enumerate((0xFE40 + 14, 0xFE80 + 14)):
        code += [kit.const(0, address), Instr("router_read", 1, 0), Instr("store.u16", 0, 0xFFFF, 1, out + 2 * k)]
    tile.fn("main", [*code, UNBLOCK])
    entry = Route(((R, E), (W, E), (W, S)), current=1, ring=True, pop=PopMode.POP_ON_ADVANCE)
    simulator = run(kit, [[tile]], {(0, 0): {7: entry}}, arch="wse2")
    expected = [2 << 12 | 16 << 5 | 2, 1 << 13 | 1 << 12 | 5 << 8 | 2 << 4 | 8]
    np.testing.assert_array_equal(simulator.get_symbol(0, 0, "out"), expected)


@pytest.mark.parametrize("position", [0xD, 0xC])  # invalid, and the ramp, each with the bit that selects rx
def test_the_switch_register_keeps_the_select_bit_that_was_written(kit: Any, position: int) -> None:
    # Position 0 receives from the ramp as position 1 does, so that the routes alone do not tell which side changes.
    tile = kit.Tile("tile")
    out = tile.var("out", "u16", [0, 0])
    code = [kit.const(0, 0xFE80 + 14), kit.const(1, 0x1550 | position), Instr("router_write", a=0, b=1)]
    code += [kit.const(2, 0xFE40 + 14), kit.const(3, 16 << 5 | 2), Instr("router_write", a=2, b=3)]
    for k, register in enumerate((0, 2)):
        code += [Instr("router_read", 4, register), Instr("store.u16", 0, 0xFFFF, 4, out + 2 * k)]
    tile.fn("main", [*code, UNBLOCK])
    simulator = run(kit, [[tile]], {(0, 0): {7: Route(((W, E), (R, E)), ring=True)}}, arch="wse2")
    np.testing.assert_array_equal(simulator.get_symbol(0, 0, "out"), [0x1550 | position, 16 << 5 | 2])


def test_unbounded_operation_forwards_for_ever(kit: Any) -> None:
    relay = kit.Tile("relay")
    relay.extra = {"input_queues": {3: 5}, "output_queues": {4: 6}}
    code = [kit.fabric(0, DsdKind.FABOUT, UNBOUNDED, 6, 4), kit.fabric(1, DsdKind.FABIN, UNBOUNDED, 5, 3)]
    relay.fn("main", [*code, relay.dsd("mov32", kit.reg(0), kit.reg(1), is_async=True), UNBLOCK])
    data = np.arange(40, dtype=np.uint32)
    routes = {
        (0, 0): {5: kit.route(R, E)},
        (1, 0): {5: kit.route(W, R), 6: kit.route(R, E)},
        (2, 0): {6: kit.route(W, R)},
    }
    simulator = run(kit, [[sender(kit, data), relay, receiver(kit, 40, color=6)]], routes)
    np.testing.assert_array_equal(simulator.get_symbol(2, 0, "y"), data)


def test_index_goes_into_the_high_half(kit: Any) -> None:
    tile = kit.Tile("send")
    x = tile.var("x", "u16", [7, 8, 9])
    tile.extra = {"output_queues": {2: 5}}
    code = [kit.mem(0, x, 3, 2), kit.fabric(1, DsdKind.FABOUT, 3, 5, 2, index_offset=True), kit.const(2, 100)]
    tile.fn("main", [*code, tile.dsd("mov16", kit.reg(1), kit.reg(0), index=2), UNBLOCK])
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    simulator = run(kit, [[tile, receiver(kit, 3)]], routes)
    np.testing.assert_array_equal(simulator.get_symbol(1, 0, "y"), [(100 + i) << 16 | (7 + i) for i in range(3)])


def test_colors_do_not_block_each_other_and_seeds_do_not_matter(kit: Any) -> None:
    # Color 5 is stuck behind a receiver that starts late; color 6 must pass over the same link.
    data = np.arange(64, dtype=np.uint32)
    tile = kit.Tile("send")
    x = tile.var("x", "u32", data)
    tile.extra = {"output_queues": {2: 5, 3: 6}}
    code = [kit.mem(0, x, 64), kit.fabric(1, DsdKind.FABOUT, 64, 5, 2), kit.fabric(2, DsdKind.FABOUT, 64, 6, 3)]
    code += [
        tile.dsd("mov32", kit.reg(1), kit.reg(0), is_async=True),
        tile.dsd("mov32", kit.reg(2), kit.reg(0), is_async=True),
    ]
    tile.fn("main", [*code, UNBLOCK])
    end = kit.Tile("receive")
    y, z = end.var("y", "u32", np.zeros(64)), end.var("z", "u32", np.zeros(64))
    end.extra = {"input_queues": {3: 5, 4: 6}}
    end.task(IdSpace.LOCAL_TASK, DONE, "done", [UNBLOCK])
    code = [
        kit.mem(0, y, 64),
        kit.mem(1, z, 64),
        kit.fabric(2, DsdKind.FABIN, 64, 5, 3),
        kit.fabric(3, DsdKind.FABIN, 64, 6, 4),
    ]
    code += [end.dsd("mov32", kit.reg(1), kit.reg(3)), kit.const(4, DONE)]
    end.fn("main", [*code, end.dsd("mov32", kit.reg(0), kit.reg(2), is_async=True, activate=4)])
    routes = {(0, 0): {5: kit.route(R, E), 6: kit.route(R, E)}, (1, 0): {5: kit.route(W, R), 6: kit.route(W, R)}}
    for seed in range(5):
        simulator = run(kit, [[tile, end]], routes, sched_seed=seed)
        for name in ("y", "z"):
            np.testing.assert_array_equal(simulator.get_symbol(1, 0, name), data)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_simd_mode_packs_two_halves_into_a_wavelet(kit: Any, arch: str, count: int) -> None:
    data = np.arange(1, count + 1, dtype=np.uint16)
    tile = kit.Tile("send")
    x = tile.var("x", "u16", data)
    tile.extra = {"output_queues": {2: 5}}
    code = [kit.mem(0, x, count, 2), kit.fabric(1, DsdKind.FABOUT, count, 5, 2, simd=1)]
    tile.fn("main", [*code, tile.dsd("mov16", kit.reg(1), kit.reg(0), is_async=True), UNBLOCK])
    sums = kit.Tile("add")
    y = sums.var("y", "u16", np.full(count, 100))
    sums.extra = {"input_queues": {3: 5}}
    sums.task(IdSpace.LOCAL_TASK, DONE, "done", [UNBLOCK])
    add = sums.dsd("add16", kit.reg(0), kit.reg(1), kit.reg(0), is_async=True, activate=2)
    code = [kit.mem(0, y, count, 2), kit.fabric(1, DsdKind.FABIN, count, 5, 3, simd=1), kit.const(2, DONE), add]
    sums.fn("main", code)
    routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
    simulator = run(kit, [[tile, sums]], routes, arch=arch)
    np.testing.assert_array_equal(simulator.get_symbol(1, 0, "y"), data + 100)
    assert simulator.stats()["hops"] == (count + 1) // 2
    words = receiver(kit, (count + 1) // 2)
    simulator = run(kit, [[tile, words]], routes, arch=arch)
    padded = np.pad(data, (0, count % 2)).astype(np.uint32)
    np.testing.assert_array_equal(simulator.get_symbol(1, 0, "y"), padded[1::2] << 16 | padded[0::2])


def test_simd_mode_is_faster(kit: Any) -> None:
    def cycles(simd: int) -> int:
        tile, count = kit.Tile("send"), 800
        x = tile.var("x", "u16", np.arange(count))
        tile.extra = {"output_queues": {2: 5}}
        code = [kit.mem(0, x, count, 2), kit.fabric(1, DsdKind.FABOUT, count, 5, 2, simd=simd)]
        tile.fn("main", [*code, tile.dsd("mov16", kit.reg(1), kit.reg(0), is_async=True), UNBLOCK])
        words = receiver(kit, count // 2 if simd else count)
        routes = {(0, 0): {5: kit.route(R, E)}, (1, 0): {5: kit.route(W, R)}}
        return run(kit, [[tile, words]], routes, mode="cycle").cycles

    assert 350 < cycles(0) - cycles(1) < 450
    assert abs(cycles(1) - cycles(2)) < 20  # a link carries one wavelet a cycle


@pytest.mark.parametrize("send", [0, 1])
def test_simd_mode_of_one_side_only(kit: Any, send: int) -> None:
    # A relay takes full wavelets and sends elements one by one, or the other way about.
    relay = kit.Tile("relay")
    relay.extra = {"input_queues": {3: 5}, "output_queues": {4: 6}}
    code = [kit.fabric(0, DsdKind.FABOUT, 4, 6, 4, simd=send), kit.fabric(1, DsdKind.FABIN, 4, 5, 3, simd=1 - send)]
    relay.fn("main", [*code, relay.dsd("mov16", kit.reg(0), kit.reg(1), is_async=True), UNBLOCK])
    full, single = np.array([2 << 16 | 1, 4 << 16 | 3], np.uint32), np.arange(1, 5, dtype=np.uint32)
    given, expected = (single, full) if send else (full, single)
    routes = {
        (0, 0): {5: kit.route(R, E)},
        (1, 0): {5: kit.route(W, R), 6: kit.route(R, E)},
        (2, 0): {6: kit.route(W, R)},
    }
    simulator = run(kit, [[sender(kit, given), relay, receiver(kit, expected.size, color=6)]], routes)
    np.testing.assert_array_equal(simulator.get_symbol(2, 0, "y"), expected)
