"""Values through a pipe and shared memory, between two threads that have the roles of worker and parent."""

import gc
import multiprocessing
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import pyflame as pf
from pyflame.data.transport import HAS_SHARED_MEMORY, MOST_SLOTS, SMALLEST, Receiver, Sender, pack

pytestmark = pytest.mark.skipif(not HAS_SHARED_MEMORY, reason="this system has no memory without a name")


@pytest.fixture(params=[True, False], ids=["shared", "pipe"])
def ends(request):
    one, other = multiprocessing.Pipe()
    with one, other:
        yield Sender(one, request.param), Receiver(other)


def through(ends, value):
    sender, receiver = ends
    sender.release(receiver.take_freed())
    thread = threading.Thread(target=sender.send, args=((1, "head"), *pack(value)))  # a pipe holds only so much
    thread.start()
    head, make = receiver.receive()
    thread.join()
    assert head == (1, "head")
    return make()


@pytest.mark.parametrize("size", [0, 1, 100, SMALLEST // 4, 50_000])
def test_arrays_and_tensors(ends, size):
    array = np.arange(size, dtype=np.float32)
    value = {
        "array": array,
        "fortran": np.asfortranarray(array[: size // 2 * 2].reshape(2, -1)),
        "strided": array[::3],
        "scalar": np.array(3.5),
        "object": np.array([1, "a", None], dtype=object),
        "tensor": pf.from_numpy(array),
        "half": pf.from_numpy(array).to(pf.bfloat16),
        "flags": pf.from_numpy(array) > 5,
        "computed": pf.from_numpy(array) * 2 + 1,
        "view": pf.from_numpy(array)[::2],
        "parameter": pf.zeros(3, requires_grad=True),
    }
    found = through(ends, value)
    assert found.keys() == value.keys()
    for name, expected in value.items():
        assert type(found[name]) is type(expected), name
        assert found[name].dtype == expected.dtype and tuple(found[name].shape) == tuple(expected.shape), name
        if isinstance(expected, pf.Tensor):
            expected, found[name] = (x.detach().float().numpy() for x in (expected, found[name]))
        np.testing.assert_array_equal(found[name], expected)
    assert found["parameter"] is not value["parameter"]
    found["array"] += 1  # arrays can be written to
    np.testing.assert_array_equal(found["array"], array + 1)


def test_what_is_kept_is_not_overwritten(ends):
    kept = [through(ends, pf.full((10_000,), float(i))) for i in range(MOST_SLOTS + 5)]
    views = [x[5:7] for x in kept[:3]]
    later = [x + 0.5 for x in kept[3:6]]  # recorded, not computed
    del kept[:6]
    gc.collect()
    for i in range(20):
        assert through(ends, pf.full((10_000,), -1.0 - i)).tolist()[0] == -1.0 - i
    assert [x.tolist() for x in views] == [[i, i] for i in (0.0, 1.0, 2.0)]
    assert [x[9].item() for x in later] == [3.5, 4.5, 5.5]
    for i, x in enumerate(kept, 6):
        assert (x.numpy() == i).all()


def test_memory_is_used_again(ends):
    sender, receiver = ends
    for i in range(50):
        x = through(ends, (pf.full((10_000 + i,), 1.0), np.zeros(9_000)))
        del x
    assert len(sender.slots) == len(receiver.slots) == (1 if sender.shared else 0)
    addresses = {through(ends, np.zeros(10_000)).ctypes.data for _ in range(5)}
    assert len(addresses) == 1 or not sender.shared


def test_what_is_in_place_elsewhere_stays(ends):
    x = through(ends, pf.ones(10_000))
    y = x.clone()
    x += 1
    assert x.numpy()[0] == 2 and y.numpy()[0] == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60_000), max_size=4), max_size=8), st.integers(0, 2**32))
def test_any_sizes_in_any_order(sizes, seed):
    one, other = multiprocessing.Pipe()
    with one, other:
        ends, chance, kept = (Sender(one, True), Receiver(other)), np.random.default_rng(seed), []
        for counts in sizes:
            arrays = [chance.integers(0, 256, count).astype(np.uint8) for count in counts]
            kept.append((arrays, through(ends, [pf.from_numpy(array) for array in arrays])))
            if chance.random() < 0.5:
                kept.pop(chance.integers(len(kept)))
        for arrays, found in kept:
            for array, x in zip(arrays, found, strict=True):
                np.testing.assert_array_equal(x.numpy(), array)
