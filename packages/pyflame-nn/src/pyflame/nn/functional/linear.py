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
