"""What a trainer can call at the events of a run."""

from __future__ import annotations

from .accumulation import GradientAccumulationScheduler as GradientAccumulationScheduler
from .callback import Callback as Callback, CallbackList as CallbackList
from .csv_logger import CSVLogger as CSVLogger
from .early_stopping import EarlyStopping as EarlyStopping
from .lambda_callback import LambdaCallback as LambdaCallback
from .learning_rate_monitor import LearningRateMonitor as LearningRateMonitor
from .learning_rate_scheduler import LearningRateScheduler as LearningRateScheduler
from .logger import as_callback as as_callback
from .model_checkpoint import ModelCheckpoint as ModelCheckpoint
from .profiler import ProfilerCallback as ProfilerCallback
from .progress_bar import ProgressBar as ProgressBar
from .swa import StochasticWeightAveraging as StochasticWeightAveraging
from .tensorboard import TensorBoardLogger as TensorBoardLogger
from .terminate_on_nan import TerminateOnNaN as TerminateOnNaN
