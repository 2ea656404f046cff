"""Resizing, sampling and moving pixels."""

from __future__ import annotations

from typing import Any

from .case import Case, Draw, call

MODES = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}


def resize(d: Draw) -> Case:
    rank = d.size(1, 3)
    x = d.values(d.size(1, 2), d.size(1, 2), *d.sizes(rank, 1, 7))
    mode = d.one([*MODES[rank] * 2, "nearest", "nearest-exact", "area", *(["bilinear"] if d.chance(0.1) else [])])
    options: dict[str, Any] = {"mode": mode}
    if mode in MODES[rank] or d.chance(0.05):
        options["align_corners"] = d.one([None, True, False])
    if mode in ("bilinear", "bicubic"):
        options["antialias"] = d.chance(0.4)
    if d.chance(0.5):
        options["size"] = d.extent(rank, 1, 10)
    else:
        factors = [round(float(f), 2) for f in d.values(rank, low=0.4, high=2.6)]
        options["scale_factor"] = d.one([factors[0], tuple(factors), 2.0, 0.5])
        options["recompute_scale_factor"] = d.one([None, True, False])
    # With a factor, PyTorch's forward and backward may differ in these modes: in rounding, or where a size stays.
    apart = mode.startswith("nearest") or options.get("antialias")
    grads = [] if apart and "scale_factor" in options else ["x"]
    return Case(call("interpolate", "x", **options), {"x": x}, grads)


def sample(d: Draw) -> Case:
    rank, batch = d.one([2, 2, 3]), d.size(1, 2)
    x = d.values(batch, d.size(1, 3), *d.sizes(rank, 1, 5))
    grid = d.values(batch, *d.sizes(rank, 1, 4), rank, low=-1.7, high=1.7)
    options = {
        "mode": d.one(["bilinear", "bilinear", "nearest", "bicubic"]),
        "padding_mode": d.one(["zeros", "border", "reflection"]),
        "align_corners": d.chance(0.5),
    }
    return Case(call("grid_sample", "x", "grid", **options), {"x": x, "grid": grid}, ["x", "grid"])


def affine(d: Draw) -> Case:
    rank, batch = d.size(2, 3), d.size(1, 3)
    theta = d.values(batch, rank, rank + 1)
    size = (batch, 2, *d.sizes(rank, 1, 4))
    return Case(call("affine_grid", "theta", size=size, align_corners=d.chance(0.5)), {"theta": theta}, ["theta"])


def shuffle(d: Draw) -> Case:
    name, r = d.one(["pixel_shuffle", "pixel_unshuffle", "channel_shuffle"]), d.size(1, 3)
    height, width = d.sizes(2, 1, 3)
    lead = d.sizes(d.size(0, 2), 1, 2)
    if name == "pixel_shuffle":
        x = d.values(*lead, 2 * r * r + d.chance(0.05), height, width)
    elif name == "pixel_unshuffle":
        x = d.values(*lead, 2, height * r, width * r)
    else:
        x = d.values(2, 2 * r, height, width)
    return Case(call(name, "x", str(r)), {"x": x}, ["x"])


FAMILIES = {"interpolate": resize, "grid_sample": sample, "affine_grid": affine, "shuffle": shuffle}
