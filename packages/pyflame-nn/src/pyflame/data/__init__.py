"""Datasets, samplers and loaders."""

from __future__ import annotations

import typing as _typing

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from . import transforms as transforms
from .collate import default_collate as default_collate, default_convert as default_convert
from .dataset import (
    ConcatDataset as ConcatDataset,
    Dataset as Dataset,
    IterableDataset as IterableDataset,
    Subset as Subset,
    TensorDataset as TensorDataset,
    random_split as random_split,
)
from .derived import (
    ChainDataset as ChainDataset,
    LazyDataset as LazyDataset,
    MapDataset as MapDataset,
    StackDataset as StackDataset,
)
from .distributed import DistributedSampler as DistributedSampler
from .loader import DataLoader as DataLoader
from .sampler import (
    BatchSampler as BatchSampler,
    RandomSampler as RandomSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
    SubsetRandomSampler as SubsetRandomSampler,
    WeightedRandomSampler as WeightedRandomSampler,
)
from .static_shape import (
    StaticShapeDataLoader as StaticShapeDataLoader,
    prepare_for_cerebras as prepare_for_cerebras,
)
from .worker_info import WorkerInfo as WorkerInfo, get_worker_info as get_worker_info

if _typing.TYPE_CHECKING:
    from .. import datasets as datasets


def __getattr__(name: str) -> object:
    if name == "datasets":  # at first use: it is made of what stands above
        from .. import datasets

        return datasets
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
