"""Train a small Vision Transformer on scikit-learn's handwritten digits.

    python docs/examples/digits_vit.py [--quick]

An image of 8x8 pixels is 16 patches of 2x2, between which the transformer looks for what belongs together.
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
EPOCHS, WANTED = 40, 0.96
QUICK_EPOCHS, WANTED_QUICK = 8, 0.85
WIDTH, LAYERS, HEADS = 64, 3, 4


class Classifier(nn.Module):
    """Logits of the digits, (batch, 10), for images (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        config = models.ViTConfig(
            WIDTH, LAYERS, HEADS, 2 * WIDTH, image_size=8, patch_size=2, num_channels=1, num_labels=10,
            hidden_dropout_prob=0.1,
        )  # fmt: skip
        self.vit = models.ViTForImageClassification(config)

    def forward(self, images: pf.Tensor) -> pf.Tensor:
        return self.vit(images).logits


def accuracy(output: pf.Tensor, target: pf.Tensor) -> pf.Tensor:
    return (output.argmax(1) == target).float().mean()


def main() -> None:
    options = report.arguments("digits_vit", __doc__)
    began = time.perf_counter()
    bunch = load_digits()
    order = np.random.default_rng(SEED).permutation(len(bunch.target))
    images = pf.tensor((bunch.images[order, None] / 8 - 1).astype(np.float32))  # from -1 to 1
    digits = pf.tensor(bunch.target[order].astype(np.int64))
    train_set = TensorDataset(images[HELD_OUT:], digits[HELD_OUT:])
    test_set = TensorDataset(images[:HELD_OUT], digits[:HELD_OUT])

    pf.manual_seed(SEED)
    model = Classifier()
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    epochs = QUICK_EPOCHS if options.quick else EPOCHS
    batches = DataLoader(train_set, batch_size=48, shuffle=True, seed=SEED)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = optim.OneCycleLR(optimizer, max_lr=2e-3, total_steps=epochs * len(batches), pct_start=0.2)
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
    report.plot(options.plot, history.epochs, curves, "Vision Transformer on digits")
    print(f"Took {time.perf_counter() - began:.0f} s.")
    wanted = WANTED_QUICK if options.quick else WANTED
    report.expect("Share of held-out images read correctly", history["val_accuracy"][-1], wanted)


if __name__ == "__main__":
    main()
