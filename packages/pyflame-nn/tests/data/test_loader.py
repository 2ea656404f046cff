import numpy as np
import pytest

import pyflame as pf
from pyflame.data import DataLoader, Dataset, IterableDataset, SequentialSampler, Subset, TensorDataset, random_split


def numbers(loader):
    return [batch[0].tolist() for batch in loader]


def test_batches_in_order():
    dataset = TensorDataset(pf.arange(7), pf.arange(7.0))
    loader = DataLoader(dataset, batch_size=3)
    assert numbers(loader) == [[0, 1, 2], [3, 4, 5], [6]] and len(loader) == 3
    loader = DataLoader(dataset, batch_size=3, drop_last=True)
    assert numbers(loader) == [[0, 1, 2], [3, 4, 5]] and len(loader) == 2
    assert isinstance(next(iter(loader)), list)


def test_shuffling_is_reproducible():
    dataset = TensorDataset(pf.arange(50))
    one, two = (DataLoader(dataset, batch_size=8, shuffle=True, seed=4) for _ in range(2))
    first, second = numbers(one), numbers(one)
    assert sorted(sum(first, [])) == list(range(50)) and first != second
    assert [numbers(two), numbers(two)] == [first, second]
    two.set_epoch(0)
    assert numbers(two) == first
    pf.manual_seed(1)
    drawn = numbers(DataLoader(dataset, batch_size=8, shuffle=True))
    pf.manual_seed(1)
    assert numbers(DataLoader(dataset, batch_size=8, shuffle=True)) == drawn


def test_whole_batches_equal_single_items():
    dataset = TensorDataset(pf.randn(20, 3), pf.arange(20))
    part = Subset(random_split(dataset, [15, 5], seed=0)[0], range(2, 12))
    whole = DataLoader(part, batch_size=4, shuffle=True, seed=1)
    single = DataLoader(
        part, batch_size=4, shuffle=True, seed=1, collate_fn=lambda items: list(map(pf.stack, zip(*items)))
    )
    for (x, y), (other_x, other_y) in zip(whole, single, strict=True):
        np.testing.assert_array_equal(x.numpy(), other_x.numpy())
        assert y.tolist() == other_y.tolist()


def test_lists_are_collated_and_single_items_converted():
    items = [(np.full(2, i), i) for i in range(3)]
    x, y = next(iter(DataLoader(items, batch_size=2)))
    assert x.tolist() == [[0, 0], [1, 1]] and y.tolist() == [0, 1]
    loader = DataLoader(items, batch_size=None)
    assert [item[0].tolist() for item in loader] == [[0, 0], [1, 1], [2, 2]] and len(loader) == 3


def test_samplers_give_the_order():
    dataset = TensorDataset(pf.arange(4))
    assert numbers(DataLoader(dataset, batch_size=2, sampler=[3, 1, 0])) == [[3, 1], [0]]
    assert numbers(DataLoader(dataset, batch_sampler=[[0, 3], [2]])) == [[0, 3], [2]]
    assert numbers(DataLoader(dataset, batch_size=4, sampler=SequentialSampler(dataset))) == [[0, 1, 2, 3]]


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(5))

    def __len__(self):
        return 5


def test_streams_are_batched():
    assert [batch.tolist() for batch in DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    loader = DataLoader(Stream(), batch_size=2, drop_last=True)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3]] and len(loader) == 2
    assert list(DataLoader(Stream(), batch_size=None)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "options, error",
    [
        ({"num_workers": -1}, ValueError),
        ({"timeout": -1, "num_workers": 1}, ValueError),
        ({"timeout": 1}, ValueError),
        ({"prefetch_factor": 2}, ValueError),
        ({"persistent_workers": True}, ValueError),
        ({"prefetch_factor": 0, "num_workers": 1}, ValueError),
        ({"sampler": [0], "shuffle": True}, ValueError),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError),
        ({"batch_size": None, "drop_last": True}, ValueError),
        ({"batch_size": 0}, ValueError),
    ],
)
def test_loader_refuses(options, error):
    with pytest.raises(error, match=r"^\["):
        DataLoader(TensorDataset(pf.arange(4)), **options)


def test_streams_refuse_an_order():
    with pytest.raises(ValueError, match="order itself"):
        DataLoader(Stream(), shuffle=True)


def test_a_loader_stays_as_it_was_made():
    loader = DataLoader(range(6), batch_sampler=[[0, 1], [5]])
    assert loader.batch_size is None and len(loader) == 2
    with pytest.raises(ValueError, match=r"\[DataLoader\] batch_size cannot change"):
        loader.batch_size = 3


def test_subsets_ask_for_several_items_at_once():
    class Tens(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [10 * index for index in indices]

    assert [batch.tolist() for batch in DataLoader(Subset(Tens(), [3, 1, 0]), batch_size=2)] == [[30, 10], [0]]
    assert [batch.tolist() for batch in DataLoader(Subset(range(4), [3, 1]), batch_size=2)] == [[3, 1]]
