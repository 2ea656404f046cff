"""Losses that are operations of their own."""

from __future__ import annotations

import pyflame as pf

from .table import Context, exports, unsupported

REDUCTION = {0: "none", 1: "mean", 2: "sum"}


@exports("nll_loss")
def nll_loss(c: Context, x: str, target: str) -> str:
    e = c.e
    if c.rank(0) == 1:
        x, target = e.unsqueeze(x, [0]), e.unsqueeze(target, [0])
    found = e.op(
        "NegativeLogLikelihoodLoss", x, e.cast(target, pf.int64), ignore_index=c.attr("ignore_index"),
        reduction=REDUCTION[c.attr("reduction")],
    )  # fmt: skip
    return e.squeeze(found, [0]) if c.rank(0) == 1 and c.attr("reduction") == 0 else found


STEP = "a step of an optimiser: export the model, not its training"
unsupported(STEP, "sgd_step", "sgd_step_plain", "adam_step", "adam_step_amsgrad")
unsupported("the gradient of a loss has no ONNX operator: export the loss", "nll_loss_grad")
