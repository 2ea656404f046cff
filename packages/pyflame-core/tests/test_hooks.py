"""Hooks on real execution, profiling, debug mode."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core, hooks


def fresh() -> Any:
    return pf.tensor([[1.0, 2.0], [3.0, 4.0]])


def test_events_describe_every_step() -> None:
    events: list[tuple[Any, ...]] = []

    def post(event: hooks.OpEvent) -> None:
        events.append((event.index, event.op, event.ops, event.duration, event.location, event.node, event.memory))
        assert event.output_specs == tuple(pf.TensorSpec(tuple(t.shape), t.dtype) for t in event.outputs)
        assert len(event.input_specs) == len(event.inputs)

    with hooks.register_op_hook(post=post):
        pf.eval(pf.matmul(fresh().exp() + 1.0, fresh()))
    assert [event[0] for event in events] == [0, 1]
    assert [event[2] for event in events] == [("exp", "add"), ("matmul",)]
    assert events[0][1] == "exp+add" and events[1][3] > 0 and events[1][6] == 16
    assert events[1][4].file == __file__ and events[1][5].op_type == "matmul"


def test_values_before_and_after() -> None:
    seen: list[Any] = []
    hook = hooks.register_op_hook(
        pre=lambda e: seen.append((e.inputs[0].tolist(), e.outputs, e.duration)),
        post=lambda e: seen.append(e.outputs[0].tolist()),
    )
    pf.eval(pf.neg(pf.tensor([1.0, 2.0])))
    hook.remove()
    assert seen == [([1.0, 2.0], [], 0.0), [-1.0, -2.0]]


def test_values_stay_after_the_hook_and_others_are_refused() -> None:
    kept: list[hooks.OpEvent] = []

    def post(event: hooks.OpEvent) -> None:
        event.outputs  # noqa: B018
        kept.append(event)

    with hooks.register_op_hook(post=post):
        pf.eval(fresh().neg())
    assert kept[0].outputs[0].tolist() == [[-1.0, -2.0], [-3.0, -4.0]]
    with pytest.raises(RuntimeError, match="inside the hook"):
        kept[0].inputs  # noqa: B018


def test_removed_hooks_are_silent() -> None:
    events: list[Any] = []
    handle = hooks.register_op_hook(post=events.append)
    handle.remove()
    handle.remove()
    pf.eval(fresh().exp())
    assert events == []


def test_stopping_leaves_tensors_pending() -> None:
    def stop(event: hooks.OpEvent) -> None:
        if "matmul" in event.ops:
            raise hooks.StopExecution("enough")

    x = fresh()
    y = x.exp()
    z = pf.matmul(y, x)
    w = z + 1.0
    for arguments in ({"pre": stop}, {"post": stop}):
        with hooks.register_op_hook(**arguments), pytest.raises(hooks.StopExecution, match="enough"):
            pf.eval(w, y)
        assert pf.is_lazy(w) and pf.is_lazy(z) and pf.is_lazy(y)
    np.testing.assert_allclose(w.numpy(), np.exp(x.numpy()) @ x.numpy() + 1, rtol=1e-6)


def test_stopping_does_not_harm_memory_that_could_be_reused() -> None:
    def stop(event: hooks.OpEvent) -> None:
        raise hooks.StopExecution

    x = pf.eval(pf.ones(1000) + 0.0)
    y = x + 1.0
    del x
    for _ in range(3):
        with hooks.register_op_hook(post=stop), pytest.raises(hooks.StopExecution):
            pf.eval(y)
    assert y.sum().item() == 2000.0


def test_any_exception_reaches_the_caller() -> None:
    def fail(event: hooks.OpEvent) -> None:
        raise KeyError("mine")

    with hooks.register_op_hook(pre=fail), pytest.raises(KeyError, match="mine"):
        fresh().exp().numpy()
    assert fresh().neg().sum().item() == -10.0


def test_hooks_may_compute_and_are_not_observed() -> None:
    count = 0

    def post(event: hooks.OpEvent) -> None:
        nonlocal count
        count += 1
        assert float((event.outputs[0].exp() + 1.0).sum()) > 0

    with hooks.register_op_hook(post=post):
        pf.eval(fresh().exp() + 1.0)
    assert count == 1


def test_hooks_may_run_a_graph_of_the_same_structure() -> None:
    def disturb(event: hooks.OpEvent) -> None:
        other = pf.tensor(np.full((2, 2), 7.0, np.float32))
        pf.eval(pf.matmul(pf.exp(other) + 1.0, other))

    x = fresh()
    with hooks.register_op_hook(pre=disturb, post=disturb):
        got = pf.matmul(pf.exp(x) + 1.0, x).numpy()
    np.testing.assert_allclose(got, (np.exp(x.numpy()) + 1) @ x.numpy(), rtol=1e-6)


def test_a_hook_may_remove_itself() -> None:
    seen: list[int] = []

    def once(event: hooks.OpEvent) -> None:
        seen.append(event.index)
        handle.remove()

    handle = hooks.register_op_hook(post=once)
    pf.eval(pf.matmul(fresh().exp(), fresh()))
    assert seen == [0]


def test_error_hooks_see_failing_steps() -> None:
    errors: list[Any] = []
    x = fresh()
    bad = pf.tensor([7])
    with hooks.register_op_hook(error=lambda event, error: errors.append((event.op, str(error)))):
        with pytest.raises(IndexError):
            _core.ops.index_select(x, bad, 0).numpy()
    assert errors[0][0] == "index_select" and "out of range" in errors[0][1]


def test_several_hooks_run_in_order() -> None:
    seen: list[str] = []
    with (
        hooks.register_op_hook(post=lambda e: seen.append("a")),
        hooks.register_op_hook(post=lambda e: seen.append("b")),
    ):
        pf.eval(fresh().exp())
    assert seen == ["a", "b"]


def test_results_do_not_depend_on_hooks() -> None:
    def compute() -> Any:
        x = pf.tensor(np.linspace(-1, 1, 60, dtype=np.float32).reshape(6, 10))
        return pf.softmax(pf.matmul(x, x.T).tanh() * 3.0, dim=-1).sum(0).numpy()

    plain = compute()
    with hooks.register_op_hook(post=lambda e: e.outputs):
        np.testing.assert_array_equal(compute(), plain)


FIELDS = [
    "name",
    "category",
    "start_time",
    "end_time",
    "memory_allocated",
    "memory_freed",
    "input_shapes",
    "output_shapes",
    "metadata",
]


def test_profiling_reports_exact_fields() -> None:
    events: list[dict[str, Any]] = []
    hooks.set_profiling(True, events.append)
    try:
        pf.eval(pf.matmul(fresh(), fresh()))
        with hooks.record_function("outer"):
            pass
    finally:
        hooks.set_profiling(False)
    step, outer = events
    assert list(step) == list(outer) == FIELDS
    assert (step["name"], step["category"], step["output_shapes"]) == ("matmul", "compute", [(2, 2)])
    assert step["input_shapes"] == [(2, 2), (2, 2)] and step["memory_allocated"] == 16
    assert step["end_time"] > step["start_time"] and outer["start_time"] >= step["end_time"]
    assert (outer["name"], outer["category"]) == ("outer", "host")
    assert __file__ in step["metadata"]["location"]


def test_profiling_nests() -> None:
    first: list[Any] = []
    second: list[Any] = []
    hooks.set_profiling(True, first.append)
    hooks.set_profiling(True, second.append)
    pf.eval(fresh().exp())
    hooks.set_profiling(False)
    pf.eval(fresh().exp())
    hooks.set_profiling(False)
    assert (len(first), len(second)) == (2, 1)
    with pytest.raises(ValueError, match="not added"):
        hooks.set_profiling(False)
    with pytest.raises(ValueError, match="no callback"):
        hooks.set_profiling(True)
    assert pf._set_profiling_enabled is hooks.set_profiling


def test_record_function_decorates() -> None:
    events: list[dict[str, Any]] = []

    @pf.record_function("work")
    def work(depth: int) -> None:
        if depth:
            work(depth - 1)

    work(1)
    hooks.set_profiling(True, events.append)
    work(1)
    hooks.set_profiling(False)
    assert [event["name"] for event in events] == ["work", "work"]
    assert events[1]["start_time"] <= events[0]["start_time"] <= events[0]["end_time"] <= events[1]["end_time"]


def test_debug_mode_runs_operation_by_operation() -> None:
    ops: list[str] = []
    pf.set_debug_mode(True)
    try:
        assert pf.is_debug_mode()
        with hooks.register_op_hook(post=lambda e: ops.append(e.op)):
            pf.eval((fresh().exp() + 1.0).sin())
    finally:
        pf.set_debug_mode(False)
    assert ops == ["exp", "add", "sin"] and not pf.is_debug_mode()


def test_other_threads_are_observed_too() -> None:
    seen: set[int] = set()
    with hooks.register_op_hook(post=lambda e: seen.add(threading.get_ident())):
        thread = threading.Thread(target=lambda: pf.eval(fresh().exp()))
        thread.start()
        thread.join()
    assert seen == {thread.ident}
