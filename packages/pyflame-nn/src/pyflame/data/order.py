"""Random orders, drawn on the host from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import Generator, randint, use_backend

Order = np.ndarray[Any, np.dtype[np.int64]]


def draw_seed(generator: Generator | None) -> int:
    """Draw a seed from a generator of pyflame, `pf.default_generator` if None: `pf.manual_seed` fixes orders too."""
    with use_backend("cpu"):  # orders are made on the host, whichever backend computes, and are the same for all
        return int(randint(0, 2**62, (), generator=generator).item())


def host_generator(generator: Generator | None, seed: int | None, epoch: int = 0) -> np.random.Generator:
    """Return a NumPy generator; the same seed and epoch always give the same one."""
    key = [draw_seed(generator) if seed is None else seed, epoch]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def permutation(n: int, generator: Generator | None = None, seed: int | None = None, epoch: int = 0) -> Order:
    """Return the numbers from 0 to n - 1 in random order."""
    return host_generator(generator, seed, epoch).permutation(n)


def epoch_seed(generator: Generator | None, seed: int | None, epoch: int) -> int:
    """Return a seed for what is random in an epoch besides its order."""
    if seed is None:
        return draw_seed(generator)
    words = np.random.SeedSequence([seed, epoch, 1]).generate_state(2, np.uint32)
    return int(words[0]) << 30 | int(words[1]) >> 2
