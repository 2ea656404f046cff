"""Padding layers."""

from __future__ import annotations

from typing import ClassVar

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Extent, extent


def widths(op: str, padding: Extent, rank: int) -> tuple[int, ...]:
    """What is added before and after each dimension, from the last one to the first."""
    if not isinstance(padding, int) and len(padding) != 2 * rank:
        raise RuntimeError(f"[{op}] padding is {padding}: expected one number or {2 * rank}")
    return extent(op, "padding", padding, 2 * rank)


class Pad(Module):
    """What padding layers share; they differ in what they add and in the number of dimensions."""

    rank: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Extent) -> None:
        super().__init__()
        self.padding = widths(type(self).__name__.lower(), padding, self.rank)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad(Pad):
    """What layers that add a constant share."""

    mode = "constant"

    def __init__(self, padding: Extent, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ZeroPad(ConstantPad):
    """What layers that add zeros share."""

    def __init__(self, padding: Extent) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad(Pad):
    """What layers that add a mirror image share."""

    mode = "reflect"


class ReplicationPad(Pad):
    """What layers that repeat the edge share."""

    mode = "replicate"


class CircularPad(Pad):
    """What layers that go around share."""

    mode = "circular"


class ConstantPad1d(ConstantPad):
    """Pads the last dimension with `value` on all sides.

    Args:
        padding: one number, or two for each dimension, the last one first.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ConstantPad1d(1, 5.0)(pf.ones(1, 2, 4)).shape
        pyflame.Size([1, 2, 6])
    """

    rank = 1


class ConstantPad2d(ConstantPad):
    """Pads the last two dimensions with `value` on all sides.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ConstantPad2d(1, 5.0)(pf.ones(1, 2, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6])
    """

    rank = 2


class ConstantPad3d(ConstantPad):
    """Pads the last three dimensions with `value` on all sides.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ConstantPad3d(1, 5.0)(pf.ones(1, 2, 4, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6, 6])
    """

    rank = 3


class ZeroPad1d(ZeroPad):
    """Pads the last dimension with zeros on all sides.

    Args:
        padding: one number, or two for each dimension, the last one first.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ZeroPad1d(1)(pf.ones(1, 2, 4)).shape
        pyflame.Size([1, 2, 6])
    """

    rank = 1


class ZeroPad2d(ZeroPad):
    """Pads the last two dimensions with zeros on all sides.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ZeroPad2d(1)(pf.ones(1, 2, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6])
    """

    rank = 2


class ZeroPad3d(ZeroPad):
    """Pads the last three dimensions with zeros on all sides.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ZeroPad3d(1)(pf.ones(1, 2, 4, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6, 6])
    """

    rank = 3


class ReflectionPad1d(ReflectionPad):
    """Pads the last dimension with the mirror image without the edge.

    Args:
        padding: one number, or two for each dimension, the last one first.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReflectionPad1d(1)(pf.ones(1, 2, 4)).shape
        pyflame.Size([1, 2, 6])
    """

    rank = 1


class ReflectionPad2d(ReflectionPad):
    """Pads the last two dimensions with the mirror image without the edge.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReflectionPad2d(1)(pf.ones(1, 2, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6])
    """

    rank = 2


class ReflectionPad3d(ReflectionPad):
    """Pads the last three dimensions with the mirror image without the edge.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReflectionPad3d(1)(pf.ones(1, 2, 4, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6, 6])
    """

    rank = 3


class ReplicationPad1d(ReplicationPad):
    """Pads the last dimension with copies of the edge.

    Args:
        padding: one number, or two for each dimension, the last one first.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReplicationPad1d(1)(pf.ones(1, 2, 4)).shape
        pyflame.Size([1, 2, 6])
    """

    rank = 1


class ReplicationPad2d(ReplicationPad):
    """Pads the last two dimensions with copies of the edge.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReplicationPad2d(1)(pf.ones(1, 2, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6])
    """

    rank = 2


class ReplicationPad3d(ReplicationPad):
    """Pads the last three dimensions with copies of the edge.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReplicationPad3d(1)(pf.ones(1, 2, 4, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6, 6])
    """

    rank = 3


class CircularPad1d(CircularPad):
    """Pads the last dimension with what stands at the other end.

    Args:
        padding: one number, or two for each dimension, the last one first.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CircularPad1d(1)(pf.ones(1, 2, 4)).shape
        pyflame.Size([1, 2, 6])
    """

    rank = 1


class CircularPad2d(CircularPad):
    """Pads the last two dimensions with what stands at the other end.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CircularPad2d(1)(pf.ones(1, 2, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6])
    """

    rank = 2


class CircularPad3d(CircularPad):
    """Pads the last three dimensions with what stands at the other end.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CircularPad3d(1)(pf.ones(1, 2, 4, 4, 4)).shape
        pyflame.Size([1, 2, 6, 6, 6])
    """

    rank = 3
