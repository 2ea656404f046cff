"""First values that several models draw alike."""

from __future__ import annotations

from collections.abc import Callable

from pyflame import Tensor, nn

Draw = Callable[[Tensor], object]


def kaiming_out(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, mode="fan_out")


def reset(model: nn.Module, conv: Draw, linear: Draw) -> None:
    """Draw all kernels and matrices; biases become zero, which norms start from anyway."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            (conv if isinstance(module, nn.Conv2d) else linear)(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
