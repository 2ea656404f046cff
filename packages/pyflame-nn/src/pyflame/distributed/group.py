"""The processes that train together."""

from __future__ import annotations

import atexit
import os
import sys
import time
from datetime import timedelta
from importlib.util import find_spec
from types import TracebackType
from typing import Any

from pyflame import set_num_threads

SPINS = 2000  # questions before a wait begins to sleep in between: short waits stay short
LONGEST_PAUSE = 1e-3  # seconds
GRACE = 5.0  # seconds that a collective may take to end after a process has left: its messages are on the way
LOOK_EVERY = 0.05  # seconds between looks for processes that have left


class ProcessGroup:
    """What this process knows of the others.

    Args:
        mpi: the module `mpi4py.MPI`.
        timeout: seconds that a collective may take.
    """

    def __init__(self, mpi: Any, timeout: float) -> None:
        self.mpi, self.timeout = mpi, timeout
        self.comm = mpi.COMM_WORLD.Dup()
        self._farewells = mpi.COMM_WORLD.Dup()
        self.rank, self.size = int(self.comm.Get_rank()), int(self.comm.Get_size())
        self._sent: list[Any] = []

    def wait(self, op: str, requests: list[Any]) -> None:
        """Wait for messages without keeping a core busy.

        Raises:
            RuntimeError: a process has left, or the time is up.
        """
        start, spins, pause, looked = time.monotonic(), 0, 1e-5, 0.0
        left_since: float | None = None
        while not self.mpi.Request.Testall(requests):
            spins += 1
            if spins < SPINS:
                continue
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            now = time.monotonic()
            if now - looked < LOOK_EVERY:
                continue
            looked = now
            gone = self._gone()
            if gone is not None:
                left_since = left_since or now
                if now - left_since > GRACE:
                    raise RuntimeError(
                        f"[{op}] rank {gone} has ended, and rank {self.rank} waits for it: all processes must make the "
                        "same calls, such as take the same number of batches"
                    )
            if now - start > self.timeout:
                raise RuntimeError(
                    f"[{op}] rank {self.rank} has waited {self.timeout:g} s for the others: see what they do, or give "
                    "init_process_group a longer timeout"
                )

    def _gone(self) -> int | None:
        """The rank of a process that has left, None if all are here."""
        status = self.mpi.Status()
        if not self._farewells.Iprobe(self.mpi.ANY_SOURCE, self.mpi.ANY_TAG, status):
            return None
        return int(status.Get_source())

    def leave(self) -> None:
        """Tell the others that this process makes no more calls, and wait until all have said so.

        MPI's own end would wait, too, but a process that waits for a message would then never know.
        """
        others = [rank for rank in range(self.size) if rank != self.rank]
        self._sent = [self._farewells.isend(b"", dest=rank) for rank in others]
        for rank in others:
            request = self._farewells.irecv(source=rank)
            while not request.Test():
                time.sleep(LONGEST_PAUSE)
        self.mpi.Request.Waitall(self._sent)

    def abort(self) -> None:
        """End all processes."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.mpi.COMM_WORLD.Abort(1)


_group: ProcessGroup | None = None
_hook_before: Any = None


def current() -> ProcessGroup | None:
    """The group, None before `init_process_group`."""
    return _group


def needed(op: str) -> ProcessGroup:
    """The group.

    Raises:
        RuntimeError: there is none.
    """
    if _group is None:
        raise RuntimeError(f"[{op}] there is no process group: call pyflame.distributed.init_process_group() first")
    return _group


def is_available() -> bool:
    """Tell whether mpi4py is installed.

    Example:
        >>> from pyflame import distributed
        >>> isinstance(distributed.is_available(), bool)
        True
    """
    return find_spec("mpi4py") is not None


def is_initialized() -> bool:
    """Tell whether `init_process_group` was called.

    Example:
        >>> from pyflame import distributed
        >>> distributed.is_initialized()
        False
    """
    return _group is not None


def get_rank() -> int:
    """Return the number of this process, 0 without a process group.

    Example:
        >>> from pyflame import distributed
        >>> distributed.get_rank()
        0
    """
    return 0 if _group is None else _group.rank


def get_world_size() -> int:
    """Return the number of processes, 1 without a process group.

    Example:
        >>> from pyflame import distributed
        >>> distributed.get_world_size()
        1
    """
    return 1 if _group is None else _group.size


def init_process_group(backend: str | None = None, *, timeout: float | timedelta = 1800.0) -> None:
    """Join the processes that `mpirun` has started.

    From here on an exception that nobody catches ends all processes, with its traceback, and one that waits for a
    process that has ended raises. Unless `PYFLAME_NUM_THREADS` is set, the processes of one machine share its cores.

    Args:
        backend: "mpi", the only one.
        timeout: seconds that a collective call may wait for the other processes.

    Raises:
        NotImplementedError: another backend.
        RuntimeError: it was called before, or MPI cannot be loaded.
        ModuleNotFoundError: mpi4py is not installed.

    Example:
        >>> from pyflame import distributed
        >>> distributed.init_process_group("nccl")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        NotImplementedError: [init_process_group] backend is 'nccl': only 'mpi' is available
    """
    global _group, _hook_before
    if backend not in (None, "mpi"):
        raise NotImplementedError(f"[init_process_group] backend is {backend!r}: only 'mpi' is available")
    if _group is not None:
        raise RuntimeError("[init_process_group] the process group is there already: call it once")
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
    if seconds <= 0:
        raise ValueError(f"[init_process_group] timeout is {seconds}: expected a positive number of seconds")
    _group = ProcessGroup(load_mpi(), seconds)
    if "PYFLAME_NUM_THREADS" not in os.environ:
        neighbours = _group.comm.Split_type(_group.mpi.COMM_TYPE_SHARED).Get_size()
        set_num_threads(max(1, len(os.sched_getaffinity(0)) // neighbours))
    _hook_before, sys.excepthook = sys.excepthook, end_all
    atexit.register(destroy_process_group)


def load_mpi() -> Any:
    """Import mpi4py, which starts MPI.

    Raises:
        ModuleNotFoundError: it is not installed.
        RuntimeError: there is no MPI library.
    """
    if not is_available():
        raise ModuleNotFoundError(
            "[init_process_group] mpi4py is not installed: pip install 'pyflame-nn[mpi]', and an MPI library such as "
            "Debian's openmpi-bin",
            name="mpi4py",
        )
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(
            f"[init_process_group] mpi4py finds no MPI library: install one, such as Debian's openmpi-bin ({error})"
        ) from error
    return MPI


def end_all(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an exception that nobody has caught, and end all processes: the others would wait for this one."""
    _hook_before(kind, error, trace)
    group = _group
    if group is not None and group.size > 1:
        print(
            f"[distributed] rank {group.rank} of {group.size} ended with {kind.__name__}: {error}\n"
            "[distributed] all processes are ended with it",
            file=sys.stderr,
        )
        group.abort()


def destroy_process_group() -> None:
    """Leave the process group, when all processes do; it happens at the end of the program anyway."""
    global _group
    if _group is None:
        return
    atexit.unregister(destroy_process_group)
    sys.excepthook = _hook_before
    _group.leave()
    _group = None
