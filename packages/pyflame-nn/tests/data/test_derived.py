import pytest

from pyflame.data import ChainDataset, DataLoader, IterableDataset, LazyDataset, MapDataset, StackDataset


def test_datasets_side_by_side():
    plain, named = StackDataset("abc", [1, 2, 3]), StackDataset(letter="abc", number=[1, 2, 3])
    assert len(plain) == 3 and plain[-1] == ("c", 3) and named[1] == {"letter": "b", "number": 2}
    batch = next(iter(DataLoader(named, batch_size=3)))
    assert batch["letter"] == ["a", "b", "c"] and batch["number"].tolist() == [1, 2, 3]
    for make in (lambda: StackDataset(), lambda: StackDataset("ab", "abc"), lambda: StackDataset("a", b="b")):
        with pytest.raises(ValueError, match=r"\[StackDataset\]"):
            make()


class Count(IterableDataset):
    def __init__(self, begin, end):
        self.begin, self.end = begin, end

    def __iter__(self):
        return iter(range(self.begin, self.end))

    def __len__(self):
        return self.end - self.begin


def test_streams_one_after_another():
    chain = ChainDataset([Count(0, 3), Count(10, 12)])
    assert list(chain) == [0, 1, 2, 10, 11] and len(chain) == 5
    assert [batch.tolist() for batch in DataLoader(chain, batch_size=2)] == [[0, 1], [2, 10], [11]]


def test_items_are_changed_when_taken():
    calls = []
    dataset = MapDataset([1, 2, 3], lambda x: calls.append(x) or -x)
    assert len(dataset) == 3 and not calls
    assert dataset[2] == -3 and calls == [3]


@pytest.mark.parametrize("cache", [False, True])
def test_items_are_made_when_taken(cache):
    calls = []
    dataset = LazyDataset(4, lambda i: calls.append(i) or 10 * i, cache=cache)
    assert [dataset[i] for i in (1, 1, -1)] == [10, 10, 30]
    assert calls == ([1, 3] if cache else [1, 1, 3])
    for wrong in (4, -5):
        with pytest.raises(IndexError, match=r"\[LazyDataset\]"):
            dataset[wrong]
    assert list(dataset) == [0, 10, 20, 30]
    with pytest.raises(ValueError):
        LazyDataset(-1, int)
