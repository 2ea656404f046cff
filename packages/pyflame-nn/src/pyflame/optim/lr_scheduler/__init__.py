"""Learning rate schedulers; the same names are in `pyflame.optim`."""

from __future__ import annotations

from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .scheduler import LRScheduler as LRScheduler
from .schedules import CosineAnnealingLR as CosineAnnealingLR, LambdaLR as LambdaLR, StepLR as StepLR
