"""Recurrent networks, also over packed sequences, and attention."""

from __future__ import annotations

from typing import Any

from ..layer_cases.case import Draw
from .case import ModuleCase, make


def recurrent(d: Draw) -> ModuleCase:
    kind, inside, hidden, layers = d.one(["RNN", "GRU", "LSTM"]), d.size(1, 3), d.size(2, 3), d.size(1, 2)
    both = d.chance(0.4)
    options: dict[str, Any] = {
        "num_layers": layers,
        "bias": d.one([None, False]),
        "batch_first": d.one([None, True]),
        "bidirectional": both or None,
        "proj_size": d.one([None, 1]) if kind == "LSTM" else None,
        "nonlinearity": d.one([None, "relu"]) if kind == "RNN" else None,
        "dropout": d.one([None, 0.4]) if layers > 1 else None,
    }
    training = options["dropout"] is None and d.chance(0.7)
    steps, count = d.size(1, 4), d.one([1, 2, 3])
    packed, single = d.chance(0.35), d.chance(0.2)
    lead = (steps,) if single and not packed else (count, steps) if options["batch_first"] else (steps, count)
    operands = {"x": d.values(*lead, inside + d.chance(0.03))}
    argument = "x"
    if packed:
        lengths = [steps, *(d.size(1, steps) for _ in range(count - 1))]
        first = bool(options["batch_first"])
        argument = f"rnn.pack_padded_sequence(x, {lengths[::-1]}, batch_first={first}, enforce_sorted=False)"
    if d.chance(0.5):
        rows = layers * (1 + both)
        middle = () if single and not packed else (count + d.chance(0.03),)
        operands["h"] = d.values(rows, *middle, options["proj_size"] or hidden)
        argument += ", h"
        if kind == "LSTM":
            operands["c"] = d.values(rows, *middle, hidden)
            argument = argument[:-1] + "(h, c)"
    return ModuleCase(make(kind, inside, hidden, **options), operands, f"module({argument})", training=training)


def cell(d: Draw) -> ModuleCase:
    kind, inside, hidden = d.one(["RNNCell", "GRUCell", "LSTMCell"]), d.size(1, 3), d.size(1, 3)
    options = {"bias": d.one([None, False]), "nonlinearity": d.one([None, "relu"]) if kind == "RNNCell" else None}
    lead = (d.size(1, 3),) if d.chance(0.7) else ()
    operands = {"x": d.values(*lead, inside + d.chance(0.05))}
    argument = "x"
    if d.chance(0.6):
        operands["h"] = d.values(*lead, hidden)
        argument = "x, h"
        if kind == "LSTMCell":
            operands["c"] = d.values(*lead, hidden)
            argument = "x, (h, c)"
    return ModuleCase(make(kind, inside, hidden, **options), operands, f"module({argument})")


def attention(d: Draw) -> ModuleCase:
    heads = d.size(1, 2)
    width = heads * d.size(1, 3)
    own = d.chance(0.5)
    options: dict[str, Any] = {
        "dropout": d.one([None, 0.0]),
        "bias": d.one([None, False]),
        "add_bias_kv": d.one([None, None, True]),
        "add_zero_attn": d.one([None, None, True]),
        "kdim": None if own else d.size(1, 4),
        "vdim": None if own else d.size(1, 4),
        "batch_first": d.one([None, True]),
    }
    count, long, short = d.size(1, 2), d.size(1, 3), d.size(1, 3)
    single = d.chance(0.25)

    def shape(steps: int, features: int) -> tuple[int, ...]:
        if single:
            return (steps, features)
        return (count, steps, features) if options["batch_first"] else (steps, count, features)

    operands = {
        "x": d.values(*shape(long, width)),
        "y": d.values(*shape(short, options["kdim"] or width)),
        "z": d.values(*shape(short, options["vdim"] or width)),
    }
    extra = [d.one(["", "need_weights=False", "average_attn_weights=False"])]
    if d.chance(0.4):
        operands["m"] = d.values(long, short) if d.chance(0.5) else d.values(long, short) > 1.5
        if operands["m"].dtype.kind == "b":
            operands["m"][:, 0] = False
        extra.append("attn_mask=m")
    if d.chance(0.3):
        operands["p"] = d.values(*(() if single else (count,)), short) > 1
        operands["p"][..., 0] = False
        extra.append("key_padding_mask=p")
    call = f"module({', '.join(['x', 'y', 'z', *(part for part in extra if part)])})"
    constant = ["m"] if "m" in operands else []
    return ModuleCase(make("MultiheadAttention", width, heads, **options), operands, call, constant)


def transformer(d: Draw) -> ModuleCase:
    heads = d.size(1, 2)
    width = heads * d.size(1, 2) * 2
    options: dict[str, Any] = {
        "dropout": 0.0,
        "activation": d.one([None, "gelu"]),
        "layer_norm_eps": d.one([None, 0.1]),
        "batch_first": d.one([None, True]),
        "norm_first": d.one([None, True]),
        "bias": d.one([None, False]),
    }
    kind = d.one(["TransformerEncoderLayer", "TransformerDecoderLayer", "TransformerEncoder", "Transformer"])
    count, long, short = d.size(1, 2), d.size(1, 3), d.size(1, 3)

    def shape(steps: int) -> tuple[int, ...]:
        return (count, steps, width) if options["batch_first"] else (steps, count, width)

    operands = {"x": d.values(*shape(long)), "y": d.values(*shape(short))}
    if kind == "Transformer":
        module = make(kind, width, heads, 1, d.size(1, 2), dim_feedforward=3, **options)
        call = d.one(["module(x, y)", f"module(x, y, tgt_mask=module.generate_square_subsequent_mask({short}))"])
        return ModuleCase(module, operands, call)
    layer = make(
        kind.replace("Encoder", "EncoderLayer") if kind == "TransformerEncoder" else kind, width, heads, 3, **options
    )
    if kind == "TransformerDecoderLayer":
        return ModuleCase(layer, operands, "module(x, y)")
    masks = {"m": d.values(long, long)} if d.chance(0.5) else {}
    call = f"module(x{', m' if masks else ''})"
    if kind == "TransformerEncoder":
        layer = f"nn.TransformerEncoder({layer}, 2, enable_nested_tensor=False)"
    return ModuleCase(layer, {"x": operands["x"], **masks}, call, list(masks), training=d.chance(0.7))


FAMILIES = {"recurrent": recurrent, "cell": cell, "attention": attention, "transformer": transformer}
