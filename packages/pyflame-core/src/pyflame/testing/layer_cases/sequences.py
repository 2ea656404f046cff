"""Attention, recurrent networks and alignments."""

from __future__ import annotations

from typing import Any

from ..._types import Array
from .case import Case, Draw, call


def attention(d: Draw) -> Case:
    lead, queries, keys, features = d.sizes(d.size(0, 2), 1, 3), *d.sizes(3, 1, 5)
    options: dict[str, Any] = {"scale": d.one([None, 0.3])}
    heads: tuple[int, ...] = ()
    shared: tuple[int, ...] = ()
    if d.chance(0.3) and lead:
        shared = (d.size(1, 2),)
        heads = (shared[0] * d.size(1, 3),)
        options["enable_gqa"] = True
    operands = {
        "q": d.values(*lead, *heads, queries, features),
        "k": d.values(*lead, *shared, keys, features),
        "v": d.values(*lead, *shared, keys, d.size(1, 4)),
    }
    grads, text = ["q", "k", "v"], ""
    kind = d.one(["none", "causal", "bool", "float", "causal and bool" if d.chance(0.05) else "none"])
    if "causal" in kind:
        options["is_causal"] = True
    if "bool" in kind:
        operands["m"] = d.integers(0, 3, queries, keys) > 0
        text = ", attn_mask=m"
    if kind == "float":
        operands["m"], text = d.values(*heads, queries, keys), ", attn_mask=m"
        grads.append("m")
    return Case(call("scaled_dot_product_attention", *"qkv", **options)[:-1] + text + ")", operands, grads)


def heads(d: Draw) -> Case:
    count, each, batch = d.size(1, 3), d.size(1, 3), d.size(1, 3)
    size, queries, keys = count * each, *d.sizes(2, 1, 4)
    lead = (batch,) if d.chance(0.8) else ()
    if not lead:
        batch = 1
    separate = d.chance(0.4)
    kdim, vdim = d.sizes(2, 1, 4) if separate else (size, size)
    operands = {
        "q": d.values(queries, *lead, size),
        "k": d.values(keys, *lead, kdim),
        "v": d.values(keys, *lead, vdim),
        "ow": d.values(size, size),
    }
    parts = ["w=None"] if separate else []
    names = {"w": "None", "b": "None", "bk": "None", "bv": "None", "ob": "None"}
    if not separate:
        operands["w"] = d.values(3 * size, size)
    if d.chance(0.6):
        operands |= {"b": d.values(3 * size), "ob": d.values(size)}
    more = 0
    if d.chance(0.3):
        operands |= {"bk": d.values(1, 1, size), "bv": d.values(1, 1, size)}
        more = 1
    parts = [name if name in operands else other for name, other in names.items()]
    w, b, bk, bv, ob = parts
    zero = d.chance(0.3)
    text = f"q, k, v, {size}, {count}, {w}, {b}, {bk}, {bv}, {zero}, 0.0, ow, {ob}, training=True"
    if separate:
        operands |= {"wq": d.values(size, size), "wk": d.values(size, kdim), "wv": d.values(size, vdim)}
        text += ", use_separate_proj_weight=True, q_proj_weight=wq, k_proj_weight=wk, v_proj_weight=wv"
    grads = list(operands)
    if d.chance(0.4):
        hidden = d.integers(0, 3, *lead, keys) == 0
        hidden[..., 0] = False
        operands["pad"] = hidden
        text += ", key_padding_mask=pad"
    if d.chance(0.5):
        shape = (queries, keys) if d.chance(0.6) else (batch * count, queries, keys)
        blocked: Array = d.integers(0, 3, *shape) == 0
        blocked[..., 0] = False
        operands["mask"] = blocked if "pad" in operands or d.chance(0.5) else d.values(*shape)
        text += ", attn_mask=mask"
    need = d.chance(0.6)
    text += f", need_weights={need}, average_attn_weights={d.chance(0.5)}"
    result = f"F.multi_head_attention_forward({text})"
    return Case(result if need or more < 0 else result + "[0]", operands, grads)


def recurrent(d: Draw) -> Case:
    name = d.one(["rnn_tanh", "rnn_relu", "lstm", "gru"])
    layers, directions, biased, batch = d.size(1, 2), d.size(1, 2), d.chance(0.6), d.size(1, 3)
    features, hidden, steps = d.sizes(3, 1, 4)
    projection = d.size(1, hidden - 1) if name == "lstm" and hidden > 1 and d.chance(0.4) else 0
    out, gates = projection or hidden, {"lstm": 4, "gru": 3}.get(name, 1)
    first = d.chance(0.4)
    operands = {"x": d.values(*((batch, steps) if first else (steps, batch)), features)}
    names: list[str] = []
    for place in range(layers * directions):
        inside = features if place < directions else out * directions
        shapes: list[tuple[int, ...]] = [(gates * hidden, inside), (gates * hidden, out)]
        shapes += [(gates * hidden,)] * (2 * biased) + [(projection, hidden)] * (projection > 0)
        for shape in shapes:
            names.append(f"w{len(names)}")
            operands[names[-1]] = d.values(*shape, low=-1.0, high=1.0)
    operands["h"] = d.values(layers * directions, batch, out)
    state = "h"
    if name == "lstm":
        operands["c"], state = d.values(layers * directions, batch, hidden), "(h, c)"
    text = f"x, {state}, [{', '.join(names)}], {biased}, {layers}, 0.0, True, {directions == 2}, {first}"
    return Case(f"R.{name}({text})", operands, list(operands))


def cell(d: Draw) -> Case:
    name = d.one(["rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell"])
    features, hidden = d.sizes(2, 1, 4)
    lead, gates = (d.size(1, 3),), {"lstm_cell": 4, "gru_cell": 3}.get(name, 1)
    operands = {"x": d.values(*lead, features), "h": d.values(*lead, hidden)}
    state = "h"
    if name == "lstm_cell":
        operands["c"], state = d.values(*lead, hidden), "(h, c)"
    operands |= {"wi": d.values(gates * hidden, features), "wh": d.values(gates * hidden, hidden)}
    if d.chance(0.6):
        operands |= {"bi": d.values(gates * hidden), "bh": d.values(gates * hidden)}
    text = f"x, {state}, wi, wh" + (", bi, bh" if "bi" in operands else "")
    return Case(f"R.{name}({text})", operands, list(operands))


def alignment(d: Draw) -> Case:
    steps, batch, classes, longest = d.size(1, 8), d.size(1, 3), d.size(2, 4), d.size(1, 3)
    blank = d.size(0, classes - 1)
    ids = d.integers(0, classes - 1, batch, longest)
    ids = ids + (ids >= blank)
    inputs, sizes = d.integers(1, steps + 1, batch), d.integers(0, longest + 1, batch)
    if d.chance(0.5):
        sizes = sizes.clip(1)
    operands = {"x": d.values(steps, batch, classes), "t": ids, "n": inputs, "m": sizes}
    zero = d.chance(0.6)
    if d.chance(0.4):
        operands["t"] = ids[
            [k for k, size in enumerate(sizes) for _ in range(size)], [k for size in sizes for k in range(size)]
        ]
    options = {"blank": blank, "reduction": d.one(["mean", "sum", "none"]), "zero_infinity": zero}
    # Without zero_infinity, impossible targets have no gradient to compare.
    return Case(call("ctc_loss", "F.log_softmax(x, -1)", *"tnm", **options), operands, ["x"] if zero else [])


FAMILIES = {
    "attention": attention,
    "multi_head_attention": heads,
    "recurrent": recurrent,
    "recurrent_cell": cell,
    "ctc": alignment,
}
