"""Host commands: copies in both orders, 16-bit elements, streams, arguments, order, misuse."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from pyflame.csl.dsd import DsdKind
from pyflame.csl.ir import NO_REG, Export, IdSpace, Instr
from pyflame.csl.sim import DataType, Order, SimulationError, Simulator

UNBLOCK = Instr("unblock_cmd_stream")


def storage(kit: Any, width: int = 3, height: int = 2) -> Simulator:
    tile = kit.Tile()
    tile.var("x", "f32", np.zeros(4))
    tile.var("h", "u16", np.zeros(4))
    tile.fn("main", [UNBLOCK])
    return kit.running(kit.grid([[tile] * width] * height))


@pytest.mark.parametrize("order", list(Order))
def test_copies_keep_the_order_of_pes(kit: Any, order: Order) -> None:
    simulator = storage(kit)
    data = np.arange(24, dtype=np.float32)
    simulator.memcpy_h2d("x", data, 0, 0, 3, 2, 4, order=order)
    back = np.zeros_like(data)
    simulator.memcpy_d2h(back, "x", 0, 0, 3, 2, 4, order=order)
    np.testing.assert_array_equal(back, data)
    expected = data.reshape(2, 3, 4)[1, 2] if order == Order.ROW_MAJOR else data.reshape(4, 3, 2)[:, 2, 1]
    np.testing.assert_array_equal(simulator.get_symbol(2, 1, "x"), expected)
    part = np.zeros(4, np.float32)
    simulator.memcpy_d2h(part, "x", 2, 1, 1, 1, 4)
    np.testing.assert_array_equal(part, expected)


def test_sixteen_bit_elements_travel_in_low_halves(kit: Any) -> None:
    simulator = storage(kit, 1, 1)
    simulator.memcpy_h2d(
        "h", np.array([1, 2, 0xFFFF0003, 4], np.uint32), 0, 0, 1, 1, 4, data_type=DataType.MEMCPY_16BIT
    )
    np.testing.assert_array_equal(simulator.get_symbol(0, 0, "h"), [1, 2, 3, 4])
    back = np.full(4, 0xFFFFFFFF, np.uint32)
    simulator.memcpy_d2h(back, "h", 0, 0, 1, 1, 4, data_type=DataType.MEMCPY_16BIT)
    np.testing.assert_array_equal(back, [1, 2, 3, 4])


def test_pointers_are_followed_at_copy_time(kit: Any) -> None:
    tile = kit.Tile()
    first, second = tile.var("first", "u32", [1, 1]), tile.var("second", "u32", [2, 2])
    pointer = tile.var("pointer", "u16", [first])
    tile.exports.append(Export("data", "[*]u32", True, address=pointer, scalar="u32"))
    tile.fn("swap", [kit.const(0, second), Instr("store.u16", a=NO_REG, b=0, imm=pointer), UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    out = np.zeros(2, np.uint32)
    simulator.memcpy_d2h(out, "data", 0, 0, 1, 1, 2)
    assert out.tolist() == [1, 1]
    simulator.launch("swap")
    simulator.memcpy_d2h(out, simulator.get_id("data"), 0, 0, 1, 1, 2)
    assert out.tolist() == [2, 2]
    np.testing.assert_array_equal(simulator.get_symbol(0, 0, "data"), [2, 2])


def test_arguments_have_the_types_of_parameters(kit: Any) -> None:
    tile = kit.Tile()
    out = tile.var("out", "f32", [0, 0, 0, 0])
    code = [Instr("cast.i16.f32", 4, 0), Instr("cast.f16.f32", 6, 2), Instr("cast.u32.f32", 7, 3)]
    code += [Instr("store.f32", a=NO_REG, b=reg, imm=out + 4 * k) for k, reg in enumerate((4, 1, 6, 7))]
    tile.fn("main", [*code, UNBLOCK], ["i16", "f32", "f16", "u32"])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main", -3, np.float32(1.5), 0.25, 4_000_000_000)
    simulator.stop()
    np.testing.assert_array_equal(simulator.get_symbol(0, 0, "out"), [-3, 1.5, 0.25, 4e9])


def streaming(kit: Any) -> Simulator:
    """Adds 1 to what comes from the host on color 4 and sends it back on color 6."""
    tile = kit.Tile()
    tile.extra = {"input_queues": {2: 4}, "output_queues": {3: 6}}
    code = [kit.fabric(1, DsdKind.FABOUT, 1, 6, 3), kit.const(2, 1), Instr("add.u32", 0, 0, 2)]
    tile.task(IdSpace.DATA_TASK, 2, "take", [*code, tile.dsd("mov32", kit.reg(1), kit.scalar(0))], ["u32"])
    tile.fn("main", [UNBLOCK])
    return kit.running(kit.grid([[tile] * 2], streams={"MEMCPYH2D_1": 4, "MEMCPYD2H_1": 6}))


def test_streams_in_and_out(kit: Any) -> None:
    simulator = streaming(kit)
    data = np.arange(200, dtype=np.uint32)
    first, second = np.zeros(40, np.uint32), np.zeros(160, np.uint32)
    early = simulator.memcpy_d2h(first, 6, 0, 0, 2, 1, 20, streaming=True, nonblock=True)
    assert not simulator.is_task_done(early)
    simulator.memcpy_h2d(4, data, 0, 0, 2, 1, 100, streaming=True, nonblock=True)
    simulator.memcpy_d2h(second, "MEMCPYD2H_1", 0, 0, 2, 1, 80, streaming=True)
    assert simulator.is_task_done(early)
    np.testing.assert_array_equal(first.reshape(2, 20), data.reshape(2, 100)[:, :20] + 1)
    np.testing.assert_array_equal(second.reshape(2, 80), data.reshape(2, 100)[:, 20:] + 1)
    simulator.stop()
    assert simulator.diagnostics == []


def test_a_stream_that_never_comes_is_a_deadlock(kit: Any) -> None:
    simulator = streaming(kit)
    with pytest.raises(SimulationError, match="never sent"):
        simulator.memcpy_d2h(np.zeros(2, np.uint32), 6, 0, 0, 2, 1, 1, streaming=True)


def test_copies_wait_for_launches_before_them(kit: Any) -> None:
    tile = kit.Tile()
    out = tile.var("out", "u32", [0])
    code = [
        kit.const(0, 0),
        kit.const(1, 100_000),
        kit.const(2, 1),
        Instr("add.u32", 0, 0, 2),
        Instr("lt.u32", 3, 0, 1),
    ]
    tile.fn("main", [*code, Instr("branch", a=3, imm=3), Instr("store.u32", a=NO_REG, b=0, imm=out), UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main", nonblock=True)
    found = np.zeros(1, np.uint32)
    waiting = simulator.memcpy_d2h(found, "out", 0, 0, 1, 1, 1, nonblock=True)
    simulator.task_wait(waiting)
    assert found[0] == 100_000
    assert simulator.cycles > 400_000


def test_misuse_is_refused_with_the_reason(kit: Any) -> None:
    simulator = storage(kit)
    data = np.zeros(4, np.float32)
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "not inside the 3 x 2", lambda: simulator.memcpy_h2d("x", data, 3, 0, 1, 1, 4)),
        (ValueError, "the copy needs 8", lambda: simulator.memcpy_h2d("x", data, 0, 0, 2, 1, 4)),
        (TypeError, "float64", lambda: simulator.memcpy_h2d("x", np.zeros(4), 0, 0, 1, 1, 4)),
        (ValueError, "contiguous", lambda: simulator.memcpy_d2h(np.zeros(8, np.float32)[::2], "x", 0, 0, 1, 1, 4)),
        (ValueError, "no variable 'z'", lambda: simulator.memcpy_h2d("z", data, 0, 0, 1, 1, 4)),
        (ValueError, "are outside", lambda: simulator.memcpy_h2d("x", np.zeros(15000, np.float32), 0, 0, 1, 1, 15000)),
        (ValueError, "no streaming color", lambda: simulator.memcpy_h2d(9, data, 0, 0, 1, 1, 4, streaming=True)),
        (ValueError, "no function 'x'", lambda: simulator.launch("x")),
        (ValueError, "takes 0 arguments", lambda: simulator.launch("main", 1)),
        (RuntimeError, "the order is", simulator.load),
    ]
    for kind, text, action in cases:
        with pytest.raises(kind, match=text):
            action()
    assert simulator.get_id("nothing") is None
    simulator.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        simulator.launch("main")


def test_a_copy_past_an_array_is_a_warning(kit: Any) -> None:
    simulator = storage(kit, 1, 1)
    simulator.memcpy_h2d("x", np.arange(5, dtype=np.uint32), 0, 0, 1, 1, 5)
    assert [found.code for found in simulator.diagnostics] == ["copy-past-array"]
    assert simulator.get_symbol(0, 0, "h").tolist() == [4, 0, 0, 0]


def test_an_endless_task_can_be_interrupted(kit: Any) -> None:
    import _thread

    tile = kit.Tile()
    tile.fn("main", [Instr("jump", imm=0)])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    timer = threading.Timer(0.3, _thread.interrupt_main)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    begin = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            simulator.stop()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 20


def test_other_threads_run_meanwhile(kit: Any) -> None:
    tile = kit.Tile()
    tile.fn("main", [Instr("jump", imm=0)])
    simulator = kit.running(kit.grid([[tile]]), max_cycles=500_000_000)
    simulator.launch("main")
    ticks = 0

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    done = threading.Event()
    thread = threading.Thread(target=count)
    thread.start()
    with pytest.raises(SimulationError, match="cycle-limit"):
        simulator.stop()
    done.set()
    thread.join()
    assert ticks > 10
