"""Stop when the loss is no number."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends training, with a warning, after a batch whose loss is NaN or infinite.

    Example:
        >>> from pyflame.training import TerminateOnNaN, Trainer
        >>> trainer = Trainer(callbacks=[TerminateOnNaN()])
    """

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        warnings.warn(
            f"[TerminateOnNaN] the loss of batch {batch} in epoch {kw['epoch']} is {loss}: training ends; "
            "TrainerConfig(detect_anomaly=True) names the operation that a NaN comes from",
            stacklevel=2,
        )
        kw["trainer"].state.should_stop = True
