"""The training loop and its callbacks."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .callbacks import (
    Callback as Callback,
    CallbackList as CallbackList,
    EarlyStopping as EarlyStopping,
    LambdaCallback as LambdaCallback,
    ProgressBar as ProgressBar,
)
from .config import TrainerConfig as TrainerConfig
from .state import History as History, TrainerState as TrainerState
from .trainer import Trainer as Trainer
