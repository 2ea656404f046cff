from collections import namedtuple

import numpy as np
import pytest

import pyflame as pf
from pyflame.data import IterableDataset, LazyDataset, StaticShapeDataLoader, TensorDataset, prepare_for_cerebras

Pair = namedtuple("Pair", "left right")


def test_all_batches_have_one_shape():
    dataset = TensorDataset(pf.randn(10, 3), pf.arange(10))
    loader = StaticShapeDataLoader(dataset, 4, pad_value=-1.0, shuffle=True, seed=0)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert {(x.shape, y.shape, mask.shape) for (x, y), mask in batches} == {((4, 3), (4,), (4,))}
    assert all((x.dtype, y.dtype, mask.dtype) == (pf.float32, pf.int64, pf.bool) for (x, y), mask in batches)
    (x, y), mask = batches[-1]
    assert mask.tolist() == [True, True, False, False] and (x.numpy()[2:] == -1).all() and y.tolist()[2:] == [-1, -1]
    kept = sum((np.asarray(y.tolist())[mask.numpy()].tolist() for (_, y), mask in batches), [])
    assert sorted(kept) == list(range(10))
    assert [y.tolist() for _, y in StaticShapeDataLoader(dataset, 4, return_mask=False)][-1] == [8, 9, 0, 0]


def test_the_second_batch_of_another_length_uses_the_same_plan():
    dataset, linear = TensorDataset(pf.randn(10, 3)), pf.randn(3, 2)

    def run():
        for (x,), mask in StaticShapeDataLoader(dataset, 4):
            pf.where(mask, (x @ linear).sum(1), 0.0).sum().item()

    run()
    misses = pf.runtime_info()["plan_misses"]
    run()
    assert pf.runtime_info()["plan_misses"] == misses


def test_other_structures():
    dataset = LazyDataset(3, lambda i: {"pair": Pair(np.full(2, i), f"item {i}"), "n": i})
    batch, mask = list(StaticShapeDataLoader(dataset, 2, num_workers=1))[-1]
    assert isinstance(batch["pair"], Pair) and batch["pair"].left.tolist() == [[2, 2], [0, 0]]
    assert batch["pair"].right == ("item 2", "") and batch["n"].tolist() == [2, 0] and mask.tolist() == [True, False]
    with pytest.raises(TypeError, match="StaticShapeDataLoader"):
        list(StaticShapeDataLoader(dataset, 2, collate_fn=lambda items: {"object": object()}))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(5))


def test_streams_are_filled_up_too():
    found = [(batch.tolist(), mask.tolist()) for batch, mask in StaticShapeDataLoader(Stream(), 3)]
    assert found == [([0, 1, 2], [True] * 3), ([3, 4, 0], [True, True, False])]


@pytest.mark.parametrize("options", [{"drop_last": True}, {"batch_sampler": [[0]]}, {"num_workers": 2}])
def test_contradictions_are_refused(options):
    with pytest.raises(ValueError, match=r"\[StaticShapeDataLoader\]"):
        StaticShapeDataLoader(Stream(), 2, **options)
    with pytest.raises(ValueError):
        StaticShapeDataLoader([1], None)


def test_batches_for_the_wafer():
    dataset, layout = TensorDataset(pf.ones(6, 8), pf.arange(6)), pf.MeshLayout.grid(2, 2)
    batches = list(prepare_for_cerebras(dataset, 4, layout, shuffle=True, seed=0))
    assert [mask.tolist() for _, mask in batches] == [[True] * 4, [True, True, False, False]]
    assert all(part.layout == layout for batch, _ in batches for part in batch)
    (plain, _), _ = next(iter(prepare_for_cerebras(dataset, 4)))
    assert plain.layout == pf.ones(2).layout and plain.shape == (4, 8)
    with pytest.raises(ValueError, match="return_mask"):
        prepare_for_cerebras(dataset, 4, return_mask=False)
