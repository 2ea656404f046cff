"""The states of everything random that a run may draw from."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyflame import Generator, get_rng_state, int64, set_rng_state, tensor


def capture(generators: Sequence[Generator]) -> dict[str, Any]:
    """Note where the default stream, given generators, and those of NumPy and Python stand."""
    host: Any = np.random.get_state(legacy=False)
    version, words, spare = random.getstate()
    return {
        "pyflame": get_rng_state(),
        "generators": [generator.get_state() for generator in generators],
        "numpy": {
            "key": tensor(host["state"]["key"].astype(np.int64), dtype=int64),
            "pos": host["state"]["pos"],
            "has_gauss": host["has_gauss"],
            "gauss": host["gauss"],
        },
        "python": {"version": version, "words": tensor(list(words), dtype=int64), "spare": spare},
    }


def restore(states: Mapping[str, Any], generators: Sequence[Generator]) -> None:
    """Go back to what `capture` noted.

    Raises:
        ValueError: it was noted for another number of generators.
    """
    if len(states["generators"]) != len(generators):
        raise ValueError(
            f"[load_checkpoint] the loaders have {len(generators)} generators, {len(states['generators'])} when it was "
            "saved: make them as they were"
        )
    set_rng_state(states["pyflame"])
    for generator, state in zip(generators, states["generators"]):
        generator.set_state(state)
    host, own = states["numpy"], states["python"]
    key = host["key"].numpy().astype(np.uint32)
    np.random.set_state(
        {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": host["pos"]},
            "has_gauss": host["has_gauss"],
            "gauss": host["gauss"],
        }
    )
    random.setstate((own["version"], tuple(own["words"].tolist()), own["spare"]))
