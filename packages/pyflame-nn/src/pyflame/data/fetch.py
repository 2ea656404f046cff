"""From numbers of items to a batch, in the process that loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from .collate import default_collate, default_convert
from .dataset import fetcher


@dataclass(frozen=True)
class Recipe:
    """How a loader makes batches; a worker process gets a copy."""

    dataset: Any
    batched: bool
    collate_fn: Callable[[Any], Any] | None
    batch_size: int | None  # these two count for streams
    drop_last: bool

    def loader_of_chosen(self) -> Callable[[Any], Any]:
        """Return the function from the numbers of items, or from one number, to a batch."""
        dataset = self.dataset
        if not self.batched:
            convert = self.collate_fn or default_convert
            return lambda index: convert(dataset[index])
        fetch = fetcher(dataset) if self.collate_fn is None else None
        if fetch is not None:
            return lambda chosen: fetch(np.asarray(chosen, dtype=np.int64))
        collate = self.collate_fn or default_collate
        several = getattr(dataset, "__getitems__", None)
        if callable(several):
            return lambda chosen: collate(several(chosen))
        return lambda chosen: collate([dataset[index] for index in chosen])

    def batches(self, chosen: Iterator[Any]) -> Iterator[Any]:
        """Yield the batches of chosen items."""
        load = self.loader_of_chosen()
        # Not map: a StopIteration of the dataset's would end it as if nothing had happened.
        return (load(numbers) for numbers in chosen)

    def stream(self) -> Iterator[Any]:
        """Yield the batches of an iterable dataset."""
        items = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn or default_convert, items)
            return
        collate = self.collate_fn or default_collate
        while batch := list(islice(items, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield collate(batch)
