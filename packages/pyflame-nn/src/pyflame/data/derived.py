"""Datasets made of others, or of a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .dataset import Dataset, IterableDataset


class StackDataset(Dataset[Any]):
    """Several datasets side by side; an item has one of each, as a tuple or, of datasets with names, as a dict.

    Args:
        args: datasets of equal length; or else
        kwargs: datasets with names.

    Raises:
        ValueError: there is none, both kinds are given, or lengths differ.

    Example:
        >>> from pyflame.data import StackDataset
        >>> StackDataset("ab", [1, 2])[1], StackDataset(letter="ab", number=[1, 2])[0]
        (('b', 2), {'letter': 'a', 'number': 1})
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("[StackDataset] give datasets either with names or without")
        self.datasets: Any = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if len(set(lengths)) != 1:
            raise ValueError(f"[StackDataset] the lengths are {lengths}: expected one length")
        self._length = lengths[0]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)


class ChainDataset(IterableDataset[Any]):
    """Several iterable datasets, one after another.

    Example:
        >>> from pyflame.data import ChainDataset
        >>> list(ChainDataset(["ab", "c"]))
        ['a', 'b', 'c']
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class MapDataset(Dataset[Any]):
    """A dataset whose items are changed by a function when they are taken.

    Args:
        dataset: where the items are.
        fn: what is done to each.

    Example:
        >>> from pyflame.data import MapDataset
        >>> list(MapDataset([1, 2, 3], lambda x: x * x))
        [1, 4, 9]
    """

    def __init__(self, dataset: Any, fn: Callable[[Any], Any]) -> None:
        self.dataset, self.fn = dataset, fn

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.fn(self.dataset[index])


class LazyDataset(Dataset[Any]):
    """A dataset whose items a function makes of their numbers.

    Args:
        length: how many items there are.
        fn: from a number to an item.
        cache: keep each item once it has been made; each worker process keeps its own.

    Raises:
        IndexError: when an item is taken that does not exist.

    Example:
        >>> from pyflame.data import LazyDataset
        >>> list(LazyDataset(3, lambda i: 10 * i))
        [0, 10, 20]
    """

    def __init__(self, length: int, fn: Callable[[int], Any], cache: bool = False) -> None:
        if length < 0:
            raise ValueError(f"[LazyDataset] length is {length}: expected no negative number")
        self.length, self.fn = length, fn
        self._items: dict[int, Any] | None = {} if cache else None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if not -self.length <= index < self.length:
            raise IndexError(f"[LazyDataset] index {index} is out of range for {self.length} items")
        index %= self.length
        if self._items is None:
            return self.fn(index)
        if index not in self._items:
            self._items[index] = self.fn(index)
        return self._items[index]
