"""Data sets: readers of standard file formats, and made-up ones that need no files."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .cifar import CIFAR10 as CIFAR10, CIFAR100 as CIFAR100
from .digits import SyntheticDigits as SyntheticDigits
from .fake import FakeData as FakeData
from .folder import DatasetFolder as DatasetFolder, ImageFolder as ImageFolder
from .imagenet import ImageNet as ImageNet
from .mnist import MNIST as MNIST, FashionMNIST as FashionMNIST
from .synthetic import (
    Blobs as Blobs,
    CopyTask as CopyTask,
    Moons as Moons,
    SineWave as SineWave,
    Spirals as Spirals,
)
from .text import LanguageModelingDataset as LanguageModelingDataset, TextDataset as TextDataset
