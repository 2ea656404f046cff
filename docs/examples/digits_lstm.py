"""Read handwritten digits pixel after pixel, as a text of 64 shades, with an LSTM in both directions.

    python docs/examples/digits_lstm.py [--quick]

scikit-learn's digits have 8x8 pixels of 17 shades: to the network they are words of a language with 17 of them, and
that one row is below another it must find out.
"""

from __future__ import annotations

import time

import numpy as np
import report
from sklearn.datasets import load_digits

import pyflame as pf
from pyflame import models, nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import LearningRateScheduler, Trainer, TrainerConfig

SEED = 0
HELD_OUT = 360
SHADES = 17
EPOCHS, WANTED = 40, 0.93
QUICK_EPOCHS, WANTED_QUICK = 6, 0.7  # guessing gives 0.1


def accuracy(output: pf.Tensor, target: pf.Tensor) -> pf.Tensor:
    return (output.argmax(1) == target).float().mean()


def main() -> None:
    options = report.arguments("digits_lstm", __doc__)
    began = time.perf_counter()
    bunch = load_digits()
    order = np.random.default_rng(SEED).permutation(len(bunch.target))
    texts = pf.tensor(bunch.data[order].astype(np.int64))  # (images, 64), row after row
    digits = pf.tensor(bunch.target[order].astype(np.int64))
    train_set = TensorDataset(texts[HELD_OUT:], digits[HELD_OUT:])
    test_set = TensorDataset(texts[:HELD_OUT], digits[:HELD_OUT])

    pf.manual_seed(SEED)
    model = models.LSTMClassifier(SHADES, 16, 64, num_classes=10, bidirectional=True, dropout=0.2)
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    epochs = QUICK_EPOCHS if options.quick else EPOCHS
    batches = DataLoader(train_set, batch_size=32, shuffle=True, seed=SEED)
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
    schedule = optim.OneCycleLR(optimizer, max_lr=5e-3, total_steps=epochs * len(batches))
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=epochs, gradient_clip_val=1.0),
        optimizer=optimizer,
        criterion=nn.CrossEntropyLoss(),
        metrics={"accuracy": accuracy},
        callbacks=[LearningRateScheduler(schedule, interval="step")],
    )
    history = trainer.fit(train_loader=batches, val_loader=DataLoader(test_set, batch_size=HELD_OUT))

    report.table(history.epochs, percent=["val_accuracy"], every=1 if options.quick else 4)
    curves = {"loss": ["loss", "val_loss"], "share read correctly": ["val_accuracy"]}
    report.plot(options.plot, history.epochs, curves, "LSTM that reads digits pixel after pixel")
    print(f"Took {time.perf_counter() - began:.0f} s.")
    wanted = WANTED_QUICK if options.quick else WANTED
    report.expect("Share of held-out images read correctly", history["val_accuracy"][-1], wanted)


if __name__ == "__main__":
    main()
