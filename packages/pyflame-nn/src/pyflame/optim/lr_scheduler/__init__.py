"""Learning rate schedulers; the same names are in `pyflame.optim`."""

from __future__ import annotations

from .combined import ChainedScheduler as ChainedScheduler, SequentialLR as SequentialLR
from .cosine import (
    CosineAnnealingLR as CosineAnnealingLR,
    CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts,
)
from .cyclic import CyclicLR as CyclicLR
from .decay import (
    ExponentialLR as ExponentialLR,
    MultiStepLR as MultiStepLR,
    PolynomialLR as PolynomialLR,
    StepLR as StepLR,
)
from .functions import LambdaLR as LambdaLR, MultiplicativeLR as MultiplicativeLR
from .one_cycle import OneCycleLR as OneCycleLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .ramps import ConstantLR as ConstantLR, LinearLR as LinearLR
from .scheduler import LRScheduler as LRScheduler
from .warmup import WarmupLR as WarmupLR
