"""Memory of runs: none from the heap in a run whose plan is known, and what is kept goes back when it is not needed."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf

# Loaded before the C library, so that every request passes here.
COUNTER = r"""
#define _GNU_SOURCE
#include <stddef.h>
#include <errno.h>
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
long allocations = 0;
void* malloc(size_t n) { ++allocations; return __libc_malloc(n); }
void* calloc(size_t n, size_t m) { ++allocations; return __libc_calloc(n, m); }
void* realloc(void* p, size_t n) { ++allocations; return __libc_realloc(p, n); }
void* memalign(size_t a, size_t n) { ++allocations; return __libc_memalign(a, n); }
void* aligned_alloc(size_t a, size_t n) { ++allocations; return __libc_memalign(a, n); }
int posix_memalign(void** p, size_t a, size_t n) { ++allocations; *p = __libc_memalign(a, n); return *p ? 0 : ENOMEM; }
"""

STEP = """
import ctypes, sys
import numpy as np
import pyflame as pf
import pyflame._core as _core
counter = ctypes.c_long.in_dll(ctypes.CDLL(sys.argv[1]), "allocations")
x = pf.tensor(np.ones((32, 48), np.float32))
w, b = (pf.tensor(np.full(shape, 0.01, np.float32), requires_grad=True) for shape in ((48, 48), (48,)))
found = []
for _ in range(8):
    loss = pf.mean(pf.square(pf.softmax(pf.tanh(x @ w + b), 1)))
    loss.backward()
    with pf.no_grad():
        for parameter in (w, b):
            _core.assign(parameter, _core.ops.sgd_step_plain(parameter, parameter.grad, 0.1, 0.0, False))
            parameter.grad = None
    wanted = [w, b, loss]
    before = counter.value
    _core.eval(wanted)
    found.append(counter.value - before)
print(found)
assert found[0] > 0 and found[-1] == 0, found
"""


@pytest.mark.plain_build
def test_a_known_plan_runs_without_the_heap(tmp_path: Path) -> None:
    source, library = tmp_path / "counter.c", tmp_path / "counter.so"
    source.write_text(COUNTER)
    compiler = os.environ.get("CC", "cc")
    try:
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-fno-builtin", "-o", library, source], check=True)
    except FileNotFoundError:
        pytest.skip(f"no C compiler {compiler}")
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(library)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "LD_PRELOAD": str(library), "PYFLAME_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def chain(size: int) -> pf.Tensor:
    x = pf.tensor(np.full((size, size), 1 / size, np.float32))
    return pf.eval((pf.exp(x @ x) @ x).sum())


def test_the_arena_is_kept_and_given_back() -> None:
    pf.empty_cache()
    assert pf.runtime_info()["arena_bytes"] == 0
    chain(1500)
    kept = pf.runtime_info()["arena_bytes"]
    assert kept >= 2 * 1500 * 1500 * 4
    chain(64)
    assert pf.runtime_info()["arena_bytes"] == kept
    for _ in range(300):  # nothing needs it any more
        chain(64)
    assert pf.runtime_info()["arena_bytes"] < kept / 16
    pf.empty_cache()
    assert pf.runtime_info()["arena_bytes"] == 0


def test_large_results_are_reused_until_another_size_is_needed() -> None:
    pf.empty_cache()
    x = pf.ones(3_000_000)

    def copies(elements: int) -> int:
        before = pf.runtime_info()["allocations"]
        results = [pf.exp(pf.ones(elements) * k) for k in (1.0, 2.0)]
        pf.eval(results)
        return pf.runtime_info()["allocations"] - before

    pf.eval(x)
    assert copies(6_000_000) == 2
    assert copies(6_000_000) == 0
    assert copies(5_900_000) == 0  # nearly the same
    assert pf.runtime_info()["cached_bytes"] >= 2 * 24_000_000
    assert copies(9_000_000) == 2
    assert pf.runtime_info()["cached_bytes"] < 2 * 24_000_000 + 2 * 36_000_000
    pf.empty_cache()
    assert pf.runtime_info()["cached_bytes"] == 0


def test_results_lie_on_cache_lines() -> None:
    for elements in (1, 100, 6_000_000):
        assert pf.eval(pf.ones(elements) + 1).data_ptr() % 64 == 0


TRAINING = textwrap.dedent("""
    import os
    import numpy as np
    import pyflame as pf
    import pyflame._core as _core

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    rng = np.random.default_rng(0)
    sizes = (32, 64, 64, 10)
    weights = [
        pf.tensor(rng.standard_normal((m, n)).astype(np.float32) / m**0.5, requires_grad=True)
        for m, n in zip(sizes, sizes[1:])
    ]
    states = [[pf.zeros(w.shape), pf.zeros(w.shape)] for w in weights]
    plain = pf.tensor(rng.standard_normal((10, 10)).astype(np.float32), requires_grad=True)

    def step(k):
        batch = 8 + k % 3  # three plans take turns
        y = pf.tensor(rng.standard_normal((batch, 32)).astype(np.float32))
        for w in weights[:-1]:
            y = pf.relu(y @ w)
        loss = pf.mean(pf.square(pf.softmax(y @ weights[-1] @ plain, 1)))
        loss.backward()
        with pf.no_grad():
            for w, state in zip(weights, states):
                values = _core.ops.adam_step(w, w.grad, *state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8,
                    weight_decay=0.0, correction1=0.1, correction2=0.1, decoupled=False, maximize=False)
                for target, value in zip((w, *state), values):
                    _core.assign(target, value)
                w.grad = None
            _core.assign(plain, _core.ops.sgd_step_plain(plain, plain.grad, 0.01, 0.0, False))
            plain.grad = None
        _core.eval([loss, plain, *weights, *states[0], *states[1], *states[2]])

    for k in range(100):
        step(k)
    stats, sizes = _core.stats(), [resident()]
    for _ in range(2):  # the system itself may join pages into a large one, but not each time
        for k in range(500):
            step(k)
        sizes.append(resident())
    after = _core.stats()
    assert min(sizes[1] - sizes[0], sizes[2] - sizes[1]) < 1, sizes
    assert after["live_bytes"] <= stats["live_bytes"] and after["live_buffers"] <= stats["live_buffers"]
    assert after["live_nodes"] <= stats["live_nodes"] and after["plan_misses"] == stats["plan_misses"]
    assert after["allocations"] == stats["allocations"], (stats, after)
""")


@pytest.mark.plain_build
def test_a_thousand_training_steps_leave_nothing_behind() -> None:
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
