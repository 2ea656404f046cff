"""Matrix products: square, skinny, bfloat16."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

import pyflame as pf

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
    """Few rows times a weight as `Linear` has it, (out, in)."""
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal((m, n), dtype=np.float32) for m in (rows, n))
    tx, tw = torch.from_numpy(x), torch.from_numpy(w)
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


ROWS = [
    *(Row(f"fp32 GEMM {n} cubed", partial(square, n), 1.4, None) for n in (256, 512, 1024, 2048)),
    Row("skinny GEMM 1 x 4096 x 4096", partial(skinny, 1, 4096), 1.1),
    Row("skinny GEMM 8 x 4096 x 4096", partial(skinny, 8, 4096), 2.3),
    Row("bf16 GEMM 1024 cubed", partial(bfloat16, 1024), 1.1),
    Row("bf16 GEMM 2048 cubed", partial(bfloat16, 2048), 1.1),
]
