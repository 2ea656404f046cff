"""Compiled functions: replayed calls equal plain ones, and what cannot be replayed is not."""

from __future__ import annotations

import contextvars
import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf

Reason = Callable[..., str]

SCALE = 2.0
TABLE = pf.tensor([1.0, 2.0, 3.0])


def test_python_runs_once_for_each_kind_of_arguments() -> None:
    def function(x: pf.Tensor, k: float = 1.0, names: tuple[str, ...] = ()) -> dict[str, Any]:
        return {"y": pf.tanh(x) * k + len(names), "k": k}

    compiled = pf.compile(function)
    x = pf.rand(3, 4)
    want = np.tanh(x.numpy())
    for k, replays in ((1.0, 0), (1.0, 1), (2.0, 1), (2.0, 2), (1.0, 3), (-0.0, 3), (0.0, 3)):
        result = compiled(x, k=k)
        np.testing.assert_allclose(result["y"].numpy(), want * k, rtol=1e-6)
        assert repr(result["k"]) == repr(k) and compiled.replays == replays
    assert compiled(pf.rand(2), 1.0)["y"].shape == (2,) and compiled.replays == 3
    assert compiled(x.double(), 1.0)["y"].dtype is pf.float64 and compiled.replays == 3
    assert compiled.fallback_reasons == ()


def test_results_are_pending_and_have_gradients() -> None:
    compiled = pf.compile(lambda x, w: (x @ w).square().sum())
    for _ in range(3):
        x, w = pf.rand(2, 3), pf.rand(3, 2, requires_grad=True)
        loss = compiled(x, w)
        assert pf.is_lazy(loss)
        loss.backward()
        assert w.grad is not None
        np.testing.assert_allclose(w.grad.numpy(), 2 * x.numpy().T @ x.numpy() @ w.detach().numpy(), rtol=1e-5)
    assert compiled.replays == 2


def test_gradients_of_tensors_that_are_no_leaves() -> None:
    compiled = pf.compile(lambda x: pf.exp(x) * x)
    for _ in range(3):
        a = pf.tensor([0.5, 1.0], requires_grad=True)
        compiled(a * 2).sum().backward()
        x = 2 * a.detach().numpy()
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.numpy(), 2 * np.exp(x) * (1 + x), rtol=1e-5)
    assert compiled.replays == 2


def test_grad_mode_is_part_of_the_kind() -> None:
    compiled = pf.compile(lambda x: x * 2)
    x = pf.ones(2, requires_grad=True)
    for _ in range(2):
        assert compiled(x).requires_grad
        with pf.no_grad():
            assert not compiled(x).requires_grad
    assert compiled.replays == 2


def test_random_draws_move_on() -> None:
    compiled = pf.compile(lambda x: x + pf.rand(5) * pf.randn(5))
    plain = lambda x: x + pf.rand(5) * pf.randn(5)
    x = pf.ones(5)
    pf.manual_seed(3)
    want = [plain(x).numpy() for _ in range(4)] + [pf.rand(2).numpy()]
    pf.manual_seed(3)
    found = [compiled(x).numpy() for _ in range(4)] + [pf.rand(2).numpy()]
    assert compiled.replays == 3
    for a, b in zip(want, found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_global_variables_and_tensors_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = pf.compile(lambda x: x * SCALE + TABLE)
    x = pf.ones(3)
    for _ in range(2):
        assert compiled(x).tolist() == [3.0, 4.0, 5.0]
    monkeypatch.setitem(globals(), "SCALE", 10.0)
    for _ in range(2):
        assert compiled(x).tolist() == [11.0, 12.0, 13.0]
    TABLE.add_(1.0)  # another value of the same tensor
    assert compiled(x).tolist() == [12.0, 13.0, 14.0]
    TABLE.sub_(1.0)
    monkeypatch.setitem(globals(), "TABLE", pf.tensor([0.0, 0.0, 5.0]))
    assert compiled(x).tolist() == [10.0, 10.0, 15.0]
    assert compiled.replays == 3


def test_variables_of_enclosing_functions_and_containers_are_watched() -> None:
    factor, offsets = 2.0, [1.0, 2.0]

    def function(x: pf.Tensor) -> pf.Tensor:
        for offset in offsets:
            x = x * factor + offset
        return x

    compiled = pf.compile(function)
    x = pf.ones(1)
    assert [compiled(x).item() for _ in range(2)] == [8.0, 8.0] and compiled.replays == 1
    factor = 1.0
    assert [compiled(x).item() for _ in range(2)] == [4.0, 4.0] and compiled.replays == 2
    offsets.append(5.0)
    assert [compiled(x).item() for _ in range(2)] == [9.0, 9.0] and compiled.replays == 3


def test_objects_and_their_classes_are_watched() -> None:
    class Config:
        scale = 2.0

        def __init__(self) -> None:
            self.shift = 1.0

    config = Config()
    compiled = pf.compile(lambda x: x * config.scale + config.shift)
    x = pf.ones(1)
    assert [compiled(x).item() for _ in range(2)] == [3.0, 3.0] and compiled.replays == 1
    config.shift = 5.0
    assert [compiled(x).item() for _ in range(2)] == [7.0, 7.0] and compiled.replays == 2
    Config.scale = 3.0
    assert [compiled(x).item() for _ in range(2)] == [8.0, 8.0] and compiled.replays == 3
    config.scale = 4.0
    assert compiled(x).item() == 9.0


def test_changes_in_place_happen() -> None:
    def function(total: pf.Tensor, x: pf.Tensor) -> pf.Tensor:
        total.add_(x)
        return x * 2

    compiled = pf.compile(function)
    total, window = pf.zeros(2), pf.zeros(2, 2)
    for _ in range(4):
        compiled(total, pf.ones(2))
    assert total.tolist() == [4.0, 4.0] and compiled.replays == 3
    row = window[0]
    compiled(row, pf.ones(2))  # shares its memory, so the change must show there as well
    assert window.tolist() == [[1.0, 1.0], [0.0, 0.0]] and compiled.replays == 3


def test_what_is_returned_as_it_came_stays_the_same_object() -> None:
    compiled = pf.compile(lambda x, y: (y, x + 1, [x]))
    for _ in range(3):
        x, y = pf.ones(2), pf.zeros(3)
        first, second, (third,) = compiled(x, y)
        assert first is y and third is x and second.tolist() == [2.0, 2.0]
    assert compiled.replays == 2


def test_long_loops_stay_in_flat_memory() -> None:
    compiled = pf.compile(lambda x: x * 0.5 + 1.0)
    x = pf.zeros(4)
    for _ in range(30_000):
        x = compiled(x)
    assert compiled.replays == 29_999 and pf.runtime_info()["live_nodes"] < 40_000
    np.testing.assert_allclose(x.numpy(), 2.0)


def test_modes_that_watch_recording_see_all_of_it() -> None:
    function = lambda x: x * 2 + 1
    compiled = pf.compile(function)
    x = pf.eval(pf.ones(2))
    for _ in range(3):
        compiled(x)
    with pf.graph_scope() as scope:
        compiled(x)
    assert scope.num_ops == 2
    with pf.eager():
        assert not pf.is_lazy(compiled(x))
    assert pf.trace(compiled, x).graph.num_ops == pf.trace(function, x).graph.num_ops


def test_errors_are_those_of_the_function() -> None:
    compiled = pf.compile(lambda a, b: a @ b)
    for _ in range(2):
        assert compiled(pf.ones(2, 3), pf.ones(3, 2)).shape == (2, 2)
        with pytest.raises(RuntimeError, match=r"^\[matmul\]"):
            compiled(pf.ones(2, 3), pf.ones(2, 3))


LOG: list[int] = []
GENERATOR = pf.Generator()
ARRAY = np.ones(3)
COUNTER = itertools.count()
CONTEXT = contextvars.ContextVar("CONTEXT", default=1.0)


def counted(x: pf.Tensor) -> pf.Tensor:
    LOG.append(1)
    return x + 1


def branching(x: pf.Tensor) -> pf.Tensor:
    return x * 2 if x.sum() > 0 else x


def test_what_cannot_be_replayed_runs_each_time(compiled_reason: Reason) -> None:
    x = pf.ones(3)
    assert "values of tensors" in compiled_reason(branching, x) or "value of a traced tensor" in compiled_reason(
        branching, x
    )
    assert "append" in compiled_reason(counted, x) and len(LOG) == 3
    assert "view" in compiled_reason(lambda x: x[1:], x)
    assert "no argument" not in compiled_reason(lambda x: x + pf.rand(3, generator=GENERATOR), x)
    assert "print" in compiled_reason(lambda x: print(end="") or x + 1, x)
    assert "ndarray" in compiled_reason(lambda x: x + pf.tensor(ARRAY), x)
    assert "ndarray" in compiled_reason(lambda x, a: x + pf.tensor(a), x, np.ones(3))
    assert "same tensor twice" in compiled_reason(lambda a, b: a + b, x, x)
    box = [0.0]

    def storing(x: pf.Tensor) -> pf.Tensor:
        box[0] += 1.0
        return x + box[0]

    assert "STORE_SUBSCR" in compiled_reason(storing, x) and box == [3.0]
    assert "random" in compiled_reason(lambda x: x + random.random(), x)


LAZY = """
import os, sys
import pyflame as pf

class Finder:
    def find_spec(self, name, path=None, target=None):
        seen.append(os.path.dirname(os.fspath(name)))

seen = []
sys.meta_path.insert(0, Finder())
f = pf.compile(lambda x, h, w, u: pf.ops.gru_cell(x, h, w, u))
arguments = pf.ones(2, 3), pf.ones(2, 4), pf.ones(12, 3), pf.ones(12, 4)
for _ in range(3):
    f(*arguments)
assert seen, "nothing was imported"
assert (f.replays, f.fallback_reasons) == (2, ()), f.fallback_reasons
"""


def test_imports_of_the_library_are_its_own_affair() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + next(COUNTER),
        lambda x: x + CONTEXT.get(),
        lambda x: x + float(np.random.rand()),
        lambda x: x + time.time(),
        lambda x: x + time.perf_counter_ns(),
        lambda x: pf.tensor(x.numpy() + 1),
        lambda x: x + id(x),
    ],
)
def test_functions_of_the_outer_world_run_each_time(function: Callable[..., Any], compiled_reason: Reason) -> None:
    compiled_reason(function, pf.ones(3))


def test_the_environment_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = pf.compile(lambda x: x * float(os.environ.get("PYFLAME_TEST_FACTOR", "1")))
    for factor in ("2", "2", "3", "3"):
        monkeypatch.setenv("PYFLAME_TEST_FACTOR", factor)
        assert compiled(pf.ones(1)).item() == float(factor)


# ---- random programs
PIECES = (
    "pf.tanh({a})", "{a} * SCALE", "{a} + k", "{a} * {b}", "pf.exp({a} * 0.1) - {b}", "{a} @ W",
    "{a}.relu() + 0.5 * {b}", "pf.softmax({a}, 1)", "{a} + {a}.mean(1, keepdim=True)", "pf.where({a} > 0, {a}, {b})",
    "{a}.t().t().contiguous()", "{a} + pf.rand({a}.shape)", "({a} if FLAG else {b} * 3.0)",
    "pf.concat([{a}[:, :2], {b}[:, 2:]], 1)",
    "helper({a}, {b})", "{a}.reshape(-1).cumsum(0).reshape({a}.shape) * 0.1", "{a} * SHIFTS[0] + SHIFTS[-1]",
    "{a}.detach() + {b}",
)  # fmt: skip
STATEMENTS = (
    "BUFFER.mul_(0.5).add_(({a}).detach().mean(0))", "BUFFER.copy_({a}.detach()[0])",
    "with pf.no_grad():\n        v{n} = v{n} + {a}.abs()", "LOG.append({a}.shape[0])",
    "if {a}.sum() > 1: v{n} = v{n} * 2",
    "for s in SHIFTS: v{n} = v{n} + s",
)  # fmt: skip


def program(rng: random.Random) -> str:
    lines, count = ["def f(x, y, k):", "    v0, v1 = x, y"], 2
    for _ in range(rng.randrange(2, 8)):
        a, b = (f"v{rng.randrange(count)}" for _ in "ab")
        lines.append(f"    v{count} = " + rng.choice(PIECES).format(a=a, b=b))
        if rng.random() < 0.15:
            lines.append("    " + rng.choice(STATEMENTS).format(a=a, n=count))
        count += 1
    results = rng.choice(
        (f"v{count - 1}", f"v{count - 1}, v{rng.randrange(2, count)} + 0", f"{{'a': v{count - 1}, 'k': k}}")
    )
    return "\n".join([*lines, f"    return {results}"])


class World:
    """A program with variables of its own."""

    def __init__(self, source: str, compiled: bool) -> None:
        self.scope: dict[str, Any] = {
            "pf": pf, "SCALE": 1.5, "FLAG": True, "SHIFTS": [0.5, -0.25], "LOG": [],
            "W": pf.tensor(np.eye(4, dtype=np.float32) * 0.9, requires_grad=True), "BUFFER": pf.zeros(4),
        }  # fmt: skip
        exec("def helper(a, b):\n    return pf.sigmoid(a) * SCALE - b\n" + source, self.scope)
        self.f = pf.compile(self.scope["f"]) if compiled else self.scope["f"]

    def call(self, x: Any, y: Any, k: Any, wants_grad: bool) -> list[Any]:
        a, b = pf.tensor(x, requires_grad=wants_grad), pf.tensor(y)
        result = self.f(a, b, k)
        tensors = (
            [result] if isinstance(result, pf.Tensor) else list(result.values() if isinstance(result, dict) else result)
        )
        seen: list[Any] = [t.detach().numpy() if isinstance(t, pf.Tensor) else t for t in tensors]
        for tensor in tensors:
            if isinstance(tensor, pf.Tensor) and tensor.requires_grad:
                tensor.sum().backward(retain_graph=True)
        w = self.scope["W"]
        seen += [None if t.grad is None else t.grad.numpy() for t in (a, w)]
        w.grad = None
        return [*seen, self.scope["BUFFER"].numpy(), len(self.scope["LOG"]), pf.get_rng_state().numpy()]

    def change(self, what: int, value: float) -> None:
        scope = self.scope
        if what == 0:
            scope["SCALE"] = value
        elif what == 1:
            scope["FLAG"] = value > 0
        elif what == 2:
            scope["W"] = pf.tensor(np.full((4, 4), value, np.float32), requires_grad=value > 0)
        elif what == 3:
            with pf.no_grad():
                scope["W"].mul_(0.5)
        elif what == 4:
            scope["SHIFTS"].append(value)
        elif what == 5:
            scope["BUFFER"] = pf.ones(4) * value
        elif what == 6:
            pf.manual_seed(int(value * 1000))


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_compute_the_same(seed: int) -> None:
    rng = random.Random(seed)
    source = program(rng)
    plain, compiled = World(source, False), World(source, True)
    values = np.random.default_rng(seed)
    rows, k, wants_grad = 3, 1.0, True
    for _ in range(14):
        event = rng.randrange(16)
        value = rng.choice((-0.5, 0.25, 1.0))
        if event == 7:
            rows = rng.randrange(1, 5)
        elif event == 8:
            k = rng.choice((1.0, 2, True, -0.0))
        elif event == 9:
            wants_grad = not wants_grad
        x, y = (values.standard_normal((rows, 4)).astype(np.float32) for _ in range(2))
        state = pf.get_rng_state()
        found = []
        for world in (plain, compiled):
            pf.set_rng_state(state)
            world.change(event, value)
            found.append(world.call(x, y, k, wants_grad))
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=source)
            assert type(a) is type(b), source


def test_most_random_programs_are_replayed() -> None:
    replayed = 0
    for seed in range(30):
        world = World(program(random.Random(seed)), True)
        for _ in range(3):
            world.call(np.ones((2, 4), np.float32), np.ones((2, 4), np.float32), 1.0, True)
        replayed += world.f.replays > 0
    assert replayed >= 12
