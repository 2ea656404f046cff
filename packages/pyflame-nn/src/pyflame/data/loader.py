"""The loader: a dataset in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pyflame import Generator

from .dataset import IterableDataset
from .fetch import Recipe
from .order import epoch_seed
from .pool import Pool, PooledBatches
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

FIXED = ("dataset", "batch_size", "batch_sampler", "sampler", "drop_last", "persistent_workers")


class DataLoader:
    """Iterates over a dataset in batches, which worker processes can load ahead of time.

    Batches of a dataset with a method `fetch`, such as `TensorDataset` and its subsets, are taken as a whole; other
    items are joined by `collate_fn`. Batches come in the same order from any number of workers, on Linux through shared
    memory, elsewhere through pipes. A worker's error is raised here, with its traceback; a worker that dies is an error
    too.

    Args:
        dataset: has a length and items by number, or is an `IterableDataset`, of which each worker has a copy.
        batch_size: items in a batch; None yields single items.
        shuffle: another random order in each epoch.
        sampler: yields the items' numbers, instead of `shuffle`.
        batch_sampler: yields lists of numbers, instead of the size, order and `drop_last`.
        num_workers: processes that load; 0 loads in this process.
        collate_fn: joins a list of items, `default_collate` if None.
        pin_memory: accepted, without effect.
        drop_last: leave out a last batch that is not full.
        timeout: seconds that workers may take for a batch; 0 waits for ever.
        worker_init_fn: called in each worker with its number, before it loads.
        prefetch_factor: batches that each worker loads ahead, 2 if None.
        persistent_workers: keep the workers from one epoch to the next.
        multiprocessing_context: a context of `multiprocessing` or the name of a start method; forks on Linux if None.
        generator: where orders and workers' seeds are drawn from, `pf.default_generator` if None.
        seed: fixes the order of every epoch and the workers' seeds in it; `set_epoch` chooses one.

    Raises:
        ValueError: arguments exclude each other.
        RuntimeError: while iterating: a worker died, or took longer than `timeout`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import DataLoader, TensorDataset
        >>> loader = DataLoader(TensorDataset(pf.arange(5)), batch_size=2, num_workers=1)
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
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        seed: int | None = None,
    ) -> None:
        if num_workers < 0 or timeout < 0:
            raise ValueError(f"[DataLoader] num_workers {num_workers}, timeout {timeout}: expected no negative number")
        if not num_workers:
            given = {"timeout": timeout, "prefetch_factor": prefetch_factor, "persistent_workers": persistent_workers}
            if useless := [name for name, value in given.items() if value]:
                raise ValueError(f"[DataLoader] {useless[0]} is of no use without workers: set num_workers")
        if prefetch_factor is not None and prefetch_factor < 1:
            raise ValueError(f"[DataLoader] prefetch_factor is {prefetch_factor}: expected at least 1")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("[DataLoader] batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if sampler is not None and shuffle:
            raise ValueError("[DataLoader] sampler excludes shuffle: it gives the order itself")
        if batch_size is None and drop_last:
            raise ValueError("[DataLoader] drop_last needs a batch_size")
        if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
            raise ValueError(f"[DataLoader] batch_size is {batch_size!r}: expected a positive integer or None")
        iterable = isinstance(dataset, IterableDataset)
        if iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("[DataLoader] an IterableDataset gives the order itself: leave out shuffle and samplers")
        self.dataset, self.drop_last = dataset, drop_last
        self.batch_size = batch_size if batch_sampler is None else None
        self.num_workers, self.pin_memory, self.collate_fn = num_workers, pin_memory, collate_fn
        self.timeout, self.worker_init_fn = timeout, worker_init_fn
        self.prefetch_factor = (prefetch_factor or 2) if num_workers else None
        self.persistent_workers, self.multiprocessing_context = persistent_workers, multiprocessing_context
        self.generator, self.seed = generator, seed
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self._epoch = 0
        self._pool: Pool | None = None
        if not iterable and batch_sampler is None:
            if sampler is None:
                self.sampler = (
                    RandomSampler(dataset, generator=generator, seed=seed) if shuffle else SequentialSampler(dataset)
                )
            if batch_size is not None:
                self.batch_sampler = BatchSampler(self.sampler or (), batch_size, drop_last)
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and hasattr(self, "_made"):
            raise ValueError(f"[DataLoader] {name} cannot change: orders and workers follow from it; make a new loader")
        object.__setattr__(self, name, value)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch when the loader shuffles; it moves on by itself after each."""
        self._epoch = epoch
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
        streams = isinstance(self.dataset, IterableDataset)
        batched = self.batch_sampler is not None
        recipe = Recipe(self.dataset, batched, self.collate_fn, self.batch_size, self.drop_last)
        # Drawn in any case: the orders that are drawn after it are the same for any number of workers.
        seed = epoch_seed(self.generator, self.seed, self._epoch)
        self._epoch += 1
        chosen = None if streams else iter((self.batch_sampler if batched else self.sampler) or ())
        if not self.num_workers:
            return recipe.stream() if chosen is None else recipe.batches(chosen)
        pool = self._pool
        if pool is None or not pool.is_open:
            pool = Pool(
                self.num_workers, recipe, streams, self.worker_init_fn, self.multiprocessing_context, self.timeout
            )
        if self.persistent_workers:
            self._pool = pool
        return PooledBatches(pool, chosen, self.prefetch_factor or 1, seed, keep=self.persistent_workers)
