"""The worker processes of a loader, seen from the parent."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import select
import signal
import sys
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from .fetch import Recipe
from .transport import HAS_SHARED_MEMORY, Receiver
from .worker import END, ERROR, Failure, Order, run
from .worker_info import WorkerInfo

GRACE = 2.0  # seconds for the work in progress, when a pool closes
# The parent's ends of all pipes. A forked worker closes its copies: else a pipe stays open when its parent has gone.
_ends: weakref.WeakSet[Connection] = weakref.WeakSet()


class _Text(str):
    """A message that KeyError shows as it is."""

    def __repr__(self) -> str:
        return str(self)


@dataclass
class _Member:
    """One worker and the parent's ends of its pipes."""

    process: Any
    name: str  # how errors call it
    orders: Connection
    receiver: Receiver


# A process that another thread forks while pipes are being made would keep copies of both ends, and one that is forked
# while an end is being closed would close a descriptor that is no longer the end's. Finalizers close ends at any time,
# also of the thread that holds the lock.
_starting = threading.RLock()


def _new_lock() -> None:
    global _starting
    _starting = threading.RLock()


def _close(end: Connection) -> None:
    with _starting:
        end.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def _context(wanted: Any) -> Any:
    if wanted is not None and not isinstance(wanted, str):
        return wanted
    # Forking is the quickest and takes any dataset; core's thread pool starts anew in the child.
    default = multiprocessing.get_start_method(allow_none=True) or ("fork" if sys.platform == "linux" else None)
    return multiprocessing.get_context(wanted or default)


class Pool:
    """Worker processes, each with a pipe of orders and a pipe of answers; an error or a death closes the pool.

    Args:
        count: how many workers.
        recipe: how they make batches.
        streams: the dataset is iterable: batches are not chosen but come.
        init: called in each worker with its number.
        context: a context of `multiprocessing`, or the name of a start method.
        timeout: seconds that an answer may take; 0 waits for ever.
    """

    def __init__(
        self,
        count: int,
        recipe: Recipe,
        streams: bool,
        init: Callable[[int], None] | None,
        context: Any,
        timeout: float,
    ) -> None:
        self.timeout, self.epoch = timeout, -1
        self.members: list[_Member] = []
        self.close = weakref.finalize(self, _shut, self.members, os.getpid())
        processes = _context(context)
        try:
            for number in range(count):
                self.members.append(
                    _start(processes, WorkerInfo(number, count, 0, recipe.dataset), recipe, streams, init)
                )
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether the workers are there."""
        return bool(self.close.alive)

    def begin(self, seed: int) -> int:
        """Begin an epoch with a seed for each worker, and return its number; answers of earlier ones are dropped."""
        self.epoch += 1
        for number in range(len(self.members)):
            self.order(number, seed=seed + number)
        return self.epoch

    def order(self, number: int, seed: int | None = None, chosen: Any = None) -> None:
        """Give a worker something to do."""
        member = self.members[number]
        try:
            member.orders.send(Order(self.epoch, seed, chosen, tuple(member.receiver.take_freed())))
        except OSError:  # what it had done before it died can still be received
            pass

    def receive(self, number: int) -> tuple[str, Callable[[], Any]]:
        """Return the kind of a worker's next answer, and what makes its value.

        Raises:
            RuntimeError: the worker died, or took too long; the pool is closed.
        """
        member = self.members[number]
        while True:
            self._wait(member)
            try:
                (epoch, kind), value = member.receiver.receive()
            except (EOFError, OSError, RuntimeError):
                raise self._death(member) from None
            if epoch == self.epoch:
                return kind, value

    def _wait(self, member: _Member) -> None:
        """Return when a worker has answered."""
        answers, sentinel = member.receiver.connection, member.process.sentinel
        ready = _ready([answers, sentinel], self.timeout or None)
        if not ready:
            self.close()
            raise RuntimeError(
                f"[DataLoader] {member.name} has not delivered within the timeout of {self.timeout:g} s: "
                "load less at a time, or raise the timeout"
            )
        if answers not in ready and not answers.poll():
            raise self._death(member)

    def _death(self, member: _Member) -> RuntimeError:
        member.process.join(GRACE)
        code = member.process.exitcode
        self.close()
        if code is None:
            how = "has closed its pipe"
        elif code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            how = f"was killed by {name}"
        else:
            how = f"has exited with code {code}"
        memory = code is not None and -code in (signal.SIGKILL, signal.SIGBUS)  # as the system ends what needs too much
        hint = ": if memory ran out, take fewer workers or smaller batches" if memory else ""
        return RuntimeError(f"[DataLoader] {member.name} {how}{hint}")


class PooledBatches(Iterator[Any]):
    """The batches of one epoch, in order, from a pool that works ahead.

    Args:
        pool: the workers.
        chosen: numbers of items for each batch; None if batches come from streams.
        ahead: orders that each worker has at a time.
        seed: of the epoch.
        keep: leave the pool open at the end.
    """

    def __init__(self, pool: Pool, chosen: Iterator[Any] | None, ahead: int, seed: int, keep: bool) -> None:
        self._pool, self._chosen, self._keep = pool, chosen, keep
        self._waiting: deque[int] = deque()  # the workers, in the order of the batches they were asked for
        self._ended: set[int] = set()  # workers whose streams have
        self._epoch = pool.begin(seed)
        try:
            for _ in range(ahead):
                for number in range(len(pool.members)):
                    self._order(number)
        except BaseException:
            pool.close()
            raise

    def _order(self, number: int) -> None:
        if self._chosen is None:
            self._pool.order(number)
        else:
            try:
                chosen = next(self._chosen)
            except StopIteration:
                return
            self._pool.order(number, chosen=chosen)
        self._waiting.append(number)

    def __next__(self) -> Any:
        if self._pool.epoch != self._epoch:
            raise RuntimeError(
                "[DataLoader] another loop over the loader has begun, and persistent workers serve one at a time: "
                "use two loaders"
            )
        while self._waiting and self._pool.is_open:
            number = self._waiting.popleft()
            if number in self._ended:
                continue
            try:
                kind, value = self._pool.receive(number)
                if kind == END:
                    self._ended.add(number)
                    continue
                self._order(number)
                result = value()
            except BaseException:  # also Ctrl-C, which may have come amid a message
                self._pool.close()
                raise
            if kind == ERROR:
                raise raised(result, number)
            return result
        if not self._keep:
            self._pool.close()
        raise StopIteration


def _ready(sources: list[Any], timeout: float | None) -> list[Any]:
    """Return those of some sources that can be read from; none if the timeout is over."""
    if not hasattr(select, "poll"):
        return wait(sources, timeout)
    # What wait does, without building a selector, which costs as much as receiving a batch.
    poll = select.poll()
    numbers = {source if isinstance(source, int) else source.fileno(): source for source in sources}
    for number in numbers:
        poll.register(number, select.POLLIN)
    return [numbers[number] for number, _ in poll.poll(None if timeout is None else 1000 * timeout)]


def _start(
    processes: Any, info: WorkerInfo, recipe: Recipe, streams: bool, init: Callable[[int], None] | None
) -> _Member:
    with _starting:
        order_end, orders = processes.Pipe(duplex=False)
        answers, answer_end = processes.Pipe(duplex=True)  # a socket, which descriptors can travel through
        forked = processes.get_start_method() == "fork"
        inherited = [*_ends, orders, answers] if forked else []
        process = processes.Process(
            target=run,
            args=(info, recipe, streams, init, order_end, answer_end, inherited, HAS_SHARED_MEMORY),
            name=f"pyflame-loader-{info.id}",
            daemon=True,
        )
        with warnings.catch_warnings():
            # Python 3.12 warns of threads that hold locks at the fork; those of core are made anew in the child.
            warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
            process.start()
        order_end.close()
        answer_end.close()
        _ends.update((orders, answers))
    return _Member(process, f"worker {info.id} (pid {process.pid})", orders, Receiver(answers))


def raised(failure: Failure, number: int) -> Exception:
    """Make the exception of a worker again, with the worker's traceback as its message."""
    message = _Text(f"[DataLoader] worker {number} raised:\n{failure.trace}")
    kind: Any = RuntimeError
    if failure.kind is not None:
        try:
            kind = pickle.loads(failure.kind)
        except Exception:  # a class that this process cannot import; the traceback names it
            return RuntimeError(message)
    if issubclass(kind, StopIteration | StopAsyncIteration):  # would end the loop as if nothing had happened
        return RuntimeError(message)
    try:
        error = kind(message)
    except Exception:  # it wants other arguments, which are not known
        return RuntimeError(message)
    return error if isinstance(error, Exception) else RuntimeError(message)


def _shut(members: list[_Member], owner: int) -> None:
    """End the workers: those that wait for orders at once, others after their work or the grace period."""
    if os.getpid() != owner:  # a forked child has the parent's objects, but not its children
        return
    for member in members:
        try:
            if os.name == "posix":
                os.set_blocking(member.orders.fileno(), False)  # the pipe of a stopped worker may be full
            member.orders.send(None)  # closing does not tell a worker while another process has a copy of the pipe
        except OSError:  # it has gone already
            pass
        _close(member.orders)
    end = time.monotonic() + GRACE
    for member in members:
        member.process.join(max(end - time.monotonic(), 0))
    for stop in ("terminate", "kill"):
        for member in members:
            if member.process.is_alive():
                getattr(member.process, stop)()
        for member in members:
            member.process.join(1.0)
    for member in members:
        _close(member.receiver.connection)
        if not member.process.is_alive():
            member.process.close()
    members.clear()
