from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

import pyflame as pf


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_eval_returns_what_it_was_given() -> None:
    a, b = pf.ones(2) + 1, pf.ones(2) + 2
    assert pf.eval(a, b) == (a, b) and a.is_evaluated() and b.is_evaluated()
    c = [pf.ones(2) + 3]
    assert pf.eval(c) is c and c[0].is_evaluated()


def test_eager_mode() -> None:
    with pf.eager():
        assert pf.is_eager() and (pf.ones(2) + 1).is_evaluated()
    assert not pf.is_eager() and not (pf.ones(2) + 1).is_evaluated()


def test_environment_is_read() -> None:
    show = (
        "import pyflame as pf; i = pf.runtime_info(); print(i['eager'], i['graph_limit'], i['debug'], i['num_threads'])"
    )
    assert (
        run(show, PYFLAME_EAGER="1", PYFLAME_GRAPH_LIMIT="50", PYFLAME_DEBUG="1", PYFLAME_NUM_THREADS="3")
        == "True 50 True 3"
    )
    assert "PYFLAME_GRAPH_LIMIT is 'x'" in run("import pyflame", PYFLAME_GRAPH_LIMIT="x")


def test_threads() -> None:
    before = pf.get_num_threads()
    pf.set_num_threads(1)
    assert pf.get_num_threads() == 1
    pf.set_num_threads(before)
    with pytest.raises(ValueError, match="n is 0"):
        pf.set_num_threads(0)


def test_plan_cache_counts() -> None:
    pf.clear_compile_cache()
    (pf.ones(3) * 2).eval()
    before = pf.compile_cache_stats()
    (pf.ones(3) * 5).eval()
    after = pf.compile_cache_stats()
    assert after["hits"] == before["hits"] + 1 and after["misses"] == before["misses"]


def test_memory_counts_live_tensors() -> None:
    gc.collect()  # what other tests left must not go meanwhile
    before = pf.get_memory_allocated()
    pf.reset_peak_memory_stats()
    x = (pf.rand(1000, 100) + 1).eval()
    assert pf.get_memory_allocated() - before >= x.nbytes <= pf.get_peak_memory_allocated()
    del x
    assert pf.get_memory_allocated() == before


def test_long_chain_runs_in_constant_memory() -> None:
    x = pf.zeros(1)
    for _ in range(50_000):
        x = x + 1
    assert x.item() == 50_000 and pf.runtime_info()["live_nodes"] < 20_000


def test_source_lines_are_the_callers() -> None:
    code = (
        "import pyflame as pf; from pyflame import _core\n"
        "x = pf.zeros(2)\n"
        "y = pf.ops.mish(x)\n"
        "print(_core.source_line(_core.location_of(y))[1])"
    )
    assert run(code) == "3"


def test_import_is_quiet_and_light() -> None:
    assert (
        run("import sys, pyflame; print([m for m in ('unittest', 'asyncio', 'multiprocessing') if m in sys.modules])")
        == "[]"
    )


def test_plans_are_measured_in_bytes() -> None:
    pf.clear_compile_cache()
    assert pf.compile_cache_stats()["bytes"] == 0
    pf.eval(pf.ones(3) + pf.ones(3))
    one = pf.compile_cache_stats()["bytes"]
    pf.eval(pf.ones(5).exp() @ pf.ones(5))
    assert 0 < one < pf.compile_cache_stats()["bytes"] < 100_000
