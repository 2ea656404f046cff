"""Optimizers and learning rate schedulers."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from . import lr_scheduler as lr_scheduler
from .adam import Adam as Adam, AdamW as AdamW
from .lr_scheduler import (
    CosineAnnealingLR as CosineAnnealingLR,
    LambdaLR as LambdaLR,
    LRScheduler as LRScheduler,
    ReduceLROnPlateau as ReduceLROnPlateau,
    StepLR as StepLR,
)
from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD
