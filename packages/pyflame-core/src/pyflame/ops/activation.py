"""Activation functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .direct import direct
from .half import in_float32
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..dtypes import DType

_add = _core.ops.add
_cast = _core.ops.cast
_div = _core.ops.div
_exp = _core.ops.exp
_expm1 = _core.ops.expm1
_gelu = _core.ops.gelu
_gt = _core.ops.gt
_log1p = _core.ops.log1p
_log_softmax = _core.ops.log_softmax
_maximum = _core.ops.maximum
_minimum = _core.ops.minimum
_mul = _core.ops.mul
_neg = _core.ops.neg
_relu = _core.ops.relu
_sigmoid = _core.ops.sigmoid
_softmax = _core.ops.softmax
_tanh = _core.ops.tanh
_where = _core.ops.where


@direct
def relu(x: Tensor) -> Tensor:
    """Replace negative elements by 0.

    Example:
        >>> import pyflame as pf
        >>> pf.relu(pf.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return _relu(x)


def sigmoid(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute 1 / (1 + exp(-x)).

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sigmoid(pf.tensor([0.0, 2.0]))
        tensor([0.5000, 0.8808])
    """
    return _sigmoid(x) if out is None else stored("sigmoid", out, _sigmoid(x))


@direct
def softmax(x: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """Scale exponentials along a dimension so that they sum to 1.

    Args:
        dtype: convert to this dtype first.

    Example:
        >>> import pyflame as pf
        >>> pf.softmax(pf.tensor([0.0, 1.0]), dim=0)
        tensor([0.2689, 0.7311])
    """
    return _softmax(x if dtype is None else _cast(x, dtype), dim)


@direct
def log_softmax(x: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """Compute log(softmax(x)) without overflow or loss of digits.

    Args:
        dtype: convert to this dtype first.

    Example:
        >>> import pyflame as pf
        >>> pf.log_softmax(pf.tensor([0.0, 1.0]), dim=0)
        tensor([-1.3133, -0.3133])
    """
    return _log_softmax(x if dtype is None else _cast(x, dtype), dim)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Weigh x by the normal distribution function: x * P(X <= x).

    Args:
        approximate: "none" by the error function, "tanh" by the approximation of Hendrycks and Gimpel,
            "Gaussian Error Linear Units" (2016).

    Raises:
        RuntimeError: `approximate` is neither.

    Example:
        >>> import pyflame as pf
        >>> pf.gelu(pf.tensor([-1.0, 2.0]))
        tensor([-0.1587,  1.9545])
    """
    if approximate == "none":
        return _gelu(x)
    if approximate == "tanh":
        return _gelu_by_tanh(x)
    raise RuntimeError(f"[gelu] approximate is {approximate!r}: expected 'none' or 'tanh'")


@in_float32
def _gelu_by_tanh(x: Tensor) -> Tensor:
    inner = _mul(_mul(x, 0.7978845608028654), _add(_mul(_mul(x, x), 0.044715), 1.0))
    return _mul(_mul(x, 0.5), _add(_tanh(inner), 1.0))


@in_float32
def silu(x: Tensor) -> Tensor:
    """Compute x * sigmoid(x).

    Example:
        >>> import pyflame as pf
        >>> pf.silu(pf.tensor([-1.0, 2.0]))
        tensor([-0.2689,  1.7616])
    """
    return _mul(x, _sigmoid(x))


@in_float32
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Compute log(1 + exp(beta x)) / beta, a smooth `relu`.

    Args:
        threshold: where beta * x exceeds it the result is x.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.softplus(pf.tensor([-1.0, 2.0]))
        tensor([0.3133, 2.1269])
    """
    scaled = x if beta == 1.0 else _mul(x, beta)
    linear = _gt(scaled, threshold)
    # The exponential is kept finite where its result is not used, or its gradient would be NaN.
    smooth = _log1p(_exp(_where(linear, 0.0, scaled)))
    return _where(linear, x, smooth if beta == 1.0 else _div(smooth, beta))


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Multiply negative elements by a small slope.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.leaky_relu(pf.tensor([-1.0, 2.0]))
        tensor([-0.0100,  2.0000])
    """
    return _where(_gt(x, 0.0), x, _mul(x, negative_slope))


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Compute x above 0 and alpha * (exp(x) - 1) below.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.elu(pf.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    above = _gt(x, 0.0)
    below = _expm1(_where(above, 0.0, x))
    return _where(above, x, below if alpha == 1.0 else _mul(below, alpha))


def selu(x: Tensor) -> Tensor:
    """Compute `elu` with the constants of self-normalising networks.

    Klambauer et al., "Self-Normalizing Neural Networks" (2017).

    Example:
        >>> import pyflame as pf
        >>> pf.ops.selu(pf.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """
    return _mul(elu(x, 1.6732632423543772), 1.0507009873554805)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Compute max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).

    Example:
        >>> import pyflame as pf
        >>> pf.ops.celu(pf.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    above = _gt(x, 0.0)
    return _where(above, x, _mul(_expm1(_div(_where(above, 0.0, x), alpha)), alpha))


def relu6(x: Tensor) -> Tensor:
    """Limit to the interval from 0 to 6.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.relu6(pf.tensor([-1.0, 2.0, 7.0]))
        tensor([0., 2., 6.])
    """
    return hardtanh(x, 0.0, 6.0)


def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Limit to an interval.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.hardtanh(pf.tensor([-2.0, 0.5]))
        tensor([-1.0000,  0.5000])
    """
    # A bound that is met has no gradient, unlike that of `clamp`.
    return _where(_core.ops.le(x, min_val), min_val, _where(_core.ops.ge(x, max_val), max_val, x))


def logsigmoid(x: Tensor) -> Tensor:
    """Compute log(sigmoid(x)) without overflow.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.logsigmoid(pf.tensor([-1.0, 2.0]))
        tensor([-1.3133, -0.1269])
    """
    # min(x, 0) - log(1 + exp(-|x|))
    return _minimum(x, 0.0) - _log1p(_exp(_neg(_core.ops.abs(x))))


def softsign(x: Tensor) -> Tensor:
    """Compute x / (1 + |x|).

    Example:
        >>> import pyflame as pf
        >>> pf.ops.softsign(pf.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])
    """
    return _div(x, _add(_core.ops.abs(x), 1.0))


@in_float32
def mish(x: Tensor) -> Tensor:
    """Compute x * tanh(softplus(x)).

    Example:
        >>> import pyflame as pf
        >>> pf.ops.mish(pf.tensor([-1.0, 2.0]))
        tensor([-0.3034,  1.9440])
    """
    return _mul(x, _tanh(softplus(x)))
