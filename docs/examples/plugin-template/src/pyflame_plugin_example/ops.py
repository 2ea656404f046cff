"""The operations: plain functions of tensors, and beside them what else is known about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyflame as pf
from pyflame import Tensor


def swish(x: Tensor, beta: float = 1.0) -> Tensor:
    """Compute x * sigmoid(beta * x) for each element (Ramachandran et al., arXiv:1710.05941).

    Args:
        x: any shape, floating point.
        beta: how sharp the bend is; 0 gives x / 2, large values approach relu.
    """
    return x * pf.sigmoid(x * beta)


def swish_backward(grad: Tensor, x: Tensor, beta: float = 1.0) -> Tensor:
    """Compute the gradient for `x`; it is made of operations, so it has a gradient itself."""
    s = pf.sigmoid(x * beta)
    return grad * s * (1 + x * beta * (1 - s))


def relu6(x: Tensor) -> Tensor:
    """Limit each element to the range from 0 to 6.

    Args:
        x: any shape.
    """
    return pf.clamp(x, 0, 6)


def same_shape(shape: tuple[int, ...], **options: Any) -> tuple[int, ...]:
    """Give the shape of an elementwise result."""
    return shape


# name -> the forward function, or the keywords of pyflame.extend.register_custom_op. Names are shared by all plugins,
# hence the prefix. relu6 brings no gradient: its forward function is differentiated through.
OPS: Mapping[str, Mapping[str, Any]] = {
    "example_swish": {"forward_fn": swish, "backward_fn": swish_backward, "shape_fn": same_shape},
    "example_relu6": {"forward_fn": relu6, "shape_fn": same_shape},
}
