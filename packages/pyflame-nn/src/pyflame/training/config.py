"""What a trainer can be told."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from pyflame import MeshLayout

PRECISIONS = {"32": None, "16": "float16", "16-mixed": "float16", "bf16": "bfloat16", "bf16-mixed": "bfloat16"}
AT_LEAST_ONE = ("max_epochs", "gradient_accumulation_steps", "log_every_n_steps", "save_every_n_epochs")
NOT_NEGATIVE = ("max_steps", "gradient_clip_val")
LIMITS = ("limit_train_batches", "limit_val_batches")
CHOICES = {
    "gradient_clip_algorithm": ("norm", "value"),
    "precision": tuple(PRECISIONS),
    "accelerator": ("auto", "cpu", "cerebras"),
}


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Settings of a trainer.

    Args:
        max_epochs: how often to go through the training data.
        max_steps: stop after this many optimizer steps.
        gradient_accumulation_steps: batches whose gradients are averaged into one step.
        gradient_clip_val: limit of the gradients' size, none if None.
        gradient_clip_algorithm: "norm" limits their total norm, "value" each element.
        val_check_interval: how often to evaluate: a share of the epoch (1.0: at its end), or a number of batches.
        limit_train_batches: use only the first batches of each epoch; a float is a share of them.
        limit_val_batches: use only the first batches of each evaluation; a float is a share of them.
        log_every_n_steps: how often `history.steps` and loggers note the loss.
        enable_progress_bar: show progress on standard output.
        save_dir: where checkpoints go, nowhere if None: the latest is `last.pf`.
        save_every_n_epochs: how often to save them.
        save_top_k: how many of the best stay beside the latest, by `val_loss`, or `loss` without validation data; -1
            keeps all.
        precision: "32"; "bf16-mixed" or "bf16" computes products in bfloat16 (`pf.autocast`); "16-mixed" or "16" in
            float16, with scaled losses (`pf.amp.GradScaler`). Weights stay float32.
        accelerator: the backend: "cpu", "cerebras" (from pyflame-csl), or "auto" for the present one.
        devices: 1 or "auto": a trainer uses one device; `pyflame.distributed` uses several processes.
        seed: seeds `pf.manual_seed` when fitting begins.
        deterministic: use only algorithms that give the same numbers every time, while fitting.
        detect_anomaly: raise where a gradient is not a number, naming the operation; slow.
        fast_dev_run: one batch (or so many) of training and of evaluation, to see whether everything runs; nothing is
            saved.
        mesh_layout: place the tensors of each batch so.
        compile_only: build the plan of the first training step and stop: nothing is computed.

    Raises:
        ValueError: a setting is out of range.
        NotImplementedError: more devices than one.

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
    val_check_interval: float | int = 1.0
    limit_train_batches: int | float | None = None
    limit_val_batches: int | float | None = None
    log_every_n_steps: int = 50
    enable_progress_bar: bool = True
    save_dir: str | None = None
    save_every_n_epochs: int = 1
    save_top_k: int = 3
    precision: str = "32"
    accelerator: str = "auto"
    devices: int | str = "auto"
    seed: int | None = None
    deterministic: bool = False
    detect_anomaly: bool = False
    fast_dev_run: bool | int = False
    mesh_layout: MeshLayout | None = None
    compile_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "precision", str(self.precision))
        for name in AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise refusal(self, name, "at least 1")
        for name in NOT_NEGATIVE:
            if getattr(self, name) is not None and getattr(self, name) < 0:
                raise refusal(self, name, "a number that is not negative, or None")
        for name in LIMITS:
            check_limit(self, name)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise refusal(self, name, " or ".join(map(repr, choices)))
        interval = self.val_check_interval
        if interval < 1 if isinstance(interval, int) else not 0 < interval <= 1:
            raise refusal(
                self, "val_check_interval", "a share of the epoch above 0 and up to 1.0, or a number of batches"
            )
        if self.save_top_k < -1:
            raise refusal(self, "save_top_k", "how many, 0 for none, or -1 for all")
        if self.fast_dev_run < 0:
            raise refusal(self, "fast_dev_run", "a number of batches, or a bool")
        if self.mesh_layout is not None and not isinstance(self.mesh_layout, MeshLayout):
            raise TypeError(
                f"[TrainerConfig] mesh_layout is a {type(self.mesh_layout).__name__}: expected a MeshLayout"
            )
        if self.devices not in (1, "auto"):
            raise NotImplementedError(
                f"[TrainerConfig] devices is {self.devices!r}: a trainer uses 1; to train with several processes, "
                "start them with mpirun and wrap the model in pyflame.distributed.DistributedDataParallel"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return all settings by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def refusal(config: TrainerConfig, name: str, expected: str) -> ValueError:
    return ValueError(f"[TrainerConfig] {name} is {getattr(config, name)!r}: expected {expected}")


def check_limit(config: TrainerConfig, name: str) -> None:
    value = getattr(config, name)
    if value is None or (isinstance(value, int) and value >= 0) or (isinstance(value, float) and 0 <= value <= 1):
        return
    raise refusal(config, name, "a number of batches that is not negative, a share from 0.0 to 1.0, or None")
