"""Instance normalization layers."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from pyflame import DType, Tensor

from . import functional as F
from .batchnorm import ChannelNorm, statistics
from .running import wait


class InstanceNorm(ChannelNorm):
    """What instance normalization layers share; they differ in the inputs they accept."""

    rank: ClassVar[int]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        if input.ndim == self.rank + 1:
            return self._normalize(input.unsqueeze(0)).squeeze(0)
        return self._normalize(input)

    def _normalize(self, input: Tensor) -> Tensor:
        own = self.training or not self.track_running_stats
        output = F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum or 0.0, self.eps
        )
        if self.training and self.track_running_stats:
            wait(self, statistics)
        return output

    def _check(self, input: Tensor) -> None:
        where = f"[{type(self).__name__}] input has shape {tuple(input.shape)}"
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise ValueError(f"{where}: expected {self.rank + 1} or {self.rank + 2} dimensions")
        if input.shape[-self.rank - 1] != self.num_features:
            if self.affine:
                raise ValueError(f"{where}: expected {self.num_features} channels")
            if self.track_running_stats:
                raise RuntimeError(f"{where}: the running statistics have {self.num_features} channels")
            warnings.warn(f"{where}, num_features is {self.num_features}: nothing uses it", stacklevel=3)


class InstanceNorm1d(InstanceNorm):
    """Normalizes each channel of each sample of (batch, channels, length); see `InstanceNorm2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.InstanceNorm1d(1)(pf.tensor([[[1.0, 3.0]]])).round(decimals=3).tolist()
        [[[-1.0, 1.0]]]
    """

    rank = 1


class InstanceNorm2d(InstanceNorm):
    """Normalizes each channel of each sample of (batch, channels, height, width), or without batch.

    Ulyanov, Vedaldi, Lempitsky, "Instance Normalization" (2016).

    Args:
        num_features: number of channels.
        momentum: how far each batch moves the running statistics.
        affine: whether to learn a weight and a bias for each channel.
        track_running_stats: keep statistics, and use them for evaluation.
        bias: whether to learn the bias, too.

    Raises:
        ValueError: the input has another number of dimensions or channels.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.InstanceNorm2d(3, affine=True)(pf.randn(4, 3, 8, 8)).shape
        pyflame.Size([4, 3, 8, 8])
    """

    rank = 2


class InstanceNorm3d(InstanceNorm):
    """Normalizes each channel of each sample of (batch, channels, depth, height, width); see `InstanceNorm2d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.InstanceNorm3d(3)(pf.randn(4, 3, 2, 8, 8)).shape
        pyflame.Size([4, 3, 2, 8, 8])
    """

    rank = 3
