"""Samplers: the order in which a loader takes items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from pyflame import Generator

from .order import host_generator, permutation

Chosen = TypeVar("Chosen", covariant=True)


class Sampler(Generic[Chosen]):
    """Base class of samplers; a subclass defines `__iter__` and, if it can, `__len__`."""

    def __iter__(self) -> Iterator[Chosen]:
        raise NotImplementedError(f"[sampler] {type(self).__name__} has no __iter__")

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; samplers without randomness ignore it."""


class SequentialSampler(Sampler[int]):
    """The items in their own order."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The items in random order, another one in each epoch.

    Args:
        replacement: draw each item anew, so that some come twice and others never.
        num_samples: how many to draw; all if None.
        generator: where the seed of each epoch is drawn from, `pf.default_generator` if None.
        seed: fixes the order of every epoch.

    Example:
        >>> from pyflame.data import RandomSampler
        >>> sampler = RandomSampler(range(5), seed=0)
        >>> first, second = list(sampler), list(sampler)
        >>> sorted(first), first == second
        ([0, 1, 2, 3, 4], False)
        >>> sampler.set_epoch(0)
        >>> list(sampler) == first
        True
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
        seed: int | None = None,
    ) -> None:
        if num_samples is not None and num_samples <= 0:
            raise ValueError(f"[RandomSampler] num_samples is {num_samples}: expected a positive number")
        if num_samples is None and not len(data_source):
            raise ValueError("[RandomSampler] there are no items to draw from")
        self.data_source, self.replacement, self.generator, self.seed = data_source, replacement, generator, seed
        self._num_samples, self._epoch = num_samples, 0

    @property
    def num_samples(self) -> int:
        """How many items an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; it moves on by itself after each."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        n, wanted = len(self.data_source), self.num_samples
        epoch, self._epoch = self._epoch, self._epoch + 1
        if self.replacement:
            host = host_generator(self.generator, self.seed, epoch)
            return iter(host.integers(0, n, wanted).tolist())
        chosen: list[int] = []
        host = host_generator(self.generator, self.seed, epoch)
        while len(chosen) < wanted and n:
            chosen += host.permutation(n)[: wanted - len(chosen)].tolist()
        return iter(chosen)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Some items in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in permutation(len(self.indices), self.generator))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Items drawn with given weights, which need not sum to one."""

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        if num_samples <= 0:
            raise ValueError(f"[WeightedRandomSampler] num_samples is {num_samples}: expected a positive number")
        if self.weights.ndim != 1 or (self.weights < 0).any() or not self.weights.sum() > 0:
            raise ValueError("[WeightedRandomSampler] weights: expected a list of numbers >= 0, not all of them zero")
        if not replacement and num_samples > np.count_nonzero(self.weights):
            raise ValueError(
                f"[WeightedRandomSampler] {np.count_nonzero(self.weights)} weights are not zero: {num_samples} samples "
                "without replacement cannot be drawn"
            )
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        shares = self.weights / self.weights.sum()
        host = host_generator(self.generator, None)
        return iter(host.choice(len(shares), self.num_samples, replace=self.replacement, p=shares).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Groups what another sampler yields.

    Args:
        sampler: yields the items' numbers.
        batch_size: how many go into a batch.
        drop_last: leave out a last batch that is not full.

    Example:
        >>> from pyflame.data import BatchSampler
        >>> list(BatchSampler(range(5), 2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or batch_size <= 0:
            raise ValueError(f"[BatchSampler] batch_size is {batch_size!r}: expected a positive integer")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, if the sampler inside is random."""
        if isinstance(self.sampler, Sampler):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        sampler: Any = self.sampler
        full, rest = divmod(len(sampler), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)
