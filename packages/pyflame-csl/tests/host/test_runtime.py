import logging

import numpy as np
import pytest

from pyflame.csl.host.runtime import MemcpyDataType, MemcpyOrder, SdkRuntime


@pytest.fixture
def runner(compiled):
    runtime = SdkRuntime(compiled, cmaddr=None, suppress_simfab_trace=True)
    runtime.load()
    runtime.run()
    return runtime


def read(runner, order=MemcpyOrder.ROW_MAJOR):
    found = np.zeros(16, np.float32)
    data_type = MemcpyDataType.MEMCPY_32BIT
    x = runner.get_id("x")
    runner.memcpy_d2h(found, x, 0, 0, 2, 2, 4, streaming=False, order=order, data_type=data_type, nonblock=False)
    return found


def test_copy_launch_copy(runner):
    data = np.arange(16, dtype=np.float32)
    runner.memcpy_h2d(runner.get_id("x"), data, 0, 0, 2, 2, 4, streaming=False, order=MemcpyOrder.ROW_MAJOR)
    task = runner.launch("scale", np.float32(2), np.int16(-1), nonblock=True)
    runner.task_wait(task)
    assert runner.is_task_done(task)
    np.testing.assert_array_equal(read(runner), data * 2 - 1)
    assert runner.read_symbol(1, 1, "x", "float32").tolist() == (data[12:] * 2 - 1).tolist()


def test_calls_take_words(runner):
    runner.call("scale", [int(np.float32(3).view(np.uint32)), 0xFFFE])
    assert set(read(runner).tolist()) == {-2.0}
    with pytest.raises(ValueError, match="2 arguments"):
        runner.call("scale", [1])


@pytest.mark.parametrize("order", MemcpyOrder)
def test_broadcasts(runner, order):
    x = runner.get_id("x")
    data = np.arange(8, dtype=np.float32)
    by_place = data.reshape((2, 1, 4) if order == MemcpyOrder.ROW_MAJOR else (4, 1, 2))
    rows = by_place if order == MemcpyOrder.ROW_MAJOR else by_place.transpose(2, 1, 0)  # (h, 1, l)
    runner.memcpy_h2d_rowbcast(x, data, 0, 0, 2, 2, 4, streaming=False, order=order)
    np.testing.assert_array_equal(read(runner).reshape(2, 2, 4), np.broadcast_to(rows, (2, 2, 4)))
    by_place = data.reshape((1, 2, 4) if order == MemcpyOrder.ROW_MAJOR else (4, 2, 1))
    columns = by_place if order == MemcpyOrder.ROW_MAJOR else by_place.transpose(2, 1, 0)  # (1, w, l)
    runner.memcpy_h2d_colbcast(x, data, 0, 0, 2, 2, 4, streaming=False, order=order)
    np.testing.assert_array_equal(read(runner).reshape(2, 2, 4), np.broadcast_to(columns, (2, 2, 4)))
    with pytest.raises(ValueError, match="1 x 2 x 4"):
        runner.memcpy_h2d_rowbcast(x, data[:4], 0, 0, 2, 2, 4)


def test_stop_writes_the_log(runner, compiled):
    runner.launch("scale", 1.0, 0)
    runner.stop()
    lines = (compiled.parent / "sim.log").read_text().splitlines()
    assert sum(line.endswith("scaled") for line in lines) == 4
    assert (compiled.parent / "sim_stats.json").is_file()


def test_an_unknown_name_is_none_with_a_warning(runner, caplog):
    with caplog.at_level(logging.WARNING, "pyflame.csl"):
        assert runner.get_id("nothing") is None
    assert "'nothing'" in caplog.text


def test_the_order_of_calls(compiled):
    runtime = SdkRuntime(compiled)
    with pytest.raises(RuntimeError, match="load, run"):
        runtime.run()


def test_no_system_is_reached(compiled):
    with pytest.raises(NotImplementedError, match="1.2.3.4"):
        SdkRuntime(compiled, cmaddr="1.2.3.4:9000")
