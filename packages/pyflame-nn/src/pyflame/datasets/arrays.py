"""Data sets that are arrays in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pyflame import Tensor, from_numpy

from ..data.dataset import Dataset, Indices

Array = np.ndarray[Any, Any]
Function = Callable[[Any], Any] | None


class ArrayDataset(Dataset[tuple[Any, Any]]):
    """Base class of data sets whose inputs and targets are arrays of equal length.

    Args:
        inputs: (n, ...).
        labels: (n, ...).
        transform: what is done to an input when it is taken.
        target_transform: what is done to a target.
        as_tensors: an input is a tensor; otherwise an array, as transforms of images expect.
        root: the folder it was read from.
    """

    def __init__(
        self,
        inputs: Array,
        labels: Array,
        transform: Function = None,
        target_transform: Function = None,
        as_tensors: bool = True,
        root: str | os.PathLike[str] | None = None,
    ) -> None:
        # What cannot change is shared with tensors instead of copied.
        inputs.flags.writeable = labels.flags.writeable = False
        self._inputs, self._labels, self._as_tensors = inputs, labels, as_tensors
        self.transform, self.target_transform = transform, target_transform
        self.root = Path(root) if root is not None else None

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        item: Any = self._inputs[index]
        if self._as_tensors:
            item = from_numpy(item)
        label: Any = self._labels[index]
        target = label.item() if label.ndim == 0 else from_numpy(label)
        if self.transform is not None:
            item = self.transform(item)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return item, target

    @property
    def fetch(self) -> Callable[[Indices], list[Tensor]] | None:
        """What gives the loader whole batches; None when each item has to be transformed."""
        return self._batch if self.transform is None and self.target_transform is None else None

    def _batch(self, indices: Indices) -> list[Tensor]:
        first, n = int(indices[0]), len(indices)
        chosen: Any = slice(first, first + n) if np.array_equal(indices, np.arange(first, first + n)) else indices
        if isinstance(chosen, slice) and not (0 <= first and first + n <= len(self)):
            raise IndexError(f"[{type(self).__name__}] items {first} to {first + n - 1}: there are {len(self)}")
        return [from_numpy(own[chosen], copy=False) for own in (self._inputs, self._labels)]

    def extra_repr(self) -> str:
        """What else is told of the data set."""
        return ""

    def __repr__(self) -> str:
        rows = [f"Number of datapoints: {len(self)}"]
        rows += [f"Root location: {self.root}"] if self.root is not None else []
        rows += [self.extra_repr()] if self.extra_repr() else []
        rows += [f"{name}: {value}" for name in ("transform", "target_transform") if (value := getattr(self, name))]
        return "\n    ".join([f"Dataset {type(self).__name__}", *rows])
