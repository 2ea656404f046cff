"""Matrix products."""

from __future__ import annotations

import pyflame as pf

from .table import Context, exports


@exports("matmul")
def matmul(c: Context, a: str, b: str) -> str:
    if c.dtype is pf.bool:
        return c.e.cast(c.e.op("MatMul", c.e.cast(a, pf.int32), c.e.cast(b, pf.int32)), pf.bool)
    return c.e.op("MatMul", a, b)
