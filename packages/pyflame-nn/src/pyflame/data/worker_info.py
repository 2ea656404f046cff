"""What a dataset can know of the worker process it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class WorkerInfo:
    """The worker process this code runs in."""

    id: int  # from 0 to num_workers - 1
    num_workers: int
    seed: int  # of this worker in this epoch
    dataset: Any  # the worker's own copy


_current: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return which worker process of a `DataLoader` this is: its `id`, `num_workers`, `seed` and `dataset`.

    Outside of workers it is None. An `IterableDataset` uses it to give each worker another part of the items.

    Example:
        >>> from pyflame.data import DataLoader, IterableDataset, get_worker_info
        >>> class Numbers(IterableDataset):
        ...     def __iter__(self):
        ...         info = get_worker_info()
        ...         return iter(range(6)) if info is None else iter(range(info.id, 6, info.num_workers))
        >>> sorted(int(number) for number in DataLoader(Numbers(), batch_size=None, num_workers=2))
        [0, 1, 2, 3, 4, 5]
    """
    return _current


def set_worker_info(info: WorkerInfo) -> None:
    global _current
    _current = info
