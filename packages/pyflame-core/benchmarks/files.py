"""How fast tensors are saved and loaded, beside the safetensors library and NumPy.

    python packages/pyflame-core/benchmarks/files.py [--megabytes 200] [--folder DIR]

Each row is the median of five turns, in which the formats alternate. Saving by PyFlame ends when the bytes are on the
disk; the others are flushed to it here, so that all do the same work. Loading reads every value, from the cache of the
system; a mapped file is summed up, which is when it is read.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pyflame as pf


def flushed(save: Callable[[Path], object], path: Path) -> None:
    save(path)
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def contestants(arrays: dict[str, Any]) -> dict[str, tuple[str, Callable[[Path], object], Callable[[Path], object]]]:
    """Name -> suffix, save, load."""
    from safetensors.numpy import load_file, save_file

    state = {name: pf.tensor(array) for name, array in arrays.items()}

    def read_npz(path: Path) -> None:
        with np.load(path) as file:
            for name in file.files:
                file[name]

    def save(path: Path) -> None:
        pf.save(state, path)

    def sums(path: Path) -> None:
        for tensor in pf.load(path, mmap=True).values():
            tensor.numpy().sum()

    return {
        "pyflame .pf": (".pf", save, pf.load),
        "pyflame .safetensors": (".safetensors", save, pf.load),
        "pyflame .npz": (".npz", save, pf.load),
        "pyflame .pf, mmap and sum": (".pf", save, sums),
        "safetensors": (".safetensors", lambda path: flushed(lambda p: save_file(arrays, p), path), load_file),
        "numpy.savez": (".npz", lambda path: flushed(lambda p: np.savez(p, **arrays), path), read_npz),
    }


def seconds(function: Callable[[Path], object], path: Path) -> float:
    start = time.perf_counter()
    function(path)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--folder", help="on the disk to be measured")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    arrays = {f"layer{k}": rng.random(options.megabytes * 12_500, dtype=np.float32) for k in range(20)}
    rows = contestants(arrays)
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in rows}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for _ in range(5):
            for name, (suffix, save, load) in rows.items():
                path = Path(folder) / f"x{suffix}"
                times[name][0].append(seconds(save, path))
                times[name][1].append(seconds(load, path))
                path.unlink()
    best = [min(statistics.median(times[name][k]) for name in ("safetensors", "numpy.savez")) for k in range(2)]
    print(f"{'':28}{'save':>10}{'load':>10}   of the faster of the two others")
    for name, both in times.items():
        save_time, load_time = map(statistics.median, both)
        print(f"{name:28}{save_time:8.3f} s{load_time:8.3f} s   {save_time / best[0]:.2f} {load_time / best[1]:.2f}")


if __name__ == "__main__":
    main()
