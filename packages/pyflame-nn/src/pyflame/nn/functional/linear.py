"""Affine maps."""

from __future__ import annotations

from pyflame import Tensor, ops


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `input @ weight.T + bias`.

    Args:
        input: (..., in_features)
        weight: (out_features, in_features), or (in_features,) for one output without a dimension.
        bias: (out_features,)

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.linear(pf.tensor([[1.0, 2.0]]), pf.tensor([[3.0, 4.0]]), pf.tensor([0.5])).tolist()
        [[11.5]]
    """
    if weight.ndim == 2:
        return ops.linear(input, weight, bias)
    product = input @ weight
    return product if bias is None else product + bias


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `input1 @ weight[k] @ input2 + bias[k]` for each output k.

    Args:
        input1: (..., in1_features)
        input2: (..., in2_features)
        weight: (out_features, in1_features, in2_features)
        bias: (out_features,)

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.bilinear(pf.ones(1, 2), pf.ones(1, 3), pf.ones(1, 2, 3))
        tensor([[6.]])
    """
    shapes = (
        f"[bilinear] input1 has shape {tuple(input1.shape)}, input2 {tuple(input2.shape)}, weight {tuple(weight.shape)}"
    )
    if tuple(input1.shape)[:-1] != tuple(input2.shape)[:-1] or weight.ndim != 3:
        raise RuntimeError(f"{shapes}: inputs differ in the last dimension only, and weight needs three")
    out, first, second = weight.shape
    if (input1.shape[-1], input2.shape[-1]) != (first, second) or bias is not None and tuple(bias.shape) != (out,):
        raise RuntimeError(f"{shapes}: features do not agree")
    lead = tuple(input1.shape)[:-1]
    rows, columns = input1.reshape(-1, first), input2.reshape(-1, 1, second)
    spread = (rows @ weight.permute(1, 0, 2).reshape(first, out * second)).reshape(-1, out, second)
    result = (spread * columns).sum(2).reshape(*lead, out)
    return result if bias is None else result + bias
