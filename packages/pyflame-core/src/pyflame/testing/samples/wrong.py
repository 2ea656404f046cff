"""Calls that an op must refuse when it is called, with the exception PyTorch raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...dtypes import DType, all_dtypes, bool_, float32, float64, int32, int64
from ..bridge import to_tensor
from .model import OpInfo


@dataclass(frozen=True)
class WrongCall:
    arguments: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    exception: type[Exception] = RuntimeError


def zeros(*shape: int, dtype: DType = float32) -> Any:
    return to_tensor(np.zeros(shape), dtype)


def ones(*shape: int) -> Any:
    return to_tensor(np.ones(shape), float32)


def index(*shape: int) -> Any:
    return to_tensor(np.zeros(shape), int64)


WINDOW = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
POOL = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "ceil_mode": False}
AVERAGE = {**POOL, "count_include_pad": True, "divisor": 0}
ADAM = {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "eps": 1e-8, "weight_decay": 0.0, "correction1": 1.0, "correction2": 1.0,
        "decoupled": False, "maximize": False}  # fmt: skip
SGD = {
    "lr": 0.1,
    "momentum": 0.0,
    "dampening": 0.0,
    "weight_decay": 0.0,
    "nesterov": False,
    "maximize": False,
    "first": True,
}


def shape_calls() -> dict[str, list[WrongCall]]:
    x = zeros(2, 3)
    return {
        "where": [WrongCall((x, x, x)), WrongCall((zeros(4, dtype=bool_), x, x))],
        "reshape": [WrongCall((x,), {"shape": (4, 2)}), WrongCall((x,), {"shape": (-1, -1)}),
                    WrongCall((x,), {"shape": (1,) * 17}, ValueError), WrongCall((x,), {"shape": (2.0, 3)}, TypeError)],
        "expand": [WrongCall((x,), {"shape": (3,)}), WrongCall((x,), {"shape": (4, 3)})],
        "permute": [WrongCall((x,), {"dims": (0, 0)}), WrongCall((x,), {"dims": (0,)})],
        "slice": [WrongCall((x,), {"dim": 2, "start": 0, "step": 1, "length": 1}, IndexError),
                  WrongCall((x,), {"dim": 0, "start": 1, "step": 1, "length": 2}, IndexError),
                  WrongCall((x,), {"dim": 0, "start": 0, "step": 0, "length": 1}, ValueError),
                  WrongCall((zeros(),), {"dim": 0, "start": 0, "step": 1, "length": 1}, IndexError)],
        "embed": [WrongCall((x,), {"dim": 0, "start": 4, "step": 1, "size": 5}, IndexError),
                  WrongCall((zeros(),), {"dim": 0, "start": 0, "step": 1, "size": 5}, IndexError)],
        "cat": [WrongCall(([x, zeros(2, 2, 2)],), {"dim": 0}), WrongCall(([x, zeros(2, 4)],), {"dim": 0}),
                WrongCall(([],), {"dim": 0}, ValueError), WrongCall(([zeros()],), {"dim": 0}),
                WrongCall((x,), {"dim": 0}, TypeError), WrongCall(([x],), {"dim": 5}, IndexError)],
        "as_strided": [WrongCall((x,), {"size": (2, 3), "stride": (3, 1), "offset": 1}),
                       WrongCall((x,), {"size": (2,), "stride": (3, 1), "offset": 0}),
                       WrongCall((x,), {"size": (2,), "stride": (-1,), "offset": 4}),
                       WrongCall((x,), {"size": (2,), "stride": (1,), "offset": -1})],
        "as_strided_scatter": [WrongCall((x, zeros(2, 3)), {"offset": 1, "stride": (3, 1)}),
                               WrongCall((x, zeros(2, dtype=float64)), {"offset": 0, "stride": (1,)})],
        "with_history": [WrongCall((x, zeros(3, 2))), WrongCall((x, zeros(2, 3, dtype=float64)))],
        "flip": [WrongCall((x,), {"dims": (2,)}, IndexError), WrongCall((x,), {"dims": (0, 0)})],
        "tril": [WrongCall((zeros(3),), {"diagonal": 0})],
        "triu": [WrongCall((zeros(3),), {"diagonal": 0})],
        "matmul": [WrongCall((x, x)), WrongCall((zeros(), x)), WrongCall((zeros(2, 2, 3), zeros(3, 3, 2)))],
        "linear": [WrongCall((x, zeros(4, 2), zeros(4))), WrongCall((x, zeros(4, 3), zeros(3))),
                   WrongCall((zeros(), zeros(4, 3), zeros(4))), WrongCall((x, zeros(3), zeros(1)))],
        "transposed_matmul": [WrongCall((x, zeros(3, 2))), WrongCall((x, zeros(2))), WrongCall((zeros(2, 2, 3), x))],
    }  # fmt: skip


def index_calls() -> dict[str, list[WrongCall]]:
    x, wrong_kind = zeros(2, 3), zeros(2, 3, dtype=int32)
    return {
        "gather": [WrongCall((x, index(3)), {"dim": 0}), WrongCall((x, index(1, 4)), {"dim": 0}),
                   WrongCall((x, wrong_kind), {"dim": 0}), WrongCall((x, index(2, 3)), {"dim": 3}, IndexError)],
        "index_select": [WrongCall((x, index(1, 2)), {"dim": 0}), WrongCall((x, zeros(2)), {"dim": 0})],
        "scatter_add": [WrongCall((x, index(2, 3), zeros(1, 3)), {"dim": 0}),
                        WrongCall((x, index(2, 3), zeros(2, 3, dtype=float64)), {"dim": 0})],
        "index_add": [WrongCall((x, index(2), zeros(3, 3)), {"dim": 0}),
                      WrongCall((x, index(2), zeros(2, 3, dtype=float64)), {"dim": 0})],
        "scatter": [WrongCall((x, index(2, 3), zeros(1, 3)), {"dim": 0}),
                    WrongCall((x, index(2, 3), zeros(2, 3, dtype=float64)), {"dim": 0})],
        "scatter_reduce": [WrongCall((x, index(3), zeros(3)), {"dim": 0, "reduce": 0}),
                           WrongCall((x, index(2, 3), x), {"dim": 0, "reduce": 3})],
    }  # fmt: skip


def weighted_calls() -> dict[str, list[WrongCall]]:
    x, places = zeros(2, 3, 4), index(2, 1, 5)
    shares = zeros(2, 1, 5)
    return {
        "weighted_gather": [WrongCall((x, shares, shares)), WrongCall((x, places, zeros(2, 1, 4))),
                            WrongCall((zeros(3, 4), places, shares)), WrongCall((zeros(1, 3, 4), places, shares))],
        "weighted_scatter": [WrongCall((x, places, shares), {"size": 4}),
                             WrongCall((zeros(2, 3, 5), places, shares), {"size": -1}),
                             WrongCall((zeros(2, 3, 5), shares, shares), {"size": 4})],
        "gathered_dot": [WrongCall((x, x, places)), WrongCall((zeros(2, 3, 5), zeros(2, 2, 4), places)),
                         WrongCall((zeros(2, 3, 5), x, shares))],
    }  # fmt: skip


def line_calls() -> dict[str, list[WrongCall]]:
    x = zeros(2, 3)
    lines = ("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "sort", "median", "nanmedian", "mode")
    calls = {name: [WrongCall((x,), {"dim": dim}, IndexError) for dim in (2, -3)] for name in lines}
    for name in ("median", "nanmedian", "mode"):
        calls[name].append(WrongCall((zeros(0, 3),), {"dim": 0}, IndexError))
    return calls | {
        "linear_scan": [WrongCall((x, zeros(3, 2)), {"dim": 0}), WrongCall((x, x), {"dim": 2}, IndexError)],
        "topk": [WrongCall((x,), {"dim": 1, "k": 4}), WrongCall((x,), {"dim": 1, "k": -1}),
                 WrongCall((x,), {"dim": 2, "k": 1}, IndexError)],
        "kthvalue": [WrongCall((x,), {"dim": 1, "k": 4}), WrongCall((x,), {"dim": 1, "k": 0}),
                     WrongCall((zeros(0, 3),), {"dim": 0, "k": 1}, IndexError)],
        "searchsorted": [WrongCall((zeros(), x)), WrongCall((x, zeros(3, 3))), WrongCall((x, zeros(3)))],
    }  # fmt: skip


def window_calls() -> dict[str, list[WrongCall]]:
    image, weight = zeros(1, 2, 4, 4), zeros(3, 2, 2, 2)
    conv = {**WINDOW, "groups": 1}
    return {
        "conv2d": [WrongCall((image, zeros(3, 1, 2, 2)), conv), WrongCall((image, zeros(2, 2)), conv),
                   WrongCall((image, zeros(3, 2, 9, 9)), conv), WrongCall((image, weight), {**conv, "stride": (0, 1)}),
                   WrongCall((image, weight), {**conv, "stride": (1,)}),
                   WrongCall((image, weight), {**conv, "groups": 0})],
        "conv2d_grad_input": [WrongCall((image, weight), {"input_h": 9, "input_w": 9, **conv})],
        "conv2d_grad_weight": [WrongCall((image, image), {"kernel_h": 9, "kernel_w": 1, **conv})],
        "max_pool2d": [WrongCall((zeros(4, 4),), {**POOL, "dilation": (1, 1)}),
                       WrongCall((image,), {**POOL, "kernel": (9, 9), "dilation": (1, 1)}),
                       WrongCall((image,), {**POOL, "padding": (2, 2), "dilation": (1, 1)})],
        "max_pool2d_grad": [WrongCall((image, index(1, 2, 4, 3)), {"input_h": 8, "input_w": 8}),
                            WrongCall((image, image), {"input_h": 8, "input_w": 8})],
        "avg_pool2d": [WrongCall((zeros(4, 4),), AVERAGE), WrongCall((image,), {**AVERAGE, "kernel": (9, 9)})],
        "avg_pool2d_grad": [WrongCall((image,), {"input_h": 5, "input_w": 20, **AVERAGE})],
        "sgd_step": [WrongCall((image, weight, image), SGD)],
        "sgd_step_plain": [WrongCall((image, weight), {"lr": 0.1, "weight_decay": 0.0, "maximize": False})],
        "adam_step": [WrongCall((image, image, image, weight), ADAM)],
        "adam_step_amsgrad": [WrongCall((image, image, image, image, weight), ADAM)],
        "randint": [WrongCall((), {"seed": 1, "offset": 0, "low": 2, "high": 2, "shape": (2,)})],
    }  # fmt: skip


def loss_calls() -> dict[str, list[WrongCall]]:
    x, attrs = zeros(2, 3), {"ignore_index": -100, "reduction": 1}
    return {
        "nll_loss": [WrongCall((x, index(3)), attrs, ValueError), WrongCall((x, zeros(2)), attrs),
                     WrongCall((zeros(), index()), attrs, ValueError)],
        "nll_loss_grad": [WrongCall((x, index(2)), {**attrs, "classes": 3})],
        "class_cross_entropy": [WrongCall((x, index(3)), attrs), WrongCall((x, zeros(2)), attrs),
                                WrongCall((zeros(2, 3, 4), index(2, 4)), attrs)],
        "class_cross_entropy_grad": [WrongCall((zeros(2), x, index(2)), attrs), WrongCall((zeros(), x, index(3)), attrs)],
    }  # fmt: skip


def fused_calls() -> dict[str, list[WrongCall]]:
    x, eps = zeros(2, 4), {"eps": 1e-5}
    rows, groups = {**eps, "dims": 1}, {**eps, "groups": 2}
    q, attend = zeros(1, 2, 3, 4), {"scale": 1.0, "causal": False}
    kept, cell = [q, q, zeros(1, 2, 3)], {"cell": 0, "reverse": False}
    return {
        "layer_norm": [WrongCall(([x, zeros(3)],), rows), WrongCall(([x, zeros(4, dtype=float64)],), rows),
                       WrongCall(([x],), {**rows, "dims": 3}), WrongCall(([x] * 4,), rows)],
        "rms_norm": [WrongCall(([x, zeros(3)],), rows), WrongCall(([x, zeros(4), zeros(4)],), rows)],
        "group_norm": [WrongCall(([x, zeros(2)],), groups), WrongCall(([x],), {**groups, "groups": 3})],
        "layer_norm_grad": [WrongCall(([x],), rows), WrongCall(([x, zeros(2, 3)],), rows)],
        "rms_norm_grad": [WrongCall(([x, zeros(2, 3)],), rows), WrongCall(([x, x, zeros(3)],), rows)],
        "group_norm_grad": [WrongCall(([x, zeros(4, 2)],), groups)],
        "batch_norm": [WrongCall(([x, zeros(3)],), eps), WrongCall(([zeros(4)],), eps), WrongCall(([x] * 4,), eps)],
        "batch_norm_grad": [WrongCall(([x, x, zeros(4)],), eps), WrongCall(([x, x, zeros(4), zeros(3)],), eps)],
        "attention": [WrongCall(([q, q],), attend), WrongCall(([q, zeros(1, 2, 3, 5), q],), attend),
                      WrongCall(([q, q, q, zeros(3, 3)],), attend), WrongCall(([q, zeros(1, 3, 3, 4), zeros(1, 3, 3, 4)],), attend),
                      WrongCall(([q, q, q, zeros(1, 1, 3, 3, dtype=int64)],), attend)],
        "ctc": [WrongCall((zeros(2, 1, 3), index(1, 3), index(2), index(1)), {"blank": 0}),
                WrongCall((zeros(2, 1, 3), index(2, 3), index(1), index(1)), {"blank": 0}),
                WrongCall((zeros(2, 1, 3), zeros(1, 3), index(1), index(1)), {"blank": 0})],
        "ctc_grad": [WrongCall((zeros(2), zeros(2, 1, 3), index(1, 3), index(1), index(1)), {"blank": 0})],
        "recurrent": [WrongCall(([zeros(2, 1, 4)],), cell), WrongCall(([zeros(2, 1, 4), zeros(4, 2), zeros(4), zeros(1, 2)],), cell),
                      WrongCall(([zeros(2, 1, 2), zeros(2, 2), zeros(2), zeros(1, 2)],), {**cell, "cell": 4}, ValueError)],
        "recurrent_grad": [WrongCall(([zeros(2, 1, 4)],), cell), WrongCall(([zeros(2)] * 6,), cell)],
        "attention_grad": [WrongCall((kept,), attend), WrongCall(([*kept, q, q, zeros(1, 2, 2, 4)],), attend)],
    }  # fmt: skip


def dtype_calls(info: OpInfo, record: dict[str, Any]) -> list[WrongCall]:
    """A dtype the record does not compute in and does not convert from."""
    refused = [dtype for dtype in all_dtypes if dtype not in record["dtypes"] and dtype not in info.dtypes]
    if not refused or len(record["inputs"]) > 2 or record["attrs"]:
        return []
    return [WrongCall((zeros(2, dtype=dtype),) * len(record["inputs"])) for dtype in refused]


def wrong_calls(info: OpInfo, record: dict[str, Any]) -> list[WrongCall]:
    name, attrs, inputs = info.name, [attr[0] for attr in record["attrs"]], record["inputs"]
    calls = dtype_calls(info, record)
    families = (shape_calls, index_calls, weighted_calls, line_calls, window_calls, loss_calls, fused_calls)
    for family in families:
        calls += family().get(name, [])
    if record["is_elementwise"] and len(inputs) == 2:
        calls.append(WrongCall((ones(2, 3), ones(4, 5))))
    if record["category"] == "reduction" and "dim" in attrs:
        calls += [WrongCall((zeros(2, 3),) * len(inputs), {"dim": dim}, IndexError) for dim in (2, -3)]
    if inputs and name != "cat":
        calls.append(WrongCall(("text", *[ones(2)] * (len(inputs) - 1)), first_attrs(info), TypeError))
    return calls


def first_attrs(info: OpInfo) -> dict[str, Any]:
    return info.samples(info.dtypes[0])[0].attrs
