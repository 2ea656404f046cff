"""The training loop and its callbacks."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .callbacks import (
    Callback as Callback,
    CallbackList as CallbackList,
    CSVLogger as CSVLogger,
    EarlyStopping as EarlyStopping,
    GradientAccumulationScheduler as GradientAccumulationScheduler,
    LambdaCallback as LambdaCallback,
    LearningRateMonitor as LearningRateMonitor,
    LearningRateScheduler as LearningRateScheduler,
    ModelCheckpoint as ModelCheckpoint,
    ProfilerCallback as ProfilerCallback,
    ProgressBar as ProgressBar,
    StochasticWeightAveraging as StochasticWeightAveraging,
    TensorBoardLogger as TensorBoardLogger,
    TerminateOnNaN as TerminateOnNaN,
)
from .config import TrainerConfig as TrainerConfig
from .state import History as History, TrainerState as TrainerState
from .trainer import Trainer as Trainer
