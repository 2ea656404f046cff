"""Which batches a run takes, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from pyflame import Generator, MeshLayout, Tensor

from .config import TrainerConfig


def length_of(loader: Any) -> int | None:
    """How many batches a loader has, None if it does not know."""
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None


def count(loader: Any, limit: int | float | None, config: TrainerConfig, name: str) -> int | None:
    """How many batches of a loader are used; None means all, however many they are.

    Raises:
        ValueError: the limit is a share of an unknown number.
    """
    total = length_of(loader)
    if config.fast_dev_run:
        limit = int(config.fast_dev_run)
    elif isinstance(limit, float):
        if total is None:
            raise ValueError(f"[trainer] {name} is the share {limit}, but the loader has no length: give a number")
        limit = int(total * limit)
    if limit is None or total is None:
        return limit if total is None else total
    return min(total, limit)


def validation_period(config: TrainerConfig, batches: int | None) -> int | None:
    """After how many batches to evaluate; None means at the end of the epoch.

    Raises:
        ValueError: the epoch is shorter, or has no known length to take a share of.
    """
    interval = config.val_check_interval
    if interval == 1.0 and isinstance(interval, float) or config.fast_dev_run:
        return None
    if batches is None:
        if isinstance(interval, float):
            raise ValueError(
                f"[trainer] val_check_interval is the share {interval}, but the loader has no length: give a number"
            )
        return int(interval)
    period = int(interval) if isinstance(interval, int) else max(1, int(batches * interval))
    if period > batches:
        raise ValueError(f"[trainer] val_check_interval is {interval}, but an epoch has only {batches} batches")
    return period


def taken(loader: Iterable[Any], limit: int | None) -> Iterator[Any]:
    """The first batches of a loader."""
    # With a limit of 0 the loader is not even started, which would draw a seed or begin worker processes.
    if limit == 0:
        return iter(())
    return iter(loader) if limit is None else islice(loader, limit)


def set_epoch(loader: Any, epoch: int) -> None:
    """Tell a loader, or its samplers, which epoch's order is wanted."""
    for part in (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)):
        change: Any = getattr(part, "set_epoch", None)
        if callable(change):
            change(epoch)


def generators_of(loader: Any) -> list[Generator]:
    """The generators a loader and its samplers draw from, each once."""
    parts = [loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    parts.append(getattr(parts[2], "sampler", None))
    found = [getattr(part, "generator", None) for part in parts]
    return list({id(one): one for one in found if isinstance(one, Generator)}.values())


def mapped(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """Apply a function to the tensors of a batch."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, dict):
        return {key: mapped(function, value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(mapped(function, value) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(mapped(function, value) for value in batch)
    return batch


def placed(batch: Any, layout: MeshLayout | None) -> Any:
    """The batch in a layout."""
    return batch if layout is None else mapped(lambda x: x.to_layout(layout), batch)


def size_of(batch: Any) -> int:
    """The length of the first tensor in a batch."""
    while isinstance(batch, list | tuple | dict) and batch:
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return int(batch.shape[0]) if isinstance(batch, Tensor) and batch.ndim else 1
