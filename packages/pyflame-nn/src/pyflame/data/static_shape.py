"""Batches that all have one shape, as hardware with compiled programs wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyflame import MeshLayout, Tensor, arange, cat as join, full, to_layout

from .dataset import IterableDataset
from .loader import DataLoader


class StaticShapeDataLoader:
    """A loader whose last batch is filled up, so that one compiled program serves all batches.

    Args:
        dataset: as for `DataLoader`.
        batch_size: items in every batch.
        pad_value: what the tensors of items that are missing are filled with.
        return_mask: yield a pair of the batch and a mask (batch_size), which is true for items that are there.
        options: further arguments of `DataLoader`; `drop_last` and samplers of batches are not among them.

    Raises:
        ValueError: an option that contradicts batches of one size.
        TypeError: while iterating: a batch has parts that cannot be filled up.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import StaticShapeDataLoader, TensorDataset
        >>> loader = StaticShapeDataLoader(TensorDataset(pf.arange(3)), batch_size=2, pad_value=-1)
        >>> [(batch[0].tolist(), mask.tolist()) for batch, mask in loader]
        [([0, 1], [True, True]), ([2, -1], [True, False])]
    """

    def __init__(
        self, dataset: Any, batch_size: int, pad_value: float = 0.0, return_mask: bool = True, **options: Any
    ) -> None:
        if not isinstance(batch_size, int):
            raise ValueError(f"[StaticShapeDataLoader] batch_size is {batch_size!r}: expected a number")
        if excluded := {"drop_last", "batch_sampler"} & options.keys():
            raise ValueError(
                f"[StaticShapeDataLoader] {sorted(excluded)[0]} does not go with batches that are filled up"
            )
        if isinstance(dataset, IterableDataset) and options.get("num_workers", 0) > 1:
            raise ValueError(
                "[StaticShapeDataLoader] each worker of an IterableDataset ends with a batch of its own: use one worker"
            )
        self.loader = DataLoader(dataset, batch_size, **options)
        self.batch_size, self.pad_value, self.return_mask = batch_size, pad_value, return_mask

    def __len__(self) -> int:
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch when the loader shuffles."""
        self.loader.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            count = items_of(batch)
            whole = batch if count == self.batch_size else filled(batch, self.batch_size, self.pad_value)
            yield (whole, arange(self.batch_size) < count) if self.return_mask else whole


def items_of(batch: Any) -> int:
    """Return the first dimension of the first tensor in a batch."""
    if isinstance(batch, Tensor) and batch.ndim:
        return int(batch.shape[0])
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, list | tuple) and batch:
        return len(batch) if isinstance(batch[0], str | bytes) else items_of(batch[0])
    raise TypeError(f"[StaticShapeDataLoader] a batch has a {type(batch).__name__}: expected tensors of items")


def filled(batch: Any, size: int, value: float) -> Any:
    """Fill the tensors of a batch up to a first dimension, and lists of strings with empty ones."""
    if isinstance(batch, Tensor):
        lacking = size - batch.shape[0]
        return join([batch, full((lacking, *batch.shape[1:]), value, dtype=batch.dtype)])
    if isinstance(batch, Mapping):
        return {key: filled(part, size, value) for key, part in batch.items()}
    if isinstance(batch, list | tuple) and batch:
        if isinstance(batch[0], str | bytes):
            return type(batch)([*batch, *[type(batch[0])()] * (size - len(batch))])
        parts = [filled(part, size, value) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    raise TypeError(f"[StaticShapeDataLoader] a batch has a {type(batch).__name__}: it cannot be filled up")


class _Placed(StaticShapeDataLoader):
    """Batches of one shape whose tensors have a layout on the wafer's mesh."""

    layout: MeshLayout | None = None

    def __iter__(self) -> Iterator[Any]:
        for batch, mask in super().__iter__():
            yield (placed(batch, self.layout), mask) if self.layout is not None else (batch, mask)


def placed(batch: Any, layout: MeshLayout) -> Any:
    if isinstance(batch, Tensor):
        return to_layout(batch, layout)
    if isinstance(batch, Mapping):
        return {key: placed(part, layout) for key, part in batch.items()}
    if isinstance(batch, list | tuple):
        parts = [placed(part, layout) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def prepare_for_cerebras(
    dataset: Any, batch_size: int, mesh_layout: MeshLayout | None = None, **options: Any
) -> StaticShapeDataLoader:
    """Return a loader for the wafer: batches of one shape with a mask, their tensors with a layout on the mesh.

    Args:
        dataset: as for `DataLoader`.
        batch_size: items in every batch.
        mesh_layout: of every tensor; if None the backend places them.
        options: further arguments of `StaticShapeDataLoader`.

    Raises:
        ValueError: an option that contradicts batches of one size, or `return_mask=False`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import TensorDataset, prepare_for_cerebras
        >>> loader = prepare_for_cerebras(TensorDataset(pf.ones(3, 4)), 2, pf.MeshLayout.grid(1, 2))
        >>> [(batch[0].shape, mask.tolist()) for batch, mask in loader]
        [(pyflame.Size([2, 4]), [True, True]), (pyflame.Size([2, 4]), [True, False])]
    """
    if not options.get("return_mask", True):
        raise ValueError("[prepare_for_cerebras] return_mask is False: without it filled items would count as real")
    loader = _Placed(dataset, batch_size, **options)
    loader.layout = mesh_layout
    return loader
