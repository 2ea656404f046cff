"""Layers, losses and containers, with PyTorch's names."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from . import functional as functional, init as init, utils as utils
from .activation import (
    ELU as ELU,
    GELU as GELU,
    LeakyReLU as LeakyReLU,
    LogSigmoid as LogSigmoid,
    LogSoftmax as LogSoftmax,
    ReLU as ReLU,
    Sigmoid as Sigmoid,
    SiLU as SiLU,
    Softmax as Softmax,
    Softplus as Softplus,
    Tanh as Tanh,
)
from .batchnorm import BatchNorm1d as BatchNorm1d, BatchNorm2d as BatchNorm2d
from .container import ModuleDict as ModuleDict, ModuleList as ModuleList, Sequential as Sequential
from .conv import Conv2d as Conv2d
from .dropout import Dropout as Dropout, Dropout2d as Dropout2d
from .linear import Flatten as Flatten, Identity as Identity, Linear as Linear, Unflatten as Unflatten
from .loss import (
    BCELoss as BCELoss,
    BCEWithLogitsLoss as BCEWithLogitsLoss,
    CrossEntropyLoss as CrossEntropyLoss,
    HuberLoss as HuberLoss,
    KLDivLoss as KLDivLoss,
    L1Loss as L1Loss,
    Loss as Loss,
    MSELoss as MSELoss,
    NLLLoss as NLLLoss,
    SmoothL1Loss as SmoothL1Loss,
)
from .module import Module as Module
from .parameter import Buffer as Buffer, Parameter as Parameter
from .pooling import AvgPool2d as AvgPool2d, MaxPool2d as MaxPool2d
