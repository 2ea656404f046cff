"""Loading in worker processes: order, seeds, errors, and what becomes of the processes."""

import contextlib
import functools
import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import sys
import threading
import time
from collections import namedtuple

import numpy as np
import pytest

import pyflame as pf
from pyflame.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, get_worker_info

Pair = namedtuple("Pair", "left right")


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    assert not multiprocessing.active_children()


class Items(Dataset):
    """Items that a function makes of their numbers."""

    def __init__(self, count, function=lambda i: i):
        self.count, self.function = count, function

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.function(index)


def same(one, other):
    assert type(one) is type(other)
    if isinstance(one, pf.Tensor):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.float().numpy(), other.float().numpy())
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            same(a, b)
    else:
        assert one == other


def mixed(i):
    return {"image": np.full((40, 50), i, np.float32), "name": f"item {i}", "pair": Pair(i, [i / 2, pf.ones(3) * i])}


SETS = {
    "tensors": (TensorDataset(pf.randn(50, 300), pf.arange(50)), {}),
    "subset": (Subset(TensorDataset(pf.randn(50, 3), pf.arange(50)), range(5, 45)), {"shuffle": True}),
    "bfloat16": (TensorDataset(pf.randn(50, 300).to(pf.bfloat16)), {"shuffle": True}),
    "mixed": (Items(41, mixed), {"shuffle": True, "drop_last": True}),
    "single": (Items(20, mixed), {"batch_size": None}),
    "list": ([np.ones(3) * i for i in range(20)], {}),
    "collate": (Items(20), {"collate_fn": lambda items: {"sum": sum(items), "array": np.array(items)}}),
    "empty": (TensorDataset(pf.ones(0, 2)), {}),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_those_of_this_process(name, workers):
    dataset, options = SETS[name]
    options = {"batch_size": 8, "seed": 3, **options}
    here, there = DataLoader(dataset, **options), DataLoader(dataset, num_workers=workers, **options)
    for _ in range(2):  # epochs
        one, other = list(here), list(there)
        assert len(one) == len(other) == len(here) == len(there)
        for a, b in zip(one, other):
            if name == "collate":
                assert a["sum"] == b["sum"] and np.array_equal(a["array"], b["array"])
            else:
                same(a, b)


def test_the_order_is_kept_when_workers_differ_in_speed():
    def slow(i):
        time.sleep(0.02 if i % 3 == 0 else 0.0)
        return i

    loader = DataLoader(Items(40, slow), batch_size=2, num_workers=3, prefetch_factor=3)
    assert [batch.tolist() for batch in loader] == [[i, i + 1] for i in range(0, 40, 2)]


def test_the_order_drawn_from_the_generator_is_the_same_for_any_number_of_workers():
    found = []
    for workers in (0, 1, 2):
        loader = DataLoader(Items(30), batch_size=7, shuffle=True, num_workers=workers)
        pf.manual_seed(5)
        found.append([[batch.tolist() for batch in loader] for _ in range(2)])
    assert found[0] == found[1] == found[2]


def failing(kind, i):
    if i == 5:
        raise kind
    return i


class Picky(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


@pytest.mark.parametrize(
    "error, kind",
    [
        (ValueError("bad item"), ValueError),
        (KeyError("bad item"), KeyError),
        (Picky("bad item", 2), RuntimeError),
        (StopIteration("bad item"), RuntimeError),
    ],
)
def test_errors_come_with_their_traceback(error, kind):
    batches = iter(DataLoader(Items(12, functools.partial(failing, error)), batch_size=2, num_workers=2))
    assert [next(batches).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(kind) as caught:
        next(batches)
    assert type(caught.value) is kind
    for part in ("[DataLoader] worker 0 raised:\nTraceback", "in failing\n", "bad item"):
        assert part in str(caught.value)
    assert [batch.tolist() for batch in batches] == [[6, 7], [8, 9], [10, 11]]


def test_a_stop_in_a_dataset_does_not_end_an_epoch_in_this_process_either():
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(DataLoader(Items(12, functools.partial(failing, StopIteration())), batch_size=2))


def test_classes_that_cannot_travel():
    class Local(Exception):
        pass

    with pytest.raises(RuntimeError, match="Local: here"):
        list(DataLoader(Items(6, functools.partial(failing, Local("here"))), num_workers=1))
    with pytest.raises((AttributeError, RuntimeError), match="Can't pickle"):
        list(DataLoader(Items(2, lambda i: Local), num_workers=1, collate_fn=list))


def die(how, i):
    if i == 5:
        time.sleep(0.1)
        how()
    return i


@pytest.mark.parametrize(
    "how, what",
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed by SIGKILL: if memory ran out"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "was killed by SIGTERM"),
        (lambda: os._exit(3), "has exited with code 3"),
        (lambda: sys.exit(4), "has exited with code 4"),
    ],
)
def test_a_dead_worker_is_named(how, what):
    batches, found = iter(DataLoader(Items(40, functools.partial(die, how)), num_workers=2)), []
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"\[DataLoader\] worker 1 \(pid \d+\) {what}"):
        for batch in batches:
            found += batch.tolist()
    assert found == [0, 1, 2, 3, 4] and time.monotonic() - start < 20
    assert list(batches) == []


def test_workers_killed_from_outside_never_hang():
    """At random moments, also amid a message: either all batches come, or an error that says what happened."""
    chance, outcomes = random.Random(1), {"all": 0, "error": 0}
    dataset = Items(64, lambda i: np.full(100_000, i, np.float32))

    def kill(pid):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(pid, signal.SIGKILL)

    start = time.monotonic()
    list(DataLoader(dataset, batch_size=4, num_workers=2))
    whole = time.monotonic() - start
    for _ in range(15):
        loader, found = DataLoader(dataset, batch_size=4, num_workers=2), []
        batches = iter(loader)
        victim = chance.choice(multiprocessing.active_children()).pid
        killer = threading.Timer(chance.uniform(0, whole), kill, (victim,))
        killer.start()
        try:
            for batch in batches:
                found += batch[:, 0].tolist()
            outcomes["all"] += 1
        except RuntimeError as error:
            assert f"(pid {victim}) was killed by SIGKILL" in str(error)
            outcomes["error"] += 1
        killer.cancel()
        killer.join()
        assert found == [float(i) for i in range(len(found))]
        assert len(found) == 64 or outcomes["error"]
    assert outcomes["error"]


def test_a_worker_that_takes_too_long():
    loader = DataLoader(Items(4, lambda i: time.sleep(30)), num_workers=1, timeout=0.3)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"worker 0 \(pid \d+\) has not delivered within the timeout of 0\.3 s"):
        next(iter(loader))
    assert time.monotonic() - start < 10
    assert len(list(DataLoader(Items(4), num_workers=1, timeout=30))) == 4


def test_a_stopped_worker_is_no_obstacle():
    """Stopped as by a debugger, with its pipe of orders full: the timeout tells, and closing does not wait for it."""
    loader = DataLoader(Items(100, lambda i: time.sleep(0.05)), batch_size=None, num_workers=1, timeout=0.5)
    batches = iter(loader)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="timeout"):
        list(batches)
    assert time.monotonic() - start < 15


def test_an_abandoned_iterator_takes_its_workers_along():
    loader = DataLoader(Items(1000, lambda i: np.zeros(50_000)), num_workers=2, batch_size=2)
    for _ in loader:
        break
    assert not multiprocessing.active_children()
    batches = iter(loader)
    assert len(multiprocessing.active_children()) == 2
    del batches


def describe(i):
    info = get_worker_info()
    return [info.id, info.num_workers, info.seed, len(info.dataset), random.getrandbits(30), np.random.randint(2**30),
            pf.randint(0, 2**30, ()).item()]  # fmt: skip


def test_workers_know_who_they_are_and_draw_their_own_numbers():
    assert get_worker_info() is None
    loader = DataLoader(Items(4, describe), batch_size=None, num_workers=2, seed=1)
    first, second = np.array(list(loader)), np.array(list(loader))
    assert first[:, 0].tolist() == [0, 1, 0, 1] and (first[:, 1] == 2).all() and (first[:, 3] == 4).all()
    assert first[1, 2] == first[0, 2] + 1
    for column in (4, 5, 6):
        assert len({*first[:, column], *second[:, column]}) == 8
    loader.set_epoch(0)
    np.testing.assert_array_equal(list(loader), first)
    found = []
    for persistent in (False, True):
        loader = DataLoader(Items(4, describe), batch_size=None, num_workers=2, persistent_workers=persistent)
        pf.manual_seed(2)
        found.append([np.array(list(loader)) for _ in range(2)])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0][0], found[0][1])


def test_the_function_that_prepares_workers():
    def prepare(number):
        get_worker_info().dataset.function = lambda i: (number, i)

    loader = DataLoader(Items(4), batch_size=None, num_workers=2, worker_init_fn=prepare)
    assert list(loader) == [(0, 0), (1, 1), (0, 2), (1, 3)] or list(loader) == [[0, 0], [1, 1], [0, 2], [1, 3]]
    with pytest.raises(ZeroDivisionError, match="worker 0 raised"):
        next(iter(DataLoader(Items(4), num_workers=1, worker_init_fn=lambda number: 1 / 0)))


class Shards(IterableDataset):
    """Worker k has the numbers k * 100 to k * 100 + lengths[k]."""

    def __init__(self, lengths):
        self.lengths = lengths

    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id * 100, info.id * 100 + self.lengths[info.id]))


@pytest.mark.parametrize("persistent", [False, True])
def test_streams_take_turns_until_each_has_ended(persistent):
    loader = DataLoader(Shards([5, 1, 2]), batch_size=2, num_workers=3, persistent_workers=persistent)
    for _ in range(3):
        assert [batch.tolist() for batch in loader] == [[0, 1], [100], [200, 201], [2, 3], [4]]
    dropping = DataLoader(Shards([5, 1, 2]), batch_size=2, num_workers=3, drop_last=True)
    assert [batch.tolist() for batch in dropping] == [[0, 1], [200, 201], [2, 3]]
    assert list(DataLoader(Shards([2, 1]), batch_size=None, num_workers=2)) == [0, 100, 1]
    assert list(DataLoader(Shards([0, 0]), num_workers=2)) == []
    del loader


def test_persistent_workers_stay():
    loader = DataLoader(Items(6, lambda i: os.getpid()), num_workers=2, persistent_workers=True)
    first, second = (sum((batch.tolist() for batch in loader), []) for _ in range(2))
    assert first == second and len(set(first)) == 2 and os.getpid() not in first
    assert {child.pid for child in multiprocessing.active_children()} == set(first)
    batches = iter(loader)
    next(batches)
    assert sum((batch.tolist() for batch in loader), []) == first  # what was loaded ahead of the first loop is dropped
    with pytest.raises(RuntimeError, match="another loop"):
        next(batches)
    os.kill(first[0], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(loader)
    assert len(set(first) & set(sum((batch.tolist() for batch in loader), []))) == 0
    del loader, batches


def test_large_orders_and_small_ones_ahead():
    """Neither side waits for the other while the pipes between them are full."""
    count, far = 60_000, 8
    chosen = [list(range(count))] * 12
    loader = DataLoader(TensorDataset(pf.arange(count)), batch_sampler=chosen, num_workers=2, prefetch_factor=far)
    assert all(batch[0][-1].item() == count - 1 for batch in loader)
    texts = DataLoader(Items(200, lambda i: "x" * 20_000), batch_size=4, num_workers=1, prefetch_factor=40)
    assert sum(len(batch) for batch in texts) == 200


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_start_methods(method):
    loader = DataLoader(
        TensorDataset(pf.randn(20, 3000), pf.arange(20)), batch_size=5, num_workers=2, multiprocessing_context=method
    )
    assert [batch[1].tolist() for batch in loader] == [list(range(i, i + 5)) for i in range(0, 20, 5)]


def test_a_worker_that_starts_while_another_pool_closes(monkeypatch):
    def close_slowly(self):
        os.close(self._handle)
        time.sleep(0.05)  # the object still names the descriptor

    dataset = TensorDataset(pf.arange(8))
    first = DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=True)
    list(first)
    monkeypatch.setattr(multiprocessing.connection.Connection, "_close", close_slowly)
    closing = threading.Thread(target=first._pool.close)
    closing.start()
    for _ in range(3):
        assert sum((batch[0].tolist() for batch in DataLoader(dataset, batch_size=4, num_workers=1)), []) == list(
            range(8)
        )
    closing.join()


def test_loaders_in_several_threads_while_others_compute():
    stop, failures = threading.Event(), []

    def compute():
        x = pf.randn(200, 200)
        while not stop.is_set():
            (x @ x).sum().item()

    def load(number):
        try:
            for _ in range(3):
                dataset = TensorDataset(pf.randn(60, 2000), pf.arange(60))
                loader = DataLoader(dataset, batch_size=7, num_workers=2)
                assert sum((batch[1].tolist() for batch in loader), []) == list(range(60))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=compute), *(threading.Thread(target=load, args=(n,)) for n in range(2))]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    stop.set()
    threads[0].join()
    assert not failures
