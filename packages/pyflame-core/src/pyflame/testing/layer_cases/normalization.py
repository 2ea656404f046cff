"""Normalizations."""

from __future__ import annotations

from .case import Case, Draw, call


def by_last(d: Draw) -> Case:
    x = d.distinct(*d.sizes(d.size(2, 4), 2, 4))
    shape = x.shape[-d.size(1, x.ndim) :] if d.chance(0.95) else (7,)
    operands = {"x": x}
    name = d.one(["layer_norm", "rms_norm"])
    arguments = {"normalized_shape": shape, "eps": d.one([None, 1e-3]) if name == "rms_norm" else d.one([1e-5, 1e-2])}
    if d.chance(0.6):
        operands["weight"] = d.values(*shape)
    if name == "layer_norm" and d.chance(0.6):
        operands["bias"] = d.values(*shape)
    named = "".join(f", {key}={key}" for key in operands if key != "x")
    return Case(call(name, "x", **arguments)[:-1] + named + ")", operands, list(operands))


def by_channel(d: Draw) -> Case:
    groups = d.size(1, 3)
    channels = groups * d.size(1, 2)
    name, changed = d.one(["group_norm", "instance_norm", "batch_norm"]), []
    x = d.distinct(d.size(1, 3), channels, *d.sizes(d.size(name == "group_norm", 3), 2, 4))
    operands = {"x": x}
    for key in ("weight", "bias"):
        if d.chance(0.6) and (key == "weight" or "weight" in operands):  # PyTorch fails for a bias alone
            operands[key] = d.values(channels)
    grads = list(operands)
    if name == "group_norm":
        text = call(name, "x", num_groups=groups, eps=d.one([1e-5, 1e-2]))
    elif name == "instance_norm":
        own = d.chance(0.7)
        if d.chance(0.5) or not own:
            operands |= {"running_mean": d.values(channels), "running_var": d.values(channels, low=0.5)}
            changed = ["running_mean", "running_var"]
        text = call(name, "x", use_input_stats=own, momentum=0.3)
    else:
        training = d.chance(0.7)
        operands |= {"running_mean": d.values(channels), "running_var": d.values(channels, low=0.5)}
        changed = ["running_mean", "running_var"]
        text = call(name, "x", training=training, momentum=0.3)
    named = "".join(f", {key}={key}" for key in operands if key != "x")
    return Case(text[:-1] + named + ")", operands, grads, changed)


def by_neighbours(d: Draw) -> Case:
    x = d.values(*d.sizes(d.size(2, 5), 2, 4))
    options = {"size": d.size(1, 4), "alpha": 0.5, "beta": d.one([0.75, 1.5]), "k": d.one([1.0, 2.0])}
    return Case(call("local_response_norm", "x", **options), {"x": x}, ["x"])


def to_length(d: Draw) -> Case:
    x = d.values(*d.sizes(d.size(1, 3), 2, 4))
    options = {"p": d.one([1.0, 2.0, 3.0, float(d.size(1, 4))]), "dim": d.size(-x.ndim, x.ndim - 1)}
    return Case(call("normalize", "x", **options), {"x": x}, ["x"])


FAMILIES = {"layer_norm": by_last, "channel_norm": by_channel, "response_norm": by_neighbours, "normalize": to_length}
