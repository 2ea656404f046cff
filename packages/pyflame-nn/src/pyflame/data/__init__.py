"""Datasets, samplers and loaders."""

from __future__ import annotations

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
from .loader import DataLoader as DataLoader
from .sampler import (
    BatchSampler as BatchSampler,
    RandomSampler as RandomSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
    SubsetRandomSampler as SubsetRandomSampler,
    WeightedRandomSampler as WeightedRandomSampler,
)
