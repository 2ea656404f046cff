"""Activation functions."""

from __future__ import annotations

import pyflame as pf
from pyflame import Tensor
from pyflame.nn import functional as F

from ..values import axis_of
from .registry import maps


@maps("Relu", 6, 13, 14)
def relu(x: Tensor) -> Tensor:
    return pf.relu(x)


@maps("Sigmoid", 6, 13)
def sigmoid(x: Tensor) -> Tensor:
    return pf.sigmoid(x)


@maps("LeakyRelu", 6, 16)
def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    return F.leaky_relu(x, alpha)


@maps("PRelu", 7, 9, 16)
def prelu(x: Tensor, slope: Tensor) -> Tensor:
    # The slope is broadcast as in arithmetic: it is not tied to the channels.
    return pf.where(x < 0, x * slope, x)


@maps("Elu", 6, 22)
def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.elu(x, alpha)


@maps("Selu", 6, 22)
def selu(x: Tensor, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Tensor:
    return gamma * F.elu(x, alpha)


@maps("Celu", 12, 28)
def celu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.celu(x, alpha)


@maps("Gelu", 20)
def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate)


@maps("HardSigmoid", 6, 22)
def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return pf.clip(alpha * x + beta, 0, 1)


@maps("HardSwish", 14, 22)
def hard_swish(x: Tensor) -> Tensor:
    return F.hardswish(x)


@maps("Mish", 18, 22)
def mish(x: Tensor) -> Tensor:
    return F.mish(x)


@maps("Swish", 24)
def swish(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return F.silu(x) if alpha == 1.0 else x * pf.sigmoid(alpha * x)


@maps("Softplus", 1, 22)
def softplus(x: Tensor) -> Tensor:
    return pf.logaddexp(x, pf.zeros_like(x))


@maps("Softsign", 1, 22)
def softsign(x: Tensor) -> Tensor:
    return F.softsign(x)


@maps("Shrink", 9)
def shrink(x: Tensor, *, bias: float = 0.0, lambd: float = 0.5) -> Tensor:
    zero = pf.zeros_like(x)
    return pf.cast(pf.where(x < -lambd, x + bias, pf.where(x > lambd, x - bias, zero)), x.dtype)


@maps("ThresholdedRelu", 10, 22)
def thresholded_relu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return pf.where(x > alpha, x, pf.zeros_like(x))


def as_rows(x: Tensor, axis: int) -> Tensor:
    """Fold the dimensions before an axis into one, and those from it on into another."""
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return pf.reshape(x, (rows, x.numel() // rows if rows else 0))


@maps("Softmax", 1, 11)
def softmax_of_rows(x: Tensor, *, axis: int = 1) -> Tensor:
    return pf.reshape(pf.softmax(as_rows(x, axis_of(axis, x.ndim, "softmax")), 1), x.shape)


@maps("Softmax", 13)
def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return pf.softmax(x, axis)


@maps("LogSoftmax", 1, 11)
def log_softmax_of_rows(x: Tensor, *, axis: int = 1) -> Tensor:
    return pf.reshape(pf.log_softmax(as_rows(x, axis_of(axis, x.ndim, "log_softmax")), 1), x.shape)


@maps("LogSoftmax", 13)
def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return pf.log_softmax(x, axis)


@maps("Hardmax", 1, 11)
def hardmax_of_rows(x: Tensor, *, axis: int = 1) -> Tensor:
    return pf.reshape(hardmax(as_rows(x, axis_of(axis, x.ndim, "hardmax")), axis=1), x.shape)


@maps("Hardmax", 13)
def hardmax(x: Tensor, *, axis: int = -1) -> Tensor:
    # Of equal largest elements, the first one counts.
    where = pf.argmax(x, axis, keepdim=True)
    return pf.scatter(pf.zeros_like(x), axis, where, 1.0)
