"""Linear algebra on batches of matrices, with the names and results of `torch.linalg`.

Decompositions run on the host through LAPACK; everything but the ranks is differentiable, twice where that is defined.
"""

from .._tensor import Tensor as Tensor
from ..errors import LinAlgError as LinAlgError
from ..ops.linalg import matmul as matmul
from .decompositions import (
    cholesky as cholesky,
    eigh as eigh,
    eigvalsh as eigvalsh,
    qr as qr,
    svd as svd,
    svdvals as svdvals,
)
from .determinants import det as det, slogdet as slogdet
from .norms import cond as cond, matrix_norm as matrix_norm, norm as norm, vector_norm as vector_norm
from .products import (
    cross as cross,
    diagonal as diagonal,
    matrix_power as matrix_power,
    multi_dot as multi_dot,
    trace as trace,
    vander as vander,
    vecdot as vecdot,
)
from .solvers import (
    inv as inv,
    lstsq as lstsq,
    matrix_rank as matrix_rank,
    pinv as pinv,
    solve as solve,
    solve_triangular as solve_triangular,
)
