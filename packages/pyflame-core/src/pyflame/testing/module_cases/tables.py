"""Affine layers, embeddings, and what only changes shapes."""

from __future__ import annotations

from ..layer_cases.case import Draw
from .case import ModuleCase, make


def dims(d: Draw, most: int = 3) -> tuple[int, ...]:
    """Sizes of what stands before the features; sometimes there is no batch, or an empty one."""
    return tuple(d.one([1, 2, 3, 3, 0 if d.chance(0.2) else 2]) for _ in range(d.size(0, most)))


def linear(d: Draw) -> ModuleCase:
    inside = d.size(1, 5)
    x = d.values(*dims(d), inside + d.chance(0.05))
    return ModuleCase(make("Linear", inside, d.size(1, 4), bias=d.chance(0.6)), {"x": x})


def bilinear(d: Draw) -> ModuleCase:
    one, two, lead = d.size(1, 4), d.size(1, 4), dims(d, 2)
    operands = {"x": d.values(*lead, one + d.chance(0.05)), "y": d.values(*lead, two)}
    return ModuleCase(make("Bilinear", one, two, d.size(1, 3), bias=d.chance(0.6)), operands, "module(x, y)")


def shapes(d: Draw) -> ModuleCase:
    x = d.values(*d.sizes(d.size(2, 4), 1, 4))
    kind = d.one(["Identity", "Flatten", "Flatten", "Unflatten"])
    if kind == "Flatten":
        options = {"start_dim": d.size(-1, 2), "end_dim": d.size(-2, 2)} if d.chance(0.7) else {}
        return ModuleCase(make(kind, **options), {"x": x})
    if kind == "Unflatten":
        dim = d.size(-1, x.ndim - 1)
        size = x.shape[dim]
        parts = d.one([(1, size), (size, 1, 1), (-1, 1), (2, size)])
        return ModuleCase(make(kind, dim, parts), {"x": x})
    return ModuleCase(make(kind, 3, unused=True), {"x": x})


def embedding(d: Draw) -> ModuleCase:
    rows = d.size(2, 6)
    options = {
        "padding_idx": d.one([None, 0, -1, rows - 1]),
        "max_norm": d.one([None, None, 0.4]),
        "norm_type": d.one([None, 1.0, 3.0]),
        "scale_grad_by_freq": d.one([None, True]),
    }
    # With a limit, PyTorch writes to the table, whose gradients are those of before.
    ids = d.integers(0, rows, *dims(d))
    return ModuleCase(make("Embedding", rows, d.size(1, 4), **options), {"x": ids})


def bag(d: Draw) -> ModuleCase:
    rows, mode = d.size(2, 6), d.one(["sum", "mean", "max"])
    options = {"mode": mode, "padding_idx": d.one([None, None, 1, -1]), "max_norm": d.one([None, None, None, 0.4])}
    if d.chance(0.5):
        x = d.integers(0, rows, d.size(1, 4), d.size(1, 4))
        operands, call = {"x": x}, "module(x)"
    else:
        count = d.size(1, 8)
        starts = sorted({0, *(d.size(0, count) for _ in range(d.size(0, 3)))})
        options["include_last_offset"] = d.one([None, True])
        starts = [*starts, count] if options["include_last_offset"] else starts
        operands = {"x": d.integers(0, rows, count)}
        call = f"module(x, T.tensor({starts}))"
    if mode == "sum" and d.chance(0.4):
        operands["w"] = d.values(*operands["x"].shape)
        call = call[:-1] + ", per_sample_weights=w)"
    return ModuleCase(make("EmbeddingBag", rows, d.size(1, 4), **options), operands, call)


def distance(d: Draw) -> ModuleCase:
    shape = d.sizes(d.size(1, 3), 1, 4)
    other = tuple(1 if d.chance(0.15) else size for size in shape)
    operands = {"x": d.values(*shape), "y": d.values(*other)}
    if d.chance(0.5):
        module = make("CosineSimilarity", dim=d.one([None, 0, -1]), eps=d.one([None, 0.1]))
    else:
        options = {"p": d.one([None, 1.0, 3.0]), "eps": d.one([None, 0.01]), "keepdim": d.one([None, True])}
        module = make("PairwiseDistance", **options)
    return ModuleCase(module, operands, "module(x, y)")


def container(d: Draw) -> ModuleCase:
    inside, wide = d.size(1, 4), d.size(1, 4)
    first = make("Linear", inside, wide)
    middle = d.one(["nn.ReLU()", "nn.Tanh()", "nn.Sequential(nn.Softplus(), nn.Dropout(0.0))", make("LayerNorm", wide)])
    last = make("Linear", wide, 2, bias=False)
    parts = f"{first}, {middle}, {last}"
    module = d.one(
        [f"nn.Sequential({parts})", f"nn.Sequential({parts})[:2]", f"nn.DataParallel(nn.Sequential({parts}))"]
    )
    return ModuleCase(module, {"x": d.values(*dims(d, 1), inside)})


def normed(d: Draw) -> ModuleCase:
    """Weights that are computed from others."""
    rows, columns = d.size(1, 4), d.size(1, 4)
    inner = make("Linear", columns, rows, bias=d.chance(0.5))
    dim = d.one([0, 1, -1, None])
    P = "nn.utils.parametrizations"
    module = d.one(
        [
            f"{P}.weight_norm({inner}, dim={dim})",
            f"{P}.spectral_norm({inner})",
            f"nn.utils.spectral_norm({inner}, n_power_iterations=2)",
        ]
    )
    # What power iterations start from is drawn; in evaluation it is only read.
    return ModuleCase(
        module, {"x": d.values(d.size(1, 3), columns)}, training="spectral" not in module or d.chance(0.5)
    )


def adaptive_softmax(d: Draw) -> ModuleCase:
    classes, inside = d.size(6, 12), d.size(8, 10)
    cutoffs = sorted({d.size(1, classes - 1), d.size(1, classes - 1)})
    module = make("AdaptiveLogSoftmaxWithLoss", inside, classes, cutoffs, div_value=2.0, head_bias=d.chance(0.5))
    batch = (d.size(1, 5),) if d.chance(0.8) else ()
    operands = {"x": d.values(*batch, inside), "i": d.integers(0, classes, *batch)}
    call = d.one(
        ["module(x, i)", "module(x, i)", "module.log_prob(x)", "module.predict(x)"] if batch else ["module(x, i)"]
    )
    return ModuleCase(module, operands, call)


FAMILIES = {
    "linear": linear,
    "bilinear": bilinear,
    "shapes": shapes,
    "embedding": embedding,
    "embedding_bag": bag,
    "distance": distance,
    "container": container,
    "computed_weights": normed,
    "adaptive_softmax": adaptive_softmax,
}
