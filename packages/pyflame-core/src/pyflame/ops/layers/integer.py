"""Products of small integers, accumulated in int32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import _core
from ...dtypes import float64, int32
from ..conv import conv2d
from .convolution import conv1d, conv3d
from .sizes import Extent

if TYPE_CHECKING:
    from ..._tensor import Tensor

_cast = _core.ops.cast
_reshape = _core.ops.reshape
_sub = _core.ops.sub


def _shifted(op: str, name: str, x: Tensor, zero_point: Tensor | int | None, dim: int) -> Tensor:
    """Convert to int32 and subtract the zero point: one number, or one for each slice along `dim`."""
    if x.dtype.name not in ("int8", "uint8"):
        raise RuntimeError(f"[{op}] {name} has dtype {x.dtype.name}: expected int8 or uint8")
    wide = _cast(x, int32)
    if zero_point is None:
        return wide
    if isinstance(zero_point, int):
        return _sub(wide, zero_point)
    if zero_point.numel() == 1:
        return _sub(wide, _reshape(_cast(zero_point, int32), ()))
    if zero_point.ndim == 1:
        if zero_point.shape[0] != x.shape[dim]:
            raise RuntimeError(
                f"[{op}] the zero point of {name} has shape {tuple(zero_point.shape)}: expected ({x.shape[dim]},)"
            )
        zero_point = _reshape(zero_point, [-1 if d == dim % x.ndim else 1 for d in range(x.ndim)])
    return _sub(wide, _cast(zero_point, int32))


def matmul_integer(
    a: Tensor, b: Tensor, a_zero_point: Tensor | int | None = None, b_zero_point: Tensor | int | None = None
) -> Tensor:
    """Multiply matrices of int8 or uint8 into int32; `MatMulInteger` of ONNX.

    Args:
        a: (..., n, k)
        b: (..., k, m)
        a_zero_point: subtracted from `a`: one number, (n,) for its rows, or broadcast.
        b_zero_point: subtracted from `b`: one number, (m,) for its columns, or broadcast.

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> import pyflame as pf
        >>> a = pf.tensor([[100, 100]], dtype=pf.int8)
        >>> pf.ops.matmul_integer(a, a.T, a_zero_point=1).item()
        19800
    """
    op = "matmul_integer"
    rows, columns = (-2 if a.ndim > 1 else 0), -1
    return _core.ops.matmul(_shifted(op, "a", a, a_zero_point, rows), _shifted(op, "b", b, b_zero_point, columns))


def conv_integer(
    input: Tensor,
    weight: Tensor,
    input_zero_point: Tensor | int | None = None,
    weight_zero_point: Tensor | int | None = None,
    stride: Extent = 1,
    padding: Extent | str = 0,
    dilation: Extent = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate int8 or uint8 signals, images or volumes with filters into int32; `ConvInteger` of ONNX.

    Args:
        input: (batch, channels, sizes...)
        weight: (out_channels, channels / groups, kernel sizes...)
        input_zero_point: subtracted from the input; padding stands for it.
        weight_zero_point: subtracted from the weight: one number, or (out_channels,).

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([[[100, 100, 100]]], dtype=pf.uint8)
        >>> pf.ops.conv_integer(x, x, input_zero_point=1)
        tensor([[[29700]]], dtype=pyflame.int32)
    """
    op = "conv_integer"
    x, w = (
        _shifted(op, "input", input, input_zero_point, 1),
        _shifted(op, "weight", weight, weight_zero_point, 0),
    )
    convolve = {3: conv1d, 4: conv2d, 5: conv3d}.get(weight.ndim)
    if convolve is None or input.ndim != weight.ndim:
        raise RuntimeError(
            f"[{op}] input has shape {tuple(input.shape)}, weight {tuple(weight.shape)}: expected 3, 4 or 5 dimensions"
        )
    # Sums of such products are far below 2 ** 53, so float64 holds them exactly.
    return _cast(convolve(_cast(x, float64), _cast(w, float64), None, stride, padding, dilation, groups), int32)
