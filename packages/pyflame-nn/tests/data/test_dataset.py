import numpy as np
import pytest

import pyflame as pf
from pyflame.data import ConcatDataset, Dataset, Subset, TensorDataset, random_split


def test_tensor_dataset_has_items_of_all_tensors():
    dataset = TensorDataset(pf.arange(6).reshape(3, 2), pf.tensor([1.0, 2.0, 3.0]))
    x, y = dataset[-1]
    assert x.tolist() == [4, 5] and y.item() == 3.0 and len(dataset) == 3
    with pytest.raises(ValueError, match=r"\[3, 2\]"):
        TensorDataset(pf.zeros(3), pf.zeros(2))


def test_what_is_given_unevaluated_is_evaluated_once():
    x = pf.arange(6.0) * 2
    dataset = TensorDataset(x)
    before = pf.runtime_info()["runs"]
    assert x.tolist() == [0, 2, 4, 6, 8, 10]
    assert pf.runtime_info()["runs"] == before and len(dataset) == 6


@pytest.mark.parametrize("indices", [[1, 2, 3], [3, 1, 1], [0]])
def test_fetch_equals_items(indices):
    dataset = TensorDataset(pf.randn(5, 2), pf.arange(5))
    x, y = dataset.fetch(np.array(indices))
    np.testing.assert_array_equal(x.numpy(), dataset.tensors[0].numpy()[indices])
    assert y.tolist() == indices


def test_subsets_nest():
    inner = Subset(range(10, 20), [1, 3, 5, 7])
    assert list(Subset(inner, [2, 0])) == [15, 11]


def test_concatenation_counts_through():
    joined = TensorDataset(pf.arange(2)) + TensorDataset(pf.arange(3))
    assert [joined[i][0].item() for i in range(-2, 5)] == [1, 2, 0, 1, 0, 1, 2]
    with pytest.raises(IndexError):
        joined[5]
    with pytest.raises(ValueError):
        ConcatDataset([])


def test_random_split_covers_everything_once():
    parts = random_split(range(11), [0.5, 0.3, 0.2], seed=3)
    assert [len(part) for part in parts] == [6, 3, 2]
    assert sorted(item for part in parts for item in part) == list(range(11))
    again = random_split(range(11), [6, 3, 2], seed=3)
    assert [list(part) for part in parts] == [list(part) for part in again]
    with pytest.raises(ValueError, match="add up to"):
        random_split(range(3), [1, 1])


def test_random_split_follows_the_seed_of_the_library():
    def draw():
        return [list(part) for part in random_split(range(20), [10, 10])]

    pf.manual_seed(5)
    first = draw()
    assert draw() != first
    pf.manual_seed(5)
    assert draw() == first


def test_a_dataset_without_items_says_so():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
