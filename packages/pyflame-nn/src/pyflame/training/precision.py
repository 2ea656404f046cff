"""The precision that a step computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pyflame as pf
from pyflame import Tensor
from pyflame.nn.utils import clip_grad_norm_, clip_grad_value_
from pyflame.optim import Optimizer

from .config import PRECISIONS, TrainerConfig


class Precision:
    """Autocast around forward passes, scaled losses, and steps that undo the scaling."""

    def __init__(self, config: TrainerConfig) -> None:
        self._config = config
        name = PRECISIONS[config.precision]
        self._dtype = None if name is None else getattr(pf, name)
        self.scaler = pf.amp.GradScaler(enabled=name == "float16")

    def forward(self) -> AbstractContextManager[Any]:
        """Return what to run the model and its loss in."""
        return nullcontext() if self._dtype is None else pf.autocast(dtype=self._dtype)

    def backward(self, loss: Tensor, share: int) -> None:
        """Add the gradients of a loss, divided by `share`."""
        self.scaler.scale(loss if share == 1 else loss / share).backward()

    def step(self, optimizer: Optimizer) -> None:
        """Clip the gradients and take a step."""
        if self._config.gradient_clip_val is not None:
            self.scaler.unscale_(optimizer)
            parameters = [param for group in optimizer.param_groups for param in group["params"]]
            clip = clip_grad_norm_ if self._config.gradient_clip_algorithm == "norm" else clip_grad_value_
            clip(parameters, self._config.gradient_clip_val)
        self.scaler.step(optimizer)
        self.scaler.update()
