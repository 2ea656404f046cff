"""What the examples share: arguments, a table of the epochs, and a plot of the curves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PLOTS = Path(__file__).resolve().parents[2] / "build" / "examples"


def arguments(name: str, description: str | None, **options: dict[str, Any]) -> argparse.Namespace:
    """Parse --quick, --plot and further options of an example.

    Args:
        name: of the example; the plot is called so.
        options: name -> keywords of `add_argument`.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run on little data, to see that it works")
    parser.add_argument("--plot", type=Path, default=PLOTS / f"{name}.png", help="where to save the plot")
    for option, keywords in options.items():
        parser.add_argument(f"--{option.replace('_', '-')}", **keywords)
    return parser.parse_args()


def table(epochs: Sequence[Mapping[str, float]], percent: Sequence[str] = (), every: int = 1) -> None:
    """Print one row for each epoch.

    Args:
        epochs: the measurements of each.
        percent: names of those that are shares.
        every: print only every so many rows, and the last.
    """
    names = list(epochs[-1])
    print("\n" + "  ".join(["epoch", *(f"{name:>{max(len(name), 8)}}" for name in names)]))
    for number, row in enumerate(epochs, 1):
        if number % every and number != len(epochs):
            continue
        cells = [f"{number:5}"]
        for name in names:
            text = f"{row[name]:.2%}" if name in percent else f"{row[name]:.4f}"
            cells.append(f"{text:>{max(len(name), 8)}}")
        print("  ".join(cells))


def plot(path: Path, epochs: Sequence[Mapping[str, float]], groups: Mapping[str, Sequence[str]], title: str) -> None:
    """Save a plot with one panel for each group of curves.

    Args:
        path: of the picture.
        epochs: the measurements of each epoch.
        groups: label of the vertical axis -> names of the curves.
    """
    try:
        import matplotlib
    except ImportError:
        sys.exit("The plot needs matplotlib: pip install matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(groups), figsize=(5 * len(groups), 3.6), squeeze=False, layout="constrained")
    steps = range(1, len(epochs) + 1)
    for axis, (label, names) in zip(axes[0], groups.items()):
        for name in names:
            axis.plot(steps, [epoch[name] for epoch in epochs], marker="." if len(epochs) < 40 else "", label=name)
        axis.set_xlabel("epoch")
        axis.set_ylabel(label)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(f"\nSaved the curves to {path}")


def expect(what: str, reached: float, wanted: float, at_most: bool = False) -> None:
    """End the program with an error when a result is not what this example reaches."""
    if not (reached <= wanted if at_most else reached >= wanted):
        sys.exit(f"{what} is {reached:.4f}, {'at most' if at_most else 'at least'} {wanted} was expected")
    print(f"{what}: {reached:.4f} ({'at most' if at_most else 'at least'} {wanted} expected)")
