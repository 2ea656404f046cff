"""The thread pool: how many threads, when they work, and that nobody can tell from the results."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import pyflame._core as _core


def in_process(code: str, **environment: str) -> None:
    """Runs code in a fresh interpreter; fails on an exception, a crash or a hang."""
    script = (
        "import os, threading, time\nimport numpy as np\nimport pyflame as pf\nimport pyflame._core as _core\n"
        + textwrap.dedent(code)
    )
    inherited = {name: value for name, value in os.environ.items() if name != "PYFLAME_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=1000 if _core.build_info()["sanitizers"] else 100,
        env={**inherited, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_threads_follow_the_environment_and_the_affinity_mask() -> None:
    in_process("assert pf.get_num_threads() == 3", PYFLAME_NUM_THREADS="3")
    in_process("""
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        assert pf.get_num_threads() == 1
    """)
    in_process("""
        try:
            pf.get_num_threads()
        except ValueError as error:
            assert "PYFLAME_NUM_THREADS=none" in str(error)
        else:
            raise SystemExit("no error")
    """, PYFLAME_NUM_THREADS="none")  # fmt: skip


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_tightest_control_group_counts(tmp_path: Path) -> None:
    assert _core.control_group_processors(str(tmp_path)) == 0
    write(tmp_path / "proc/self/cgroup", "0::/outer/inner\n")
    for group, limit in (("", "max 100000"), ("outer", "250000 100000"), ("outer/inner", "max 100000")):
        write(tmp_path / "sys/fs/cgroup" / group / "cpu.max", limit)
    assert _core.control_group_processors(str(tmp_path)) == 3
    write(tmp_path / "sys/fs/cgroup/outer/inner/cpu.max", "50000 100000")
    assert _core.control_group_processors(str(tmp_path)) == 1


def test_control_groups_of_the_first_version(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "7:memory:/m\n4:cpuacct,cpu:/job\n3:cpuset:/\n")
    write(tmp_path / "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n")
    write(tmp_path / "sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n")
    assert _core.control_group_processors(str(tmp_path)) == 0
    write(tmp_path / "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "400000\n")
    assert _core.control_group_processors(str(tmp_path)) == 4


@pytest.mark.plain_build
def test_idle_threads_use_no_processor() -> None:
    in_process("""
        x = pf.tensor(np.ones((700, 700)))
        assert (x @ x).numpy()[0, 0] == 700
        time.sleep(0.01)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.02
    """, PYFLAME_NUM_THREADS="4")  # fmt: skip


@pytest.mark.plain_build  # a sanitizer has threads of its own
def test_small_work_starts_no_thread() -> None:
    in_process("""
        def threads():
            return len(os.listdir("/proc/self/task"))
        before = threads()
        x = pf.tensor(np.ones((16, 16), np.float32))
        assert pf.softmax(pf.tanh(x @ x + 1), 1).sum().item() == 16
        assert threads() == before
        y = pf.tensor(np.ones((700, 700), np.float32))
        (y @ y).numpy()
        assert threads() == before + 3
    """, PYFLAME_NUM_THREADS="4", OPENBLAS_NUM_THREADS="1")  # fmt: skip


def test_many_threads_call_while_the_number_changes() -> None:
    in_process("""
        a = np.random.default_rng(0).standard_normal((300, 300))
        x = pf.tensor(a)
        want, errors = (pf.softmax(x @ x, 1) @ x).numpy(), []
        def work():
            try:
                for _ in range(40):
                    np.testing.assert_array_equal((pf.softmax(x @ x, 1) @ x).numpy(), want)
            except BaseException as error:
                errors.append(error)
        callers = [threading.Thread(target=work) for _ in range(6)]
        for caller in callers: caller.start()
        for n in (1, 7, 2, 5, 3) * 4:
            pf.set_num_threads(n)
            time.sleep(0.002)
        for caller in callers: caller.join()
        assert not errors, errors
    """)
