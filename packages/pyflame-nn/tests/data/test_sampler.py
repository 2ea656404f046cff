import pytest

import pyflame as pf
from pyflame.data import BatchSampler, RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler


def test_sequential():
    assert list(SequentialSampler("abc")) == [0, 1, 2]


def test_random_orders_differ_by_epoch_and_repeat_by_seed():
    one, two = RandomSampler(range(20), seed=1), RandomSampler(range(20), seed=1)
    epochs = [list(one) for _ in range(3)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert [list(two) for _ in range(3)] == epochs
    two.set_epoch(1)
    assert list(two) == epochs[1]
    assert list(RandomSampler(range(20), seed=2)) != epochs[0]


def test_random_orders_come_from_a_generator():
    orders = [list(RandomSampler(range(20), generator=pf.Generator().manual_seed(7))) for _ in range(2)]
    assert orders[0] == orders[1]


def test_random_sampler_counts():
    assert len(list(RandomSampler(range(3), num_samples=7))) == 7
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=50, seed=0))
    assert len(drawn) == 50 and set(drawn) == {0, 1, 2}
    with pytest.raises(ValueError):
        RandomSampler(range(3), num_samples=0)


def test_subset_and_weights():
    assert sorted(SubsetRandomSampler([4, 2, 9])) == [2, 4, 9]
    assert set(WeightedRandomSampler([0.0, 1.0, 3.0], 50)) == {1, 2}
    assert sorted(WeightedRandomSampler([1.0, 1.0], 2, replacement=False)) == [0, 1]
    with pytest.raises(ValueError):
        WeightedRandomSampler([-1.0], 1)


def test_batches():
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, True)) == 2 and len(BatchSampler(range(5), 2, False)) == 3
    with pytest.raises(ValueError):
        BatchSampler(range(5), 0, True)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"\[RandomSampler\] there are no items"):
        RandomSampler([])
    with pytest.raises(ValueError, match="1 weights are not zero: 2 samples"):
        WeightedRandomSampler([0.0, 1.0, 0.0], 2, replacement=False)
