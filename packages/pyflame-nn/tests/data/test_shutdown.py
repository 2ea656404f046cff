"""What becomes of workers when the program is interrupted, killed or ends: each runs as a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

PREAMBLE = """
import multiprocessing, os, sys, time
import numpy as np
import pyflame as pf
from pyflame.data import DataLoader, Dataset

class Slow(Dataset):
    def __len__(self):
        return 10_000
    def __getitem__(self, index):
        time.sleep(0.01)
        return np.full(10_000, index, np.float32)

def tell(*more):
    print(*(child.pid for child in multiprocessing.active_children()), *more, flush=True)
"""


class Program:
    """A script, and the pids of the workers it tells of on its first line."""

    def __init__(self, code):
        script = PREAMBLE + textwrap.dedent(code)
        pipe = subprocess.PIPE
        # A shell that runs the tests in the background has them ignore Ctrl-C, which programs would inherit.
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script], stdout=pipe, stderr=pipe, text=True, start_new_session=True
            )
        finally:
            signal.signal(signal.SIGINT, before)
        self.pids = [int(word) for word in self.process.stdout.readline().split()]

    def end(self, timeout=30):
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err


def gone(pids, timeout=10):
    """Whether processes end in time; one that is a zombie of somebody else's has ended."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if not any(map(runs, pids)):
            return True
        time.sleep(0.05)
    return False


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")

LOOPS = {
    "waiting for a batch": "for batch in loader: told = told or tell() or True",
    "computing": "for batch in loader: told = told or tell() or True; time.sleep(0.2)",
}


@pytest.mark.parametrize("where", LOOPS)
@pytest.mark.parametrize("persistent", [False, True])
def test_ctrl_c(where, persistent):
    """The signal goes to the whole group, as a terminal sends it: one traceback, no worker left, and at once."""
    program = Program(f"""
        loader = DataLoader(Slow(), batch_size=8, num_workers=2, persistent_workers={persistent})
        told = None
        {LOOPS[where]}
    """)
    assert len(program.pids) == 2
    time.sleep(0.3)
    start = time.monotonic()
    os.killpg(program.process.pid, signal.SIGINT)
    code, _, err = program.end()
    assert time.monotonic() - start < 8
    assert code == -signal.SIGINT and err.count("Traceback") == 1 and err.rstrip().endswith("KeyboardInterrupt")
    assert gone(program.pids, 1)


def test_the_program_goes_on_after_ctrl_c():
    program = Program("""
        loader, told = DataLoader(Slow(), batch_size=8, num_workers=2), None
        try:
            for batch in loader:
                told = told or tell() or True
        except KeyboardInterrupt:
            left = len(multiprocessing.active_children())
        print(left, next(iter(loader)).shape[0], flush=True)
    """)
    time.sleep(0.3)
    os.killpg(program.process.pid, signal.SIGINT)
    assert program.end() == (0, "0 8\n", "") and gone(program.pids, 1)


def test_workers_do_not_outlive_a_killed_program():
    program = Program("""
        loader, other = (DataLoader(Slow(), batch_size=8, num_workers=2) for _ in range(2))
        batches, others = iter(loader), iter(other)
        next(batches), next(others)
        tell()
        time.sleep(60)
    """)
    assert len(program.pids) == 4
    program.process.kill()
    program.end()
    assert gone(program.pids)


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError('end')", "os._exit(3)"])
def test_a_program_may_end_amid_an_epoch(end):
    start = time.monotonic()
    program = Program(f"""
        batches = iter(DataLoader(Slow(), batch_size=8, num_workers=2))
        next(batches)
        tell()
        {end}
    """)
    code, _, err = program.end()
    assert code == (0 if not end else 1 if "raise" in end else 3)
    assert (err == "") == ("raise" not in end) and "worker" not in err
    assert gone(program.pids) and time.monotonic() - start < 20


def test_a_handler_of_the_programs_is_not_the_workers():
    program = Program("""
        import signal
        signal.signal(signal.SIGTERM, lambda *args: print("handled", flush=True))
        batches = iter(DataLoader(Slow(), batch_size=500, num_workers=1))
        tell()
        del batches
        assert not multiprocessing.active_children()
    """)
    assert program.end() == (0, "", "") and gone(program.pids, 1)


def test_descriptors_and_memory_do_not_pile_up():
    program = Program("""
        def used():
            with open("/proc/self/maps") as maps:
                return len(os.listdir("/proc/self/fd")), sum("pyflame-batch" in line for line in maps)
        class Quick(Slow):
            def __len__(self):
                return 64
            def __getitem__(self, index):
                return np.full(30_000, index, np.float32)
        tell()
        counts = []
        for _ in range(12):
            for batch in DataLoader(Quick(), batch_size=4, num_workers=2):
                pass
            del batch
            counts.append(used())
        print(counts[2] == counts[-1], counts[-1][1], flush=True)
    """)
    assert program.end() == (0, "True 0\n", "")
