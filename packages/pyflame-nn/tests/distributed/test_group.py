"""One process without MPI: what works alone, and what says that it does not."""

import pytest

import pyflame as pf
from pyflame import distributed, nn


def test_without_a_group_this_is_the_only_process():
    assert (distributed.get_rank(), distributed.get_world_size()) == (0, 1)
    assert not distributed.is_initialized()
    distributed.barrier()
    distributed.destroy_process_group()
    assert distributed.all_gather_bytes(b"abc") == [b"abc"]
    assert distributed.sum_over_ranks([1.0, 2.5]) == [1.0, 2.5]
    found = [None]
    distributed.all_gather_object(found, {"a": [pf.ones(2), "text", None]})
    assert found[0]["a"][0].tolist() == [1.0, 1.0] and found[0]["a"][1:] == ["text", None]
    with pytest.raises(ValueError, match="has length 2: expected 1"):
        distributed.all_gather_object([None, None], 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: distributed.all_reduce(pf.ones(1)),
        lambda: distributed.broadcast(pf.ones(1)),
        lambda: distributed.all_gather([pf.ones(1)], pf.ones(1)),
        lambda: distributed.DistributedDataParallel(nn.Linear(2, 1)),
    ],
)
def test_what_needs_a_group_says_so(call):
    with pytest.raises(RuntimeError, match=r"call pyflame\.distributed\.init_process_group\(\) first"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: distributed.init_process_group("nccl"),
        lambda: distributed.all_reduce(pf.ones(1), async_op=True),
        lambda: distributed.broadcast(pf.ones(1), group="other"),
    ],
)
def test_what_pytorch_has_and_pyflame_has_not(call):
    with pytest.raises(NotImplementedError, match=r"only 'mpi'|async_op|group"):
        call()


def test_the_time_to_wait_is_checked():
    with pytest.raises(ValueError, match="timeout is 0"):
        distributed.init_process_group(timeout=0)
    assert not distributed.is_initialized()


def test_without_mpi4py_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("pyflame.distributed.group.find_spec", lambda name: None)
    assert not distributed.is_available()
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'pyflame-nn\[mpi\]'"):
        distributed.init_process_group()
    assert not distributed.is_initialized()
