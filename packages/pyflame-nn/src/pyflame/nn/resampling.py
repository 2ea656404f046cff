"""Layers that change the resolution, and those that trade channels for it."""

from __future__ import annotations

from pyflame import Tensor

from . import functional as F
from .module import Module
from .pair import Extent

Scale = float | tuple[float, ...]


class Upsample(Module):
    """Resizes the dimensions after the channels.

    Args:
        size: the new size, or
        scale_factor: how much larger it is; one number or one for each dimension.
        mode: "nearest", "linear", "bilinear", "bicubic" or "trilinear".
        align_corners: let the outermost elements, not their edges, coincide.
        recompute_scale_factor: compute the factor from the new size anew.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Upsample(scale_factor=2, mode="bilinear")(pf.ones(1, 3, 4, 5)).shape
        pyflame.Size([1, 3, 8, 10])
    """

    def __init__(
        self,
        size: Extent | None = None,
        scale_factor: Scale | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.scale_factor: Scale | None = None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(map(float, scale_factor))
        elif scale_factor:
            self.scale_factor = float(scale_factor)
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        what = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of planes with mode "nearest".

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.UpsamplingNearest2d(scale_factor=2)(pf.ones(1, 3, 4, 5)).shape
        pyflame.Size([1, 3, 8, 10])
    """

    def __init__(self, size: Extent | None = None, scale_factor: Scale | None = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of planes with mode "bilinear" and aligned corners.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.UpsamplingBilinear2d(size=(7, 9))(pf.ones(1, 3, 4, 5)).shape
        pyflame.Size([1, 3, 7, 9])
    """

    def __init__(self, size: Extent | None = None, scale_factor: Scale | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """Makes a plane `upscale_factor` times as high and wide out of the square of it channels (Shi et al., 2016).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.PixelShuffle(2)(pf.ones(1, 8, 3, 3)).shape
        pyflame.Size([1, 2, 6, 6])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Undoes `PixelShuffle`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.PixelUnshuffle(2)(pf.ones(1, 2, 6, 6)).shape
        pyflame.Size([1, 8, 3, 3])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deals the channels of each group out to all groups (Zhang et al., 2017).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ChannelShuffle(2)(pf.arange(4.0).reshape(1, 4, 1, 1)).flatten().tolist()
        [0.0, 2.0, 1.0, 3.0]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
