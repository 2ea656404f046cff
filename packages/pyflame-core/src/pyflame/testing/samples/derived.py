"""Samples of elementwise ops that have no entry of their own: the reference is NumPy's function of the same name."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from ... import _core
from ...dtypes import DType, bool_, int64
from .binary import binary_samples, on_floats
from .model import ALL, OpInfo, bool_dtype, float_dtype, same_dtype, smooth
from .unary import signed, unary_samples

# Where smooth samples are drawn: the first range in which the reference is finite.
RANGES = ((-4, 4), (0, 4), (-1, 1), (1, 5))


def _range(reference: Any, places: int) -> tuple[int, int]:
    rng = np.random.default_rng(0)
    for low, high in RANGES:
        with np.errstate(all="ignore"):
            if np.isfinite(reference(*(smooth(rng, (50,), low, high) for _ in range(places)))).all():
                return low, high
    return RANGES[0]


def _results(name: str, places: int) -> dict[DType, DType]:
    """The dtype of the result for each dtype that the op accepts, found by asking it."""
    found = {}
    for dtype in ALL:
        operands = (_core.ops.full(1, dtype, ()),) * places
        with suppress(RuntimeError):  # not defined for this dtype
            found[dtype] = getattr(_core.ops, name)(*operands).dtype
    return found


def _entry(name: str, places: int) -> OpInfo:
    results = _results(name, places)
    if set(results.values()) == {bool_}:
        rule = bool_dtype
    else:
        rule = float_dtype if results.get(int64, int64).is_floating_point else same_dtype
    reference = (signed if places == 1 else on_floats)(getattr(np, name))
    low, high = _range(reference, places)
    if places == 1:
        samples = unary_samples(name, low, high, edges=rule is not float_dtype)
    else:
        samples = binary_samples(name, low, high)
    return OpInfo(name, samples, reference, tuple(results), rule)


def derived(listed: set[str]) -> list[OpInfo]:
    """Make entries for the elementwise records that `listed` does not name and NumPy does."""
    return [
        _entry(record["name"], len(record["inputs"]))
        for record in _core.describe_ops()
        if record["is_elementwise"]
        and not record["attrs"]
        and record["name"] not in listed
        and hasattr(np, record["name"])
    ]
