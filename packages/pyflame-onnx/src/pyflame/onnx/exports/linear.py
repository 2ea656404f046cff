"""Matrix products."""

from __future__ import annotations

import pyflame as pf

from .table import Context, exports, unsupported


@exports("matmul")
def matmul(c: Context, a: str, b: str) -> str:
    if c.dtype is pf.bool:
        return c.e.cast(c.e.op("MatMul", c.e.cast(a, pf.int32), c.e.cast(b, pf.int32)), pf.bool)
    return c.e.op("MatMul", a, b)


@exports("linalg_det")
def determinant(c: Context, x: str) -> str:
    return c.e.op("Det", x)


unsupported(
    "decompositions of matrices have no ONNX operator: compute them before or after the exported part",
    "linalg_inv", "linalg_solve", "linalg_pinv", "linalg_cholesky", "linalg_qr", "linalg_svd", "linalg_eigh",
    "linalg_cofactor", "linalg_slogdet", "linalg_svdvals", "linalg_eigvalsh", "linalg_lstsq",
)  # fmt: skip
