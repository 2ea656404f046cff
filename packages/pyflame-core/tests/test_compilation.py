"""Plans in advance, compiled functions and graph scopes."""

from __future__ import annotations

import pytest

import pyflame as pf


def test_compile_graph_builds_the_plan_that_evaluation_finds() -> None:
    pf.clear_compile_cache()
    x = pf.eval(pf.rand(64))
    y = pf.exp(x) * 2 + 1
    info = pf.compile_graph(y)
    assert not y.is_evaluated() and info.num_kernels == 1 and info.kernels == ("exp+mul+add",)
    assert {"simplify", "schedule", "plan"} <= info.pass_seconds.keys() and info.total_seconds > 0
    assert info.peak_bytes >= y.nbytes
    misses = pf.compile_cache_stats()["misses"]
    pf.eval(y)
    assert pf.compile_cache_stats()["misses"] == misses


def test_unoptimised_plan_has_a_step_for_every_operation() -> None:
    y = pf.exp(pf.eval(pf.rand(64))) * 2 + 1
    assert pf.compile_graph([y], optimize=False).kernels == ("exp", "mul", "add")
    with pytest.raises(TypeError, match="expected a tensor"):
        pf.compile_graph(3)  # type: ignore[arg-type]


def test_compiled_function_computes_the_same_and_shows_its_plans() -> None:
    calls = []

    @pf.compile
    def double(x: pf.Tensor, *, flip: bool = False) -> pf.Tensor:
        calls.append(1)
        return -x * 2 if flip else x * 2

    x = pf.tensor([1.0, 2.0], requires_grad=True)
    assert double(x).tolist() == [2.0, 4.0] and double(x, flip=True).tolist() == [-2.0, -4.0]
    double(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 2.0]
    assert len(double.plans) == 2 and len(calls) == 3 and double.__name__ == "double"
    for size in (3, 4):
        pf.compile(double, dynamic=True)(pf.ones(size))
    with pytest.raises(TypeError, match="expected a function"):
        pf.compile(3)


def test_compile_places_arguments() -> None:
    grid = pf.MeshLayout.grid(2, 2)
    assert pf.compile(lambda x: x + 1, layout=grid)(pf.ones(4, 4)).layout == grid


def test_graph_stats_count_what_is_pending() -> None:
    x = pf.eval(pf.rand(8))
    stats = pf.get_graph_stats(x.exp().sin())
    assert stats["num_ops"] == 2 and stats["num_nodes"] >= 3
    assert stats["estimated_memory_bytes"] >= 2 * 8 * 4


def test_scopes_collect_nest_and_let_go() -> None:
    x = pf.eval(pf.rand(8))
    with pf.graph_scope() as outer:
        y = x + 1
        with pf.graph_scope() as inner:
            assert pf.current_graph() is inner
            z = y * 2
        w = z.exp()
        assert pf.current_graph() is outer
    x.exp()
    assert pf.current_graph() is None and len(inner) == 1 and outer.num_ops == 2
    assert len(outer.results) == 2 and outer.graph.num_ops >= 2
    with pf.reuse_graph(inner), pytest.raises(RuntimeError, match="active already"):
        with pf.reuse_graph(inner):
            pass
    del y, z, w
    nodes = pf.runtime_info()["live_nodes"]
    outer.clear()
    inner.clear()
    assert pf.runtime_info()["live_nodes"] < nodes and len(outer) == 0


def test_plans_are_shown_for_a_bounded_number_of_kinds() -> None:
    double = pf.compile(lambda x: x * 2)
    for size in range(1, 200):
        assert double(pf.ones(size)).sum().item() == 2 * size
    assert len(double.plans) == 64
