"""What happens beside a function that is being watched or recorded does not count as its own."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import threading
import time
import traceback
import types
from typing import Any

import pyflame as pf
from pyflame._replay import record_with


class Garbage:
    """An unreachable cycle whose end does what no compiled function may do."""

    collected = 0

    def __init__(self) -> None:
        self.itself = self
        self.value = pf.ones(2) + 1

    def __del__(self) -> None:
        pf._core.count_change(True)
        Garbage.collected += round(float(os.path.exists("/")) * self.value.sum().item()) // 4


def test_garbage_that_is_collected_meanwhile_is_not_the_functions() -> None:
    def function(x: pf.Tensor) -> pf.Tensor:
        for part in [[k] for k in range(100)]:
            x = x + part[0]
        return x

    def told(phase: str, info: dict[str, int]) -> None:
        time.perf_counter()

    gc.callbacks.append(told)
    thresholds, before = gc.get_threshold(), Garbage.collected
    gc.freeze()  # else each collection goes through all that the tests have made
    try:
        for threshold in range(5, 300, 5):
            compiled = pf.compile(function)
            gc.collect()
            Garbage()
            gc.set_threshold(threshold)
            for _ in range(3):
                assert compiled(pf.ones(2)).tolist() == [4951.0, 4951.0]
            gc.set_threshold(*thresholds)
            assert (compiled.replays, compiled.fallback_reasons) == (2, ())
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        gc.callbacks.remove(told)
    assert Garbage.collected > before


def test_one_accident_is_no_verdict() -> None:
    accidents = [True]
    compiled = pf.compile(lambda x: x + (round(random.random()) if accidents else 1.0))
    compiled(pf.ones(1))
    assert "random" in compiled.fallback_reasons[0]
    accidents.clear()
    assert [compiled(pf.ones(1)).item() for _ in range(3)] == [2.0] * 3
    assert (compiled.replays, compiled.fallback_reasons) == (2, ())


def test_an_interrupt_leaves_state_as_it_was() -> None:
    tables = [pf.eval(pf.ones(2) * k) for k in range(3)]

    def function(x: pf.Tensor) -> pf.Tensor:
        for table in tables:
            x = x + table
        return x

    before, lines = sys.gettrace(), 0

    def trace(frame: types.FrameType, event: str, _: Any) -> Any:
        return in_recording if frame.f_code is record_with.__code__ else None

    def in_recording(frame: types.FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines -= event == "line"
        if lines < 0:
            raise KeyboardInterrupt
        return in_recording

    for count in range(200):
        lines = count
        sys.settrace(trace)
        try:
            pf.compile(function)(pf.ones(2))
        except KeyboardInterrupt as error:
            last = traceback.extract_tb(error.__traceback__)[-2]
        finally:
            sys.settrace(before)
        assert [table.tolist() for table in tables] == [[k, k] for k in range(3)]
        if last.line.startswith("with recording()"):
            break
    else:
        raise AssertionError(f"the recording did not begin: the last line was {last.line}")
    compiled = pf.compile(function)
    assert [compiled(pf.ones(2)).tolist() for _ in range(3)] == [[4.0, 4.0]] * 3 and compiled.replays == 2


def test_threads_that_record_together_leave_state_as_it_was() -> None:
    table, interval = pf.eval(pf.tensor([1.0, 2.0])), sys.getswitchinterval()

    def work() -> None:
        compiled = pf.compile(lambda x: sum([x * table + k for k in range(20)], table))
        start.wait()
        with contextlib.suppress(RuntimeError):  # of a thread that met what another one records with
            for _ in range(3):
                compiled(pf.ones(2))

    try:
        sys.setswitchinterval(1e-6)
        for _ in range(20):
            start = threading.Barrier(4)
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert table.tolist() == [1.0, 2.0]
    finally:
        sys.setswitchinterval(interval)
