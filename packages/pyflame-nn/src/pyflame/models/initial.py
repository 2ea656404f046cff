"""First values that several models draw alike."""

from __future__ import annotations

import math
from collections.abc import Callable

from pyflame import Tensor, erfinv, nn, no_grad, ops, rand

Draw = Callable[[Tensor], object]


def truncated_normal_(tensor: Tensor, std: float) -> Tensor:
    """Draw from a normal distribution around 0, of which nothing beyond 2 is taken."""
    bound = math.erf(2.0 / std / math.sqrt(2.0))
    with no_grad():
        values = erfinv((2 * rand(tensor.shape, dtype=tensor.dtype) - 1) * bound) * (std * math.sqrt(2.0))
        ops.assign(tensor, values.clamp(-2.0, 2.0))
    return tensor


def kaiming_out(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, mode="fan_out")


def reset(model: nn.Module, conv: Draw, linear: Draw) -> None:
    """Draw all kernels and matrices; biases become zero, which norms start from anyway."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            (conv if isinstance(module, nn.Conv2d) else linear)(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
