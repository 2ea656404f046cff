"""Convolutions, pools, padding and changes of resolution."""

from __future__ import annotations

from typing import Any

from ..layer_cases.case import Draw
from .case import ModuleCase, Raw, make

MODES = ("zeros", "zeros", "reflect", "replicate", "circular")


def batch(d: Draw, channels: int) -> tuple[int, ...]:
    return d.one([(channels,), (1, channels), (2, channels), (3, channels)])


def convolution(d: Draw) -> ModuleCase:
    rank, groups = d.size(1, 3), d.one([1, 1, 2, 3])
    inside, out = groups * d.size(1, 2), groups * d.size(1, 2) + d.chance(0.03)
    padding = d.one([d.extent(rank, 0, 2), d.extent(rank, 0, 2), "valid", "same"])
    options: dict[str, Any] = {
        "stride": 1 if padding == "same" and d.chance(0.9) else d.extent(rank, 1, 3),
        "padding": padding,
        "dilation": d.extent(rank, 1, 2),
        "groups": groups,
        "bias": d.chance(0.6),
        "padding_mode": d.one(MODES) if d.chance(0.97) else "mirror",
    }
    x = d.values(*batch(d, inside + d.chance(0.03)), *d.sizes(rank, 3, 7))
    return ModuleCase(make(f"Conv{rank}d", inside, out, d.extent(rank, 1, 3), **options), {"x": x})


def transposed(d: Draw) -> ModuleCase:
    rank, groups = d.size(1, 3), d.one([1, 1, 2])
    inside, out = groups * d.size(1, 2), groups * d.size(1, 2)
    stride, kernel = d.sizes(rank, 1, 3), d.sizes(rank, 2, 3)
    options: dict[str, Any] = {"stride": stride, "padding": d.size(0, 1), "groups": groups, "bias": d.chance(0.6)}
    sizes = d.sizes(rank, 2, 4)
    call = "module(x)"
    if d.chance(0.4):
        low = [(n - 1) * s - 2 * options["padding"] + k for n, s, k in zip(sizes, stride, kernel)]
        wanted = [size + d.size(0, s - 1 + d.chance(0.1)) for size, s in zip(low, stride)]
        call = f"module(x, output_size={wanted})"
    elif d.chance(0.5):
        options["output_padding"] = tuple(d.size(0, s - 1) for s in stride)
    x = d.values(*batch(d, inside), *sizes)
    return ModuleCase(make(f"ConvTranspose{rank}d", inside, out, kernel, **options), {"x": x}, call)


def pool(d: Draw) -> ModuleCase:
    rank, kind = d.size(1, 3), d.one(["Max", "Avg", "LP"])
    kernel = d.extent(rank, 1, 3)
    options: dict[str, Any] = {"stride": d.one([None, d.extent(rank, 1, 3)]), "ceil_mode": d.one([None, True])}
    least = kernel if isinstance(kernel, int) else min(kernel)
    if kind != "LP":
        options["padding"] = d.size(0, least // 2 + d.chance(0.03))
    if kind == "Max":
        options |= {"dilation": d.one([None, d.extent(rank, 1, 2)]), "return_indices": d.one([None, True])}
    if kind == "Avg":
        options["count_include_pad"] = d.one([None, False])
        if rank > 1:
            options["divisor_override"] = d.one([None, None, 3, -2])
    x = (
        d.distinct(*batch(d, 2), *d.sizes(rank, 3, 7))
        if kind == "Max"
        else d.values(*batch(d, 2), *d.sizes(rank, 3, 7))
    )
    if kind == "LP":
        return ModuleCase(make(f"LPPool{rank}d", d.one([1, 2, 3.0]), kernel, **options), {"x": x + 9})
    return ModuleCase(make(f"{kind}Pool{rank}d", kernel, **options), {"x": x})


def adaptive(d: Draw) -> ModuleCase:
    rank, kind = d.size(1, 3), d.one(["Avg", "Max"])
    sizes = d.sizes(rank, 2, 6)
    wanted: Any = d.extent(rank, 1, 4)
    if rank > 1 and d.chance(0.3):
        wanted = tuple(None if d.chance(0.4) else d.size(1, 4) for _ in range(rank))
    options = {"return_indices": d.one([None, True])} if kind == "Max" else {}
    x = d.distinct(*batch(d, 2), *sizes)
    return ModuleCase(make(f"Adaptive{kind}Pool{rank}d", wanted, **options), {"x": x})


def unpool(d: Draw) -> ModuleCase:
    rank, kernel = d.size(1, 3), d.size(1, 3)
    lead, sizes = batch(d, 2), d.sizes(rank, 1, 3)
    stride = d.one([None, kernel])
    module = make(f"MaxUnpool{rank}d", kernel, stride)
    pooling = make(f"MaxPool{rank}d", kernel, stride, return_indices=True)
    x = d.distinct(*lead, *(size * kernel for size in sizes))
    return ModuleCase(module, {"x": x}, f"module(*{pooling}(x))")


def padding(d: Draw) -> ModuleCase:
    rank, kind = d.size(1, 3), d.one(["Zero", "Constant", "Reflection", "Replication", "Circular"])
    low, high = (0, 2) if kind in ("Reflection", "Circular") else (-1, 2)
    widths = d.size(0, 2) if d.chance(0.4) else d.sizes(2 * rank, low, high)
    args = (widths, 1.5) if kind == "Constant" else (widths,)
    x = d.values(*batch(d, 2), *d.sizes(rank, 2, 5))
    return ModuleCase(make(f"{kind}Pad{rank}d", *args), {"x": x})


def resolution(d: Draw) -> ModuleCase:
    rank = d.size(1, 3)
    mode = d.one(
        ["nearest", "nearest-exact", ["linear", "bilinear", "trilinear"][rank - 1], *(["bicubic"] * (rank == 2))]
    )
    options: dict[str, Any] = {"mode": d.one([mode, mode, mode, "bilinear"])}
    if d.chance(0.5):
        options["size"] = d.extent(rank, 1, 7)
    else:
        factor = d.one([0.5, 1.5, 2.0, 2.7])
        options["scale_factor"] = factor if d.chance(0.6) else tuple(d.one([0.6, 2.0]) for _ in range(rank))
        options["recompute_scale_factor"] = d.one([None, None, True])
    if "nearest" not in mode:
        options["align_corners"] = d.one([None, True, False])
    return ModuleCase(make("Upsample", **options), {"x": d.values(d.size(1, 2), 2, *d.sizes(rank, 2, 5))})


def shuffle(d: Draw) -> ModuleCase:
    kind, factor = d.one(["PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "UpsamplingNearest2d"]), d.size(1, 3)
    if kind == "PixelShuffle":
        x = d.values(*batch(d, 2 * factor**2 + d.chance(0.05)), 2, 3)
    elif kind == "PixelUnshuffle":
        x = d.values(*batch(d, 2), 2 * factor + d.chance(0.05), 3 * factor)
    elif kind == "ChannelShuffle":
        x = d.values(2, 2 * factor + d.chance(0.05), *d.sizes(d.size(1, 3), 1, 3))
    else:
        kind = d.one([kind, "UpsamplingBilinear2d"])
        options = {"scale_factor": factor} if d.chance(0.5) else {"size": d.extent(2, 1, 6)}
        return ModuleCase(make(kind, **options), {"x": d.values(2, 2, *d.sizes(2, 1, 4))})
    return ModuleCase(make(kind, factor), {"x": x})


def folding(d: Draw) -> ModuleCase:
    kernel, dilation = d.sizes(2, 1, 3), d.sizes(2, 1, 2)
    padded, stride, sizes = d.sizes(2, 0, 1), d.sizes(2, 1, 2), d.sizes(2, 4, 6)
    options = {"dilation": dilation, "padding": padded, "stride": stride}
    if d.chance(0.5):
        return ModuleCase(make("Unfold", kernel, **options), {"x": d.values(*batch(d, 2), *sizes)})
    counts = [(n + 2 * p - g * (k - 1) - 1) // s + 1 for n, p, g, k, s in zip(sizes, padded, dilation, kernel, stride)]
    x = d.values(*batch(d, 2 * kernel[0] * kernel[1]), max(counts[0], 1) * max(counts[1], 1))
    return ModuleCase(make("Fold", sizes, kernel, **options), {"x": x})


def fractional(d: Draw) -> ModuleCase:
    rank, sizes = d.size(2, 3), d.sizes(3, 5, 7)
    lead = d.one([(2, 3), (1, 2), (2,)])
    draws = Raw(f"values({(lead[0] if len(lead) == 2 else 1)}, {lead[-1]}, {rank})")
    options: dict[str, Any] = {"_random_samples": draws, "return_indices": d.one([None, True])}
    wanted = {"output_size": d.extent(rank, 2, 3)} if d.chance(0.5) else {"output_ratio": 0.5}
    x = d.distinct(*lead, *sizes[:rank])
    return ModuleCase(make(f"FractionalMaxPool{rank}d", 2, **wanted, **options), {"x": x})


FAMILIES = {
    "convolution": convolution,
    "transposed_convolution": transposed,
    "pool": pool,
    "adaptive_pool": adaptive,
    "unpool": unpool,
    "padding": padding,
    "resolution": resolution,
    "shuffle": shuffle,
    "folding": folding,
    "fractional_pool": fractional,
}
