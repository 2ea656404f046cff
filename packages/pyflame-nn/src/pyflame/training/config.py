"""What a trainer can be told."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Settings of a trainer.

    Args:
        max_epochs: how often to go through the training data.
        max_steps: stop after this many optimizer steps.
        gradient_accumulation_steps: batches whose gradients are averaged into one step.
        gradient_clip_val: limit of the gradients' size, none if None.
        gradient_clip_algorithm: "norm" limits their total norm, "value" each element.
        limit_train_batches: use only the first batches of each epoch.
        limit_val_batches: use only the first batches of each evaluation.
        log_every_n_steps: how often `history.steps` notes the loss.
        enable_progress_bar: show progress on standard output.
        save_dir: where to save the model's weights as `epoch-N.safetensors`, nowhere if None.
        save_every_n_epochs: how often to save them.
        seed: seeds `pf.manual_seed` when fitting begins.
        fast_dev_run: one batch of training and one of evaluation, to see whether everything runs.

    Raises:
        ValueError: a setting is out of range.

    Example:
        >>> from pyflame.training import TrainerConfig
        >>> TrainerConfig(max_epochs=3).to_dict()["max_epochs"]
        3
    """

    max_epochs: int = 10
    max_steps: int | None = None
    gradient_accumulation_steps: int = 1
    gradient_clip_val: float | None = None
    gradient_clip_algorithm: str = "norm"
    limit_train_batches: int | None = None
    limit_val_batches: int | None = None
    log_every_n_steps: int = 50
    enable_progress_bar: bool = True
    save_dir: str | None = None
    save_every_n_epochs: int = 1
    seed: int | None = None
    fast_dev_run: bool = False

    def __post_init__(self) -> None:
        for name in ("max_epochs", "gradient_accumulation_steps", "log_every_n_steps", "save_every_n_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"[TrainerConfig] {name} is {getattr(self, name)}: expected at least 1")
        for name in ("max_steps", "limit_train_batches", "limit_val_batches", "gradient_clip_val"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"[TrainerConfig] {name} is {value}: expected a number that is not negative, or None")
        if self.gradient_clip_algorithm not in ("norm", "value"):
            raise ValueError(
                f"[TrainerConfig] gradient_clip_algorithm is {self.gradient_clip_algorithm!r}: "
                f"expected 'norm' or 'value'"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return all settings by name."""
        return dataclasses.asdict(self)
