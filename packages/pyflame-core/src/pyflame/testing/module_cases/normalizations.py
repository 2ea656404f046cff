"""Normalizations, in training and in evaluation."""

from __future__ import annotations

from typing import Any

from ..layer_cases.case import Draw
from .case import ModuleCase, make


def channels(d: Draw) -> dict[str, Any]:
    return {
        "eps": d.one([None, 0.01]),
        "momentum": d.one([0.1, 0.1, 0.3, None, 0.0]),
        "affine": d.chance(0.6),
        "track_running_stats": d.chance(0.6),
        "bias": d.one([None, None, False]),
    }


def written(name: str, count: int, options: dict[str, Any]) -> str:
    """A momentum of None is an option here."""
    momentum = options.pop("momentum")
    return make(name, count, **options)[:-1] + f", momentum={momentum})"


def batch_norm(d: Draw) -> ModuleCase:
    count, rank = d.size(1, 4), d.size(1, 3)
    lead = d.one([0, 1, 2, 3, 4])
    wanted = rank if rank > 1 or d.chance(0.6) else 0
    # PyTorch does not look at the channels of a batch without samples.
    wrong = bool(lead) and d.chance(0.04)
    shape = (lead, count + wrong, *d.sizes(wanted + d.chance(0.04), 1, 3))
    kind = d.one([f"BatchNorm{rank}d", f"BatchNorm{rank}d", "SyncBatchNorm"])
    training = d.chance(0.6) if kind != "SyncBatchNorm" else False  # PyTorch's trains on several devices only
    return ModuleCase(written(kind, count, channels(d)), {"x": d.values(*shape)}, training=training)


def instance_norm(d: Draw) -> ModuleCase:
    count, rank = d.size(1, 4), d.size(1, 3)
    lead = d.one([(), (1,), (2,), (3,)])
    shape = (*lead, count + d.chance(0.04), *d.sizes(rank + d.chance(0.04), 1, 3))
    options = channels(d)
    options["momentum"] = d.one([0.1, 0.3])
    return ModuleCase(written(f"InstanceNorm{rank}d", count, options), {"x": d.values(*shape)}, training=d.chance(0.6))


def group_norm(d: Draw) -> ModuleCase:
    groups = d.size(1, 3)
    count = groups * d.size(1, 2) + d.chance(0.04)
    x = d.values(d.size(1, 3), count, *d.sizes(d.size(0, 3), 1, 4))
    options = {"eps": d.one([None, 0.01]), "affine": d.one([None, False]), "bias": d.one([None, False])}
    return ModuleCase(make("GroupNorm", groups, count, **options), {"x": x})


def layer_norm(d: Draw) -> ModuleCase:
    kind, shape = d.one(["LayerNorm", "LayerNorm", "RMSNorm"]), d.sizes(d.size(1, 3), 1, 4)
    x = d.values(*(d.one([1, 2, 3, 0]) for _ in range(d.size(0, 2))), *shape)
    normalized: Any = shape[-1] if d.chance(0.4) else shape[-d.size(1, len(shape)) :]
    normalized = 5 if d.chance(0.04) else normalized
    options = {"eps": d.one([None, 0.01]), "elementwise_affine": d.one([None, False])}
    if kind == "LayerNorm":
        options["bias"] = d.one([None, False])
    return ModuleCase(make(kind, normalized, **options), {"x": x})


def local_response(d: Draw) -> ModuleCase:
    x = d.values(d.size(1, 2), d.size(1, 5), *d.sizes(d.size(1, 3), 1, 3))
    options = {"alpha": d.one([None, 0.1]), "beta": d.one([None, 0.5]), "k": d.one([None, 2.0])}
    return ModuleCase(make("LocalResponseNorm", d.size(1, 4), **options), {"x": x})


FAMILIES = {
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "layer_norm": layer_norm,
    "local_response_norm": local_response,
}
