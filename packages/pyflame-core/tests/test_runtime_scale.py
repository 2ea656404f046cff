"""Long loops in flat memory, deep graphs, threads and forks. What could hang runs in a process with a time limit."""

import subprocess
import sys
import textwrap

import pytest

import pyflame._core as _core

PREAMBLE = """
import os, threading, time
import numpy as np
import pyflame as pf
import pyflame._core as _core
ops = _core.ops

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
"""


def in_process(code: str, timeout: float = 100) -> None:
    """Runs code in a fresh interpreter; fails on an exception, a crash or a hang."""
    script = PREAMBLE + textwrap.dedent(code)
    timeout *= 10 if _core.build_info()["sanitizers"] else 1
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.plain_build
def test_a_million_recorded_ops_in_flat_memory() -> None:
    in_process("""
        x = pf.tensor(0.0, dtype=pf.float64)
        for _ in range(200_000):
            x = x + 1
        sizes = [resident()]
        for _ in range(2):  # the system itself may join pages into a large one, but not each time
            for _ in range(500_000):
                x = x + 1
            sizes.append(resident())
        assert min(sizes[1] - sizes[0], sizes[2] - sizes[1]) < 4, sizes
        assert x.item() == 1_200_000
        nodes = _core.stats()["live_nodes"]
        assert nodes < 30_000, nodes
    """)


@pytest.mark.plain_build
def test_training_steps_in_flat_memory() -> None:
    in_process("""
        w = pf.tensor(np.ones((16, 16), np.float32), requires_grad=True)
        data = pf.tensor(np.full((8, 16), 0.01, np.float32))
        def step():
            loss = pf.mean(pf.square(pf.tanh(data @ w)))
            loss.backward()
            with pf.no_grad():
                _core.assign(w, ops.sgd_step_plain(w, w.grad, lr=0.01, weight_decay=0.0, maximize=False))
            w.grad = None
            _core.eval(w)
        for _ in range(500):
            step()
        plans, nodes, sizes = _core.stats()["plan_misses"], _core.stats()["live_nodes"], [resident()]
        for _ in range(2):
            for _ in range(2500):
                step()
            sizes.append(resident())
        assert min(sizes[1] - sizes[0], sizes[2] - sizes[1]) < 2, sizes
        assert _core.stats()["plan_misses"] == plans
        assert _core.stats()["live_nodes"] <= nodes
    """)


def test_chain_of_a_hundred_thousand_nodes() -> None:
    in_process("""
        x = pf.tensor(2.0, dtype=pf.float64, requires_grad=True)
        y = x
        for _ in range(100_000):
            y = y + x
        y.backward()
        assert x.grad.item() == 100_001
        assert y.item() == 200_002
        del y
        with pf.no_grad():
            _core.set_graph_limit(60_000)
            z = x
            for _ in range(100_000):
                z = -z
        assert z.item() == 2
    """)


def test_threads_read_and_evaluate_shared_pending_tensors() -> None:
    in_process("""
        errors = []
        def read(tensors, want, start):
            try:
                for k in range(len(tensors)):
                    t = tensors[(start + k) % len(tensors)]
                    assert np.allclose(t.numpy(), want[(start + k) % len(tensors)])
                    assert np.allclose((t + 1).sum().item(), want[(start + k) % len(tensors)].sum() + t.numel())
            except BaseException as error:
                errors.append(error)
        for round in range(30):
            a = np.random.default_rng(round).random((60, 60))
            x = pf.tensor(a)
            tensors, want = [], []
            y, b = x, a
            for _ in range(12):
                y, b = pf.tanh(y @ x) + 0.1, np.tanh(b @ a) + 0.1
                tensors.append(y); want.append(b)
            threads = [threading.Thread(target=read, args=(tensors, want, 5 * k)) for k in range(8)]
            for t in threads: t.start()
            for t in threads: t.join()
            assert not errors, errors
    """)


def test_threads_update_parameters_of_their_own() -> None:
    in_process("""
        errors = []
        def train(seed):
            try:
                w, g = pf.tensor(np.full(5000, 0.0)), pf.tensor(np.full(5000, 1.0))
                for k in range(200):
                    old = w * 1.0
                    _core.assign(w, ops.sgd_step_plain(w, g, lr=1.0, weight_decay=0.0, maximize=False))
                    _core.eval([w] if k % 3 else [old, w])
                    assert old.numpy()[0] == -k and w.numpy()[-1] == -k - 1
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=train, args=(k,)) for k in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        assert not errors, errors
    """)


def test_other_threads_run_during_a_big_product() -> None:
    in_process("""
        ticks, stop = [0], threading.Event()
        def count():
            while not stop.is_set():
                ticks[0] += 1
                time.sleep(0.001)
        thread = threading.Thread(target=count)
        a = pf.tensor(np.ones((1500, 1500)))
        thread.start()
        rounds = []
        for _ in range(10):  # on a busy machine a thread that slept may wait for long
            b = a @ a @ a @ a
            before, start = ticks[0], time.perf_counter()
            _core.eval(b)
            seconds, done = time.perf_counter() - start, ticks[0] - before
            rounds.append((done, seconds))
            if done > 0.1 * seconds / 0.001:
                break
        stop.set(); thread.join()
        assert done > 0.1 * seconds / 0.001, rounds
    """)


def test_fork_after_use_of_the_thread_pool() -> None:
    in_process("""
        _core.set_num_threads(2)
        x = pf.tensor(np.ones((700, 700)))
        assert (x @ x).numpy()[0, 0] == 700
        child = os.fork()
        if child == 0:
            ok = (x @ x).numpy()[-1, -1] == 700 and pf.exp(x * 0).sum().item() == 490_000
            os._exit(0 if ok else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        assert (x @ x).numpy()[0, 0] == 700
    """)


def test_fork_during_the_run_of_another_thread() -> None:
    in_process("""
        x = pf.tensor(np.ones((700, 700)))
        y = x
        for _ in range(60):
            y = y @ x * (1 / 700)
        thread, before = threading.Thread(target=lambda: y.numpy()), _core.stats()["runs"]
        thread.start()
        while _core.stats()["runs"] == before:
            time.sleep(0.001)
        assert thread.is_alive(), "the run ended before the fork"
        child = os.fork()
        if child == 0:
            other = (x @ x).numpy()[0, 0] == 700
            try:
                y.numpy()
            except RuntimeError as error:
                os._exit(0 if other and "when this process was forked" in str(error) else 1)
            os._exit(2)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        thread.join()
        np.testing.assert_allclose(y.numpy(), 1)
    """)


def test_observed_runs_of_two_threads_take_turns() -> None:
    in_process("""
        seen = []
        def slow(step):
            time.sleep(0.05)
            seen.append(list(step.ops))
        _core.set_observer(slow, None, None)
        def work():
            pf.exp(pf.tensor(np.ones(8))).numpy()
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        assert len(seen) == 4, seen
    """, 30)  # fmt: skip
