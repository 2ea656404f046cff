"""A worker process: takes orders from a pipe, loads, and sends batches back."""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import numpy as np

from pyflame import manual_seed, set_num_threads

from .fetch import Recipe
from .transport import Sender, pack
from .worker_info import WorkerInfo, set_worker_info

BATCH, ERROR, END = "batch", "error", "end"
LAST_WORDS = 5.0  # seconds that the work in progress has to end when the parent has gone


@dataclass(frozen=True)
class Order:
    """What the parent asks for."""

    epoch: int
    seed: int | None = None  # a new epoch begins, with this seed
    chosen: Any = None  # numbers of items; the next batch of a stream if None
    freed: tuple[int, ...] = ()  # slots of shared memory to use again


@dataclass(frozen=True)
class Failure:
    """An exception on its way to the parent, which may not have the means to make it again."""

    kind: bytes | None  # the pickled class
    trace: str


def failure(error: Exception) -> Failure:
    try:
        kind = pickle.dumps(type(error))
    except (pickle.PicklingError, AttributeError, TypeError):  # a class inside a function
        kind = None
    return Failure(kind, "".join(traceback.format_exception(error)))


class _Orders:
    """Reads orders as they come, so that the parent never waits for a worker that is waiting for the parent."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.queue: SimpleQueue[Order | None] = SimpleQueue()
        self.latest, self.parent = -1, os.getppid()
        threading.Thread(target=self._read, name="pyflame-orders", daemon=True).start()

    def _read(self) -> None:
        try:
            while self.connection.poll(LAST_WORDS) or os.getppid() == self.parent:
                if not self.connection.poll():
                    continue
                order: Order | None = self.connection.recv()
                if order is None:
                    break
                self.latest = order.epoch
                self.queue.put(order)
        except (EOFError, OSError):  # the parent has closed the pipe, or is gone
            pass
        self.queue.put(None)
        time.sleep(LAST_WORDS)
        os._exit(1)


class _Worker:
    def __init__(self, info: WorkerInfo, recipe: Recipe, streams: bool, init: Callable[[int], None] | None) -> None:
        self.info, self.recipe, self.streams, self.init = info, recipe, streams, init
        self.epoch = -1
        self.stream: Iterator[Any] | None = None
        self.load: Callable[[Any], Any] | None = None
        self.broken: Failure | None = None

    def begin(self, order: Order, seed: int) -> None:
        """Begin an epoch: all sources of random numbers start anew."""
        self.info.seed = seed
        manual_seed(seed)
        random.seed(seed)
        np.random.seed(np.random.SeedSequence(seed).generate_state(4))
        first, self.epoch = self.epoch < 0, order.epoch
        try:
            if first and self.init is not None:
                self.init(self.info.id)
            if self.streams:
                self.stream = self.recipe.stream()
            elif first:
                self.load = self.recipe.loader_of_chosen()
        except Exception as error:
            self.broken = failure(error)

    def answer(self, order: Order) -> tuple[str, Any]:
        """Return what kind of answer an order has, and the answer."""
        if self.broken is not None:
            return ERROR, self.broken
        try:
            if self.load is not None:
                return BATCH, self.load(order.chosen)
            return BATCH, next(self.stream or iter(()))
        except StopIteration as error:
            return (END, None) if self.load is None else (ERROR, failure(error))
        except Exception as error:
            return ERROR, failure(error)


def run(
    info: WorkerInfo,
    recipe: Recipe,
    streams: bool,
    init: Callable[[int], None] | None,
    orders: Connection,
    answers: Connection,
    inherited: list[Connection],
    shared: bool,
) -> None:
    """Work until the parent closes the pipe of orders."""
    # Ctrl-C reaches the whole group of processes; the parent is the one who decides. A handler of SIGTERM that the
    # program has set is for the program.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in inherited:  # else the other side would not notice that its partner has gone
        connection.close()
    set_num_threads(1)
    set_worker_info(info)
    worker, sender, incoming = _Worker(info, recipe, streams, init), Sender(answers, shared), _Orders(orders)
    while (order := incoming.queue.get()) is not None:
        sender.release(list(order.freed))
        if order.epoch < incoming.latest:  # of an epoch that was given up
            continue
        if order.seed is not None:
            worker.begin(order, order.seed)
            continue
        kind, value = worker.answer(order)
        try:
            packed = pack(value)
        except Exception as error:  # classes of their own that cannot be pickled raise anything
            kind, packed = ERROR, pack(failure(error))
        try:
            sender.send((order.epoch, kind), *packed)
        except BrokenPipeError:  # the parent has gone
            sys.exit(1)
