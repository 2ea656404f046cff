"""Checkpoints of a trainer: all that a run needs to go on as if it had not stopped."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyflame as pf
from pyflame import Checkpoint, Generator, Tensor
from pyflame.distributed import all_gather_object, get_rank, get_world_size

from . import streams
from .batches import generators_of
from .state import History, Progress, TrainerState

if TYPE_CHECKING:
    from .callbacks import Callback
    from .trainer import Trainer

PART = "trainer"  # of the checkpoint's metadata: what a checkpoint has no field for


def keys_of(callbacks: Iterable[Callback]) -> list[str]:
    """A name for each callback: that of its class, numbered where there are several."""
    names = [type(callback).__name__ for callback in callbacks]
    return [f"{name}#{names[:place].count(name)}" for place, name in enumerate(names)]


def all_generators(trainer: Trainer) -> list[Generator]:
    found = [*generators_of(trainer.train_loader), *generators_of(trainer.val_loader)]
    return list({id(one): one for one in found}.values())


def snapshot(trainer: Trainer) -> Checkpoint:
    """Note where a run stands.

    Raises:
        RuntimeError: several processes train, and gradients of some batches wait for those of others.
    """
    state, progress, model, optimizer = trainer.state, trainer.progress, trainer.model, trainer.optimizer
    if progress.waiting and get_world_size() > 1:
        raise RuntimeError(
            "[save_checkpoint] each process holds gradients of its own: save after a step, not between the batches "
            "that are accumulated for one"
        )
    own = {
        "now": streams.capture(all_generators(trainer)),
        "epoch": trainer.streams,
        "sums": dict(progress.sums),
        "items": progress.items,
    }
    part = {
        "state": {**asdict(state), "logs": dict(state.logs), "should_stop": False},
        "progress": progress.as_dict(),
        "history": asdict(trainer.history),
        "processes": gathered(own),
        "gradients": gradients_of(optimizer) if progress.waiting else None,
        "modes": {name: module.training for name, module in model.named_modules()} if model else {},
        "trained": {name: param.requires_grad for name, param in model.named_parameters()} if model else {},
        "scaler": trainer.precision.scaler.state_dict(),
        "callbacks": {
            key: callback.state_dict() for key, callback in zip(keys_of(trainer.callbacks), trainer.callbacks)
        },
    }
    checkpoint = Checkpoint(
        model,
        optimizer,
        epoch=state.epoch + progress.finished,
        global_step=state.global_step,
        best_metric=state.best_metric,
        scheduler_state=trainer.scheduler,
        rng_state=pf.get_rng_state(),
    )
    checkpoint.metadata[PART] = part
    return checkpoint


def gathered(own: dict[str, Any]) -> list[dict[str, Any]]:
    """What each process has of its own, by rank."""
    if get_world_size() == 1:
        return [own]
    found: list[dict[str, Any]] = [{}] * get_world_size()
    all_gather_object(found, own)
    return found


def gradients_of(optimizer: Any) -> list[Tensor | None]:
    return [param.grad for group in optimizer.param_groups for param in group["params"]]


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Put model, optimizer, scheduler and state back; `restore_run` does the rest when the run goes on.

    Raises:
        ValueError: a trainer did not make the checkpoint, or more or fewer processes did.
    """
    part = part_of(checkpoint)
    if len(part["processes"]) != get_world_size():
        raise ValueError(
            f"[load_checkpoint] {len(part['processes'])} processes saved it and {get_world_size()} load it: start as "
            "many, or take only the weights, pf.load_checkpoint(path).model_state"
        )
    model, optimizer, scheduler = trainer.needed("model"), trainer.needed("optimizer"), trainer.scheduler
    if (scheduler is None) != (checkpoint.scheduler_state is None):
        raise ValueError(
            f"[load_checkpoint] the trainer has {'no' if scheduler is None else 'a'} scheduler, the checkpoint "
            f"{'a' if scheduler is None else 'no'} state of one: set the trainer up as it was"
        )
    model.load_state_dict(checkpoint.model_state)
    parameters = dict(model.named_parameters())
    for name, requires_grad in part["trained"].items():
        parameters[name].requires_grad_(requires_grad)
    optimizer.load_state_dict(checkpoint.optimizer_state)
    if scheduler is not None:
        scheduler.load_state_dict(checkpoint.scheduler_state)
    if part["scaler"] and trainer.precision.scaler.is_enabled():
        trainer.precision.scaler.load_state_dict(part["scaler"])
    own = part["processes"][get_rank()]
    trainer.state = TrainerState(**part["state"])
    trainer.history = History(**part["history"])
    trainer.progress = Progress(**{**part["progress"], "sums": dict(own["sums"]), "items": own["items"]})
    trainer.streams = own["epoch"]


def restore_run(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Put back what the start of a run resets: callbacks, modes of modules, gradients that wait."""
    part = part_of(checkpoint)
    states = dict(part["callbacks"])
    for key, callback in zip(keys_of(trainer.callbacks), trainer.callbacks):
        if state := states.pop(key, None):
            callback.load_state_dict(state)
    if lost := sorted(key for key, state in states.items() if state):
        warnings.warn(f"[load_checkpoint] nobody takes the saved states of {', '.join(lost)}", stacklevel=4)
    trainer.callbacks.on_load_checkpoint(trainer, checkpoint)
    modules = dict(trainer.needed("model").named_modules())
    for name, training in part["modes"].items():
        modules[name].training = training
    if part["gradients"] is not None:
        parameters = [param for group in trainer.needed("optimizer").param_groups for param in group["params"]]
        for param, gradient in zip(parameters, part["gradients"]):
            param.grad = gradient


def restore_streams(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Put back where random streams stood when the checkpoint was saved."""
    streams.restore(part_of(checkpoint)["processes"][get_rank()]["now"], all_generators(trainer))


def part_of(checkpoint: Checkpoint) -> Mapping[str, Any]:
    if PART not in checkpoint.metadata:
        raise ValueError(
            "[load_checkpoint] a trainer did not write this checkpoint: load its parts yourself, such as "
            "model.load_state_dict(checkpoint.model_state)"
        )
    part: Mapping[str, Any] = checkpoint.metadata[PART]
    return part
