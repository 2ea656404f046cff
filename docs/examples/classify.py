"""What the examples that tell classes apart share: digits, and a run whose learning rate rises and falls once."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import report

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, Dataset, TensorDataset
from pyflame.training import LearningRateScheduler, Trainer, TrainerConfig

SEED = 0


def digits(change: Callable[[np.ndarray], np.ndarray], held_out: int = 360) -> tuple[TensorDataset, TensorDataset]:
    """Return scikit-learn's handwritten digits, to learn from and held out, in an order that a fixed seed gives.

    Args:
        change: makes the model's input of images (n, 8, 8), whose shades go from 0 to 16.
        held_out: how many of the 1,797 are.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(SEED).permutation(len(bunch.target))
    inputs = pf.tensor(change(bunch.images[order]))
    targets = pf.tensor(bunch.target[order].astype(np.int64))
    return TensorDataset(inputs[held_out:], targets[held_out:]), TensorDataset(inputs[:held_out], targets[:held_out])


def accuracy(output: pf.Tensor, target: pf.Tensor) -> pf.Tensor:
    return (output.argmax(1) == target).float().mean()


def run(
    options: argparse.Namespace,
    make: Callable[[], nn.Module],
    train_set: Dataset,
    test_set: Dataset,
    title: str,
    *,
    epochs: int,
    rate: float,
    wanted: float,
    batch_size: int = 32,
    weight_decay: float = 0.01,
    warm_up: float = 0.3,
    every: int = 1,
    what: str = "images read correctly",
) -> None:
    """Train a model, print its table, save its plot, and end with an error if it tells too few classes.

    Args:
        options: of the command line.
        make: the model; it is made with a fixed seed.
        rate: the highest learning rate.
        wanted: at least this share of the held-out items must be told.
        warm_up: the share of the steps in which the rate rises.
        every: of how many epochs one is printed.
        what: is counted.
    """
    began = time.perf_counter()
    print(f"{len(train_set):,} items to learn from, {len(test_set):,} held out")
    pf.manual_seed(SEED)
    model = make()
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    batches = DataLoader(train_set, batch_size=batch_size, shuffle=True, seed=SEED)
    optimizer = optim.AdamW(model.parameters(), lr=rate, weight_decay=weight_decay)
    steps = epochs * len(batches)
    schedule = optim.OneCycleLR(optimizer, max_lr=rate, total_steps=steps, pct_start=warm_up)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=epochs, gradient_clip_val=1.0),
        optimizer=optimizer,
        criterion=nn.CrossEntropyLoss(),
        metrics={"accuracy": accuracy},
        callbacks=[LearningRateScheduler(schedule, interval="step")],
    )
    history = trainer.fit(train_loader=batches, val_loader=DataLoader(test_set, batch_size=256))

    report.table(history.epochs, percent=["val_accuracy"], every=every)
    curves = {"loss": ["loss", "val_loss"], f"share of {what}": ["val_accuracy"]}
    report.plot(options.plot, history.epochs, curves, title)
    print(f"Took {time.perf_counter() - began:.0f} s.")
    report.expect(f"Share of held-out {what}", history["val_accuracy"][-1], wanted)
