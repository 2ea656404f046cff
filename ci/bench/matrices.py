"""Matrix products: square, skinny, bfloat16, integers, linear layers."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

import pyflame as pf
from pyflame.nn import functional as F

from .contest import EAGER, OURS, Contest, Row


def square(n: int) -> Contest:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((n, n), dtype=np.float32) for _ in range(2))
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    pa, pb = pf.tensor(a), pf.tensor(b)
    return Contest(
        {OURS: lambda: pf.eval(pa @ pb), EAGER: lambda: ta @ tb, "numpy": lambda: a @ b},
        {OURS: lambda: (pa @ pb).numpy(), EAGER: lambda: (ta @ tb).numpy(), "numpy": lambda: a @ b},
        1e-5,
    )


def skinny(rows: int, n: int) -> Contest:
    """Few rows times a weight as `Linear` has it, (out, in).

    Each library has a weight of its own: reading it is the work, and what the one before has read is nearer.
    """
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal((m, n), dtype=np.float32) for m in (rows, n))
    tx, tw = torch.tensor(x), torch.tensor(w)
    px, pw = pf.tensor(x), pf.tensor(w)
    return Contest(
        {OURS: lambda: pf.eval(px @ pw.T), EAGER: lambda: torch.nn.functional.linear(tx, tw), "numpy": lambda: x @ w.T},
        {OURS: lambda: (px @ pw.T).numpy(), EAGER: lambda: (tx @ tw.T).numpy(), "numpy": lambda: x @ w.T},
        1e-5,
    )


def bfloat16(n: int) -> Contest:
    rng = np.random.default_rng(0)
    ta, tb = (torch.from_numpy(rng.standard_normal((n, n), dtype=np.float32)).bfloat16() for _ in range(2))
    pa, pb = (pf.tensor(t.float().numpy()).to(pf.bfloat16) for t in (ta, tb))
    pf.eval(pa, pb)
    return Contest(
        {OURS: lambda: pf.eval(pa @ pb), EAGER: lambda: ta @ tb},
        {OURS: lambda: (pa @ pb).to(pf.float32).numpy(), EAGER: lambda: (ta @ tb).float().numpy()},
        8e-3,  # one rounding to bfloat16 each
    )


def integers(n: int) -> Contest:
    """int32 matrices of 8-bit numbers, as quantised models multiply them."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 128, (n, n), dtype=np.int32) for _ in range(2))
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    pa, pb = pf.tensor(a), pf.tensor(b)
    return Contest(
        {OURS: lambda: pf.eval(pa @ pb), EAGER: lambda: ta @ tb, "numpy": lambda: a @ b},
        {OURS: lambda: (pa @ pb).numpy(), EAGER: lambda: (ta @ tb).numpy(), "numpy": lambda: a @ b},
        0.0,
    )


def linear(rows: int, inputs: int, outputs: int, half: bool = False) -> Contest:
    """With bias and a weight that stays the same from call to call."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s, dtype=np.float32) for s in ((rows, inputs), (outputs, inputs), (outputs,))]
    theirs = [torch.from_numpy(a).to(torch.bfloat16 if half else torch.float32) for a in arrays]
    ours = [pf.tensor(a).to(pf.bfloat16 if half else pf.float32) for a in arrays]
    pf.eval(*ours)
    return Contest(
        {OURS: lambda: pf.eval(F.linear(*ours)), EAGER: lambda: torch.nn.functional.linear(*theirs)},
        {
            OURS: lambda: F.linear(*ours).to(pf.float32).numpy(),
            EAGER: lambda: torch.nn.functional.linear(*theirs).float().numpy(),
        },
        8e-3 if half else 1e-5,
    )


ROWS = [
    *(Row(f"fp32 GEMM {n} cubed", partial(square, n), 1.4, None) for n in (256, 512, 1024, 2048)),
    Row("skinny GEMM 1 x 4096 x 4096", partial(skinny, 1, 4096), 1.1),
    Row("skinny GEMM 8 x 4096 x 4096", partial(skinny, 8, 4096), 2.3),
    Row("bf16 GEMM 1024 cubed", partial(bfloat16, 1024), 1.1),
    Row("bf16 GEMM 2048 cubed", partial(bfloat16, 2048), 1.1),
    Row("int32 GEMM 512 cubed, 8-bit numbers", partial(integers, 512), 1.0),
    Row("linear 64 x 768 to 3072, fp32", partial(linear, 64, 768, 3072), 1.0),
    Row("linear 64 x 768 to 3072, bf16", partial(linear, 64, 768, 3072, half=True), 1.0),
]
