"""Operators as they were before opset 7, when broadcasting had to be asked for and inference was an attribute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyflame as pf
from pyflame import Tensor

from .elementwise import div
from .linear import gemm
from .normalization import batch_norm_with_statistics
from .pooling import average_pool
from .registry import Map, add, maps

# operator: (version, function)
BINARY: dict[str, tuple[int, Callable[[Tensor, Tensor], Tensor]]] = {
    "Add": (6, pf.add),
    "And": (1, pf.logical_and),
    "Div": (6, div),
    "Equal": (1, pf.eq),
    "Greater": (1, pf.gt),
    "Less": (1, pf.lt),
    "Mul": (6, pf.mul),
    "Or": (1, pf.logical_or),
    "Pow": (1, pf.pow),
    "Sub": (6, pf.sub),
    "Xor": (1, pf.logical_xor),
}


def placed(a: Tensor, b: Tensor, axis: int | None) -> Tensor:
    """Shape the second operand so that its dimensions begin at an axis of the first."""
    if axis is None or b.ndim == 0:
        return b
    first = axis + a.ndim if axis < 0 else axis
    if first + b.ndim > a.ndim:
        raise ValueError(f"[broadcast] shape {list(b.shape)} from axis {axis} of {list(a.shape)}: it does not fit")
    return pf.reshape(b, (*b.shape, *[1] * (a.ndim - first - b.ndim)))


def _binary(op: str, function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def apply(a: Tensor, b: Tensor, *, axis: int | None = None, broadcast: int = 0) -> Tensor:
        if not broadcast and a.shape != b.shape:
            raise ValueError(f"[{op}] shapes {list(a.shape)} and {list(b.shape)} differ, and broadcast is 0")
        return function(a, placed(a, b, axis) if broadcast else b)

    return apply


for _op, (_version, _function) in BINARY.items():
    add("", _version, Map(_op, _binary(_op, _function)))


@maps("PRelu", 6)
def prelu(x: Tensor, slope: Tensor) -> Tensor:
    return pf.where(x < 0, x * placed(x, slope, 1 if slope.numel() > 1 else None), x)


@maps("Gemm", 6)
def gemm_with_broadcast(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    broadcast: int = 0,
    transA: int = 0,
    transB: int = 0,
) -> Tensor:
    return gemm(a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)


@maps("BatchNormalization", 6)
def batch_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    epsilon: float = 1e-5,
    is_test: int = 0,
    momentum: float = 0.9,
    spatial: int = 1,
) -> Tensor:
    if not is_test:
        raise NotImplementedError("[BatchNormalization] 6 in training has no map: export with opset 14 or newer")
    return batch_norm_with_statistics(x, scale, bias, mean, var, epsilon=epsilon)


@maps("AveragePool", 1)
def average_pool_without_padding(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    return average_pool(x, kernel_shape=kernel_shape, auto_pad=auto_pad, pads=pads, strides=strides)


@maps("Dropout", 6, counts_outputs=True)
def dropout(x: Tensor, *, is_test: int = 0, ratio: float = 0.5, outputs: int = 1) -> Tensor | tuple[Tensor, Tensor]:
    if not is_test:
        raise NotImplementedError("[Dropout] version 6 in training has no map: export with opset 12 or newer")
    return x if outputs == 1 else (x, pf.ones_like(x))
