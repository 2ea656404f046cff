"""The loader: a dataset in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from pyflame import Generator

from .collate import default_collate, default_convert
from .dataset import IterableDataset, fetcher
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler


class DataLoader:
    """Iterates over a dataset in batches.

    Batches of a `TensorDataset`, or of a subset of one, are slices or one selection of its tensors; other items are
    joined by `collate_fn`.

    Args:
        dataset: has a length and items by number, or is an `IterableDataset`.
        batch_size: items in a batch; None yields single items.
        shuffle: another random order in each epoch.
        sampler: yields the items' numbers, instead of `shuffle`.
        batch_sampler: yields lists of numbers, instead of the size, order and `drop_last`.
        num_workers: only 0 is available so far: loading happens in this process.
        collate_fn: joins a list of items, `default_collate` if None.
        pin_memory: accepted, without effect.
        drop_last: leave out a last batch that is not full.
        generator: where shuffling draws from, `pf.default_generator` if None.
        seed: fixes the order of every epoch; `set_epoch` chooses one.

    Raises:
        ValueError: arguments exclude each other.
        NotImplementedError: `num_workers` is not 0.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import DataLoader, TensorDataset
        >>> loader = DataLoader(TensorDataset(pf.arange(5)), batch_size=2)
        >>> [batch.tolist() for batch, in loader]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: Generator | None = None,
        seed: int | None = None,
    ) -> None:
        if num_workers:
            raise NotImplementedError(
                f"[DataLoader] num_workers is {num_workers}: worker processes are not available yet, use 0"
            )
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("[DataLoader] batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if sampler is not None and shuffle:
            raise ValueError("[DataLoader] sampler excludes shuffle: it gives the order itself")
        if batch_size is None and drop_last:
            raise ValueError("[DataLoader] drop_last needs a batch_size")
        iterable = isinstance(dataset, IterableDataset)
        if iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("[DataLoader] an IterableDataset gives the order itself: leave out shuffle and samplers")
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.num_workers, self.pin_memory, self.collate_fn = num_workers, pin_memory, collate_fn
        self.generator, self.seed = generator, seed
        self.sampler, self.batch_sampler = sampler, batch_sampler
        if iterable or batch_sampler is not None:
            return
        if sampler is None:
            self.sampler = (
                RandomSampler(dataset, generator=generator, seed=seed) if shuffle else SequentialSampler(dataset)
            )
        if batch_size is not None:
            self.batch_sampler = BatchSampler(self.sampler or (), batch_size, drop_last)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch when the loader shuffles; it moves on by itself after each."""
        for sampler in (self.sampler, self.batch_sampler):
            if isinstance(sampler, Sampler):
                sampler.set_epoch(epoch)

    def __len__(self) -> int:
        """Return how many batches an epoch has."""
        own: Any = self.batch_sampler if self.batch_sampler is not None else self.sampler
        if own is not None:
            return len(own)
        items = len(self.dataset)
        if self.batch_size is None:
            return items
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._stream()
        if self.batch_sampler is None:
            convert = self.collate_fn or default_convert
            return (convert(self.dataset[index]) for index in self.sampler or ())
        fetch = fetcher(self.dataset) if self.collate_fn is None else None
        if fetch is not None:
            return (fetch(np.asarray(chosen, dtype=np.int64)) for chosen in self.batch_sampler)
        collate = self.collate_fn or default_collate
        return (collate([self.dataset[index] for index in chosen]) for chosen in self.batch_sampler)

    def _stream(self) -> Iterator[Any]:
        items = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn or default_convert, items)
            return
        collate = self.collate_fn or default_collate
        while batch := list(islice(items, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield collate(batch)
