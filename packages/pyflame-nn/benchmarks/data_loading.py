"""What loading costs: the share of waiting in a training run, and batches per second beside PyTorch's loader.

    python packages/pyflame-nn/benchmarks/data_loading.py [--quick]

The first table trains a small CNN on images in MNIST's format and tells how much of the time of an epoch the program
waits for batches; the goal is 10 % with one worker. The second gives the same Python dataset to both loaders, where
PyTorch is installed. Their epochs alternate, both orders as often, and the median of the pairs' ratios is printed: over
1 is faster than PyTorch. Keep the machine quiet for steady figures.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, Dataset, TensorDataset, transforms
from pyflame.datasets import MNIST, SyntheticDigits


class Images(Dataset[tuple[np.ndarray[Any, Any], int]]):
    """Images of bytes that become floats item by item, as most datasets of images do."""

    def __init__(self, count: int, channels: int, size: int) -> None:
        chance = np.random.default_rng(0)
        self.pixels = chance.integers(0, 256, (count, channels, size, size)).astype(np.uint8)
        self.labels = chance.integers(0, 10, count).tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], int]:
        return np.multiply(self.pixels[index], np.float32(1 / 255), dtype=np.float32), self.labels[index]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def epoch(loader: DataLoader, model: nn.Module, optimizer: optim.Optimizer) -> tuple[float, float, float, float]:
    """Seconds until the first batch, seconds of waiting after it, seconds of everything after it, and the last loss."""
    begin = time.perf_counter()
    batches = iter(loader)
    images, labels = next(batches)
    start = time.perf_counter()
    waiting, loss = 0.0, pf.zeros(())
    while True:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        before = time.perf_counter()
        batch = next(batches, None)
        waiting += time.perf_counter() - before
        if batch is None:
            break
        images, labels = batch
    last = loss.item()
    return start - begin, waiting, time.perf_counter() - start, last


def training(dataset: Any, name: str, epochs: int) -> None:
    rows = []
    for workers, persistent in ((0, False), (1, False), (1, True), (2, True)):
        pf.manual_seed(0)
        model = cnn()
        optimizer = optim.Adam(model.parameters(), lr=1e-3)
        loader = DataLoader(dataset, 64, shuffle=True, num_workers=workers, persistent_workers=persistent, seed=0)
        epoch(loader, model, optimizer)  # plans are made
        found = [epoch(loader, model, optimizer) for _ in range(epochs)]
        first, waiting, total, _ = (statistics.median(column) for column in zip(*found))
        goal = "<= 10 %" if workers == 1 else ""
        label = f"{workers}{', persistent' if persistent else ''}"
        rows.append(
            [
                label,
                f"{first * 1e3:.0f} ms",
                f"{total:.2f} s",
                f"{100 * waiting / total:.1f} %",
                goal,
                f"{found[-1][3]:.3f}",
            ]
        )
    head = ["workers", "first batch", "rest of the epoch", "waiting", "goal", "loss"]
    table(f"Training a CNN on {len(dataset)} images of {name}, batches of 64", head, rows)


def seconds(make: Callable[[], Any], look: Callable[[Any], int]) -> float:
    start = time.perf_counter()
    count = sum(look(batch) for batch in make())
    spent = time.perf_counter() - start
    assert count, "the loader is empty"
    return spent


def against_torch(rounds: int, quick: bool) -> None:
    try:
        import torch
        from torch.utils import data as theirs
    except ModuleNotFoundError:
        print("\nPyTorch is not installed: no comparison")
        return
    scale = 4 if quick else 1
    features = np.random.default_rng(0).random((12_800 // scale, 784), dtype=np.float32)
    labels = np.arange(len(features))
    digits, photos = Images(6_400 // scale, 1, 28), Images(1_024 // scale, 3, 128)
    own_rows = TensorDataset(pf.tensor(features), pf.tensor(labels))
    their_rows = theirs.TensorDataset(torch.from_numpy(features), torch.from_numpy(labels))
    cases = [
        ("784 floats, 64 a batch", own_rows, their_rows, 64),
        ("images 1x28x28, 64 a batch", digits, digits, 64),
        ("images 3x128x128, 32 a batch", photos, photos, 32),
    ]
    rows = []
    for name, ours, other, size in cases:
        for workers in (0, 1, 2):
            options = {"batch_size": size, "shuffle": True, "num_workers": workers, "persistent_workers": workers > 0}
            own, torch_loader = DataLoader(ours, **options), theirs.DataLoader(other, **options)
            makes = [
                lambda own=own: seconds(lambda: own, lambda batch: len(batch[0].numpy())),
                lambda theirs=torch_loader: seconds(lambda: theirs, lambda batch: len(batch[0].numpy())),
            ]
            for make in makes:  # workers start
                make()
            pairs = []
            for turn in range(rounds):
                order = (0, 1) if turn % 2 else (1, 0)
                spent = {which: makes[which]() for which in order}
                pairs.append((spent[0], spent[1]))
            batches = len(own)
            rates = [f"{batches / statistics.median(column):.0f}/s" for column in zip(*pairs)]
            ratio = statistics.median(b / a for a, b in pairs)
            rows.append([name, str(workers), *rates, f"{ratio:.2f}", ">= 1.0"])
            del own, torch_loader, makes
    table("Batches per second", ["dataset", "workers", "PyFlame", "PyTorch", "ratio", "goal"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer items and rounds")
    parser.add_argument("--mnist", metavar="ROOT", help="train on the files of MNIST in this folder")
    options = parser.parse_args()
    change = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.1307], [0.3081])])
    if options.mnist:
        dataset, name = MNIST(options.mnist, transform=change), "MNIST"
    else:
        dataset, name = SyntheticDigits(1_280 if options.quick else 6_400, transform=change), "SyntheticDigits"
    training(dataset, name, 1 if options.quick else 3)
    against_torch(4 if options.quick else 10, options.quick)


if __name__ == "__main__":
    main()
