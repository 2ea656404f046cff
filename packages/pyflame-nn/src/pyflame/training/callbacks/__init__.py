"""What a trainer can call at the events of a run."""

from __future__ import annotations

from .callback import Callback as Callback, CallbackList as CallbackList
from .early_stopping import EarlyStopping as EarlyStopping
from .lambda_callback import LambdaCallback as LambdaCallback
from .progress_bar import ProgressBar as ProgressBar
