"""Pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case, Draw, call


def largest(d: Draw) -> Case:
    rank = d.size(1, 3)
    x = d.distinct(*d.batch(2), *d.sizes(rank, 3, 7))
    kernel = d.extent(rank, 1, 3)
    options = {
        "stride": d.one([None, d.extent(rank, 1, 3)]),
        "padding": d.one([0, 1]),
        "dilation": d.one([1, d.extent(rank, 1, 2)]),
        "ceil_mode": d.chance(0.5),
        "return_indices": d.chance(0.5),
    }
    return Case(call(f"max_pool{rank}d", "x", kernel_size=kernel, **options), {"x": x}, ["x"])


def average(d: Draw) -> Case:
    rank = d.size(1, 3)
    x = d.values(*d.batch(2), *d.sizes(rank, 3, 7))
    options = {
        "stride": d.one([None, d.extent(rank, 1, 3)]),
        "padding": d.one([0, 1]),
        "ceil_mode": d.chance(0.5),
        "count_include_pad": d.chance(0.5),
        "divisor_override": d.one([None, None, 3]) if rank > 1 else None,
    }
    return Case(call(f"avg_pool{rank}d", "x", kernel_size=d.extent(rank, 1, 3), **options), {"x": x}, ["x"])


def adaptive(d: Draw) -> Case:
    rank = d.size(1, 3)
    x = d.distinct(*d.batch(2), *d.sizes(rank, 2, 9))
    size = d.extent(rank, 1, 9)
    if d.chance(0.5):
        if rank > 1 and not isinstance(size, int) and d.chance(0.3):
            return Case(call(f"adaptive_avg_pool{rank}d", "x", repr((None, *size[1:]))), {"x": x}, ["x"])
        return Case(call(f"adaptive_avg_pool{rank}d", "x", output_size=size), {"x": x}, ["x"])
    options = {"output_size": size, "return_indices": d.chance(0.7)}
    return Case(call(f"adaptive_max_pool{rank}d", "x", **options), {"x": x}, ["x"])


def powers(d: Draw) -> Case:
    rank = d.size(1, 3)
    norm = d.one([1.0, 2.0, 3.0, 2.5])
    x = d.values(*d.batch(2), *d.sizes(rank, 3, 7), low=0.1 if norm == 2.5 or d.chance(0.5) else -2.0)
    kernel = d.size(1, 3) if rank == 1 else d.extent(rank, 1, 3)
    options = {"stride": d.one([None, d.extent(rank, 1, 3)]), "ceil_mode": d.chance(0.5)}
    return Case(call(f"lp_pool{rank}d", "x", norm_type=norm, kernel_size=kernel, **options), {"x": x}, ["x"])


def back(d: Draw) -> Case:
    rank, kernel = d.size(1, 3), d.size(1, 3)
    stride = d.one([None, d.size(kernel, 3)])
    sizes, step = d.sizes(rank, 1, 4), stride or kernel
    whole = [(size - 1) * step + kernel for size in sizes]
    lead, places = d.batch(2), 1
    for size in whole:
        places *= size
    count = 1
    for size in sizes:
        count *= size
    planes = 1
    for size in lead:
        planes *= size
    chosen = [d.rng.permutation(places)[:count] for _ in range(planes)]
    operands = {"x": d.values(*lead, *sizes), "i": np.stack(chosen).reshape(*lead, *sizes)}
    more = [size + d.size(0, step - 1) + d.chance(0.05) for size in whole]
    options = {"kernel_size": kernel, "stride": stride, "output_size": d.one([None, tuple(more)])}
    return Case(call(f"max_unpool{rank}d", "x", "i", **options), operands, ["x"])


def fractional(d: Draw) -> Case:
    rank = d.size(2, 3)
    x = d.distinct(d.size(1, 2), 2, *d.sizes(rank, 4, 7))
    size: dict[str, Any] = d.one([{"output_size": d.extent(rank, 1, 3)}, {"output_ratio": (0.5,) * rank}])
    options = {"kernel_size": d.extent(rank, 1, 3), "return_indices": True, **size}
    operands = {"x": x, "s": d.values(*x.shape[:2], rank, low=0.0, high=1.0)}
    return Case(call(f"fractional_max_pool{rank}d", "x", **options)[:-1] + ", _random_samples=s)", operands, ["x"])


FAMILIES = {
    "max_pool": largest,
    "avg_pool": average,
    "adaptive_pool": adaptive,
    "lp_pool": powers,
    "max_unpool": back,
    "fractional_pool": fractional,
}
