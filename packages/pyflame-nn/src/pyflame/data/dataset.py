"""Datasets: things with a length and items by number."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from pyflame import Generator, Tensor, eval as evaluate, index_select, tensor

from .order import permutation

Item = TypeVar("Item", covariant=True)
Indices = np.ndarray[Any, np.dtype[np.int64]]


class Dataset(Generic[Item]):
    """Base class of datasets; a subclass defines `__getitem__` and `__len__`.

    A dataset that can deliver a whole batch faster than item by item also defines `fetch(indices)`, which the loader
    calls instead when it has no collate function of its own.
    """

    def __getitem__(self, index: int) -> Item:
        raise NotImplementedError(f"[dataset] {type(self).__name__} has no __getitem__")

    # No __len__ here: one that raises something else than TypeError would break list(dataset).

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Item]):
    """Base class of datasets that are read in order; a subclass defines `__iter__`."""

    def __iter__(self) -> Iterator[Item]:
        raise NotImplementedError(f"[dataset] {type(self).__name__} has no __iter__")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of equal first dimension; an item has one slice of each.

    Args:
        tensors: (n, ...) each.

    Raises:
        ValueError: the first dimensions differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import TensorDataset
        >>> dataset = TensorDataset(pf.arange(6.0).reshape(3, 2), pf.tensor([7, 8, 9]))
        >>> len(dataset), dataset[1][0].tolist(), dataset[1][1].item()
        (3, [2.0, 3.0], 8)
    """

    def __init__(self, *tensors: Tensor) -> None:
        lengths = [tensor.shape[0] for tensor in tensors]
        if len(set(lengths)) != 1:
            raise ValueError(f"[TensorDataset] the first dimensions are {lengths}: expected one length")
        evaluate(*tensors)  # once: forked workers share the values, where each would compute its own
        self.tensors = tensors

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def fetch(self, indices: Indices) -> list[Tensor]:
        """Return a batch of each tensor: a slice of consecutive items, otherwise one selection."""
        first, n = int(indices[0]), len(indices)
        if first >= 0 and np.array_equal(indices, np.arange(first, first + n)):
            return [own[first : first + n] for own in self.tensors]
        index = tensor(indices)
        return [index_select(own, 0, index) for own in self.tensors]


class Subset(Dataset[Item]):
    """Some items of a dataset.

    Args:
        dataset: where the items are.
        indices: their numbers.

    Example:
        >>> from pyflame.data import Subset
        >>> list(Subset("abcdef", [1, 3]))
        ['b', 'd']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        return self.dataset[int(self.indices[index])]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Return several items, at once where the dataset can."""
        chosen = [int(self.indices[index]) for index in indices]
        several = getattr(self.dataset, "__getitems__", None)
        return [self.dataset[index] for index in chosen] if several is None else several(chosen)


def fetcher(dataset: Any) -> Callable[[Indices], Any] | None:
    """Return the function that delivers whole batches, or None if the dataset has only items."""
    if not isinstance(dataset, Subset):
        return getattr(dataset, "fetch", None)
    inner, numbers = fetcher(dataset.dataset), np.asarray(dataset.indices, dtype=np.int64)
    return None if inner is None else lambda chosen: inner(numbers[chosen])


class ConcatDataset(Dataset[Any]):
    """Several datasets, one after another.

    Example:
        >>> from pyflame.data import ConcatDataset
        >>> joined = ConcatDataset(["ab", "cde"])
        >>> len(joined), joined[3]
        (5, 'd')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("[ConcatDataset] there are no datasets")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"[ConcatDataset] index {index} is out of range for {len(self)} items")
        index %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None, seed: int | None = None
) -> list[Subset[Any]]:
    """Split a dataset at random.

    Args:
        lengths: numbers of items, or fractions that sum to one; items left over by rounding go round from the first.
        generator: where the seed of the order is drawn from, `pf.default_generator` if None.
        seed: the seed itself.

    Raises:
        ValueError: the lengths do not add up.

    Example:
        >>> from pyflame.data import random_split
        >>> train, test = random_split(range(10), [0.8, 0.2], seed=0)
        >>> len(train), len(test), sorted([*train, *test]) == list(range(10))
        (8, 2, True)
    """
    total = len(dataset)
    counts = [int(length) for length in lengths]
    if any(isinstance(length, float) for length in lengths) and math.isclose(sum(lengths), 1.0):
        counts = [math.floor(total * length) for length in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
    if sum(counts) != total:
        raise ValueError(
            f"[random_split] the lengths {list(lengths)} add up to {sum(lengths)}: the dataset has {total} items"
        )
    order, ends = permutation(total, generator, seed).tolist(), list(itertools.accumulate(counts))
    return [Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts)]
