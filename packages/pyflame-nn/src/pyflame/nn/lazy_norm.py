"""Batch and instance normalization that take the number of channels from their first input."""

from __future__ import annotations

from typing import Any

from pyflame import DType, Tensor, int64, tensor

from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, ChannelNorm
from .instancenorm import InstanceNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .lazy import LazyModuleMixin
from .parameter import UninitializedBuffer, UninitializedParameter, is_lazy


class _LazyNorm(LazyModuleMixin, ChannelNorm):
    """What lazy layers with statistics of channels share."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        # There are no tensors before their size is known; ChannelNorm makes none with these arguments.
        super().__init__(0, eps, momentum, False, False, None, None, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            if wanted:
                setattr(self, name, UninitializedParameter(device=device, dtype=dtype))
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, dtype=int64)

    def reset_parameters(self) -> None:
        """Set weights, biases and statistics to where they start, if there are any yet."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Materialize the parameters and statistics for an input."""
        if self.has_uninitialized_params():
            self.num_features = self._channels(input)
            for name in ("weight", "bias", "running_mean", "running_var"):
                value: Any = getattr(self, name)
                if is_lazy(value):
                    value.materialize((self.num_features,))
            self.reset_parameters()
        elif not self.num_features:
            known = [value for value in (self.weight, self.running_mean) if value is not None]
            self.num_features = known[0].shape[0] if known else self._channels(input)

    def _channels(self, input: Tensor) -> int:
        rank = self.rank if isinstance(self, InstanceNorm) else 0
        if input.ndim < 2:
            raise ValueError(
                f"[{type(self).__name__}] input has shape {tuple(input.shape)}: expected (batch, channels, ...)"
            )
        return input.shape[-rank - 1] if rank else input.shape[1]


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` whose `num_features` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyBatchNorm1d()
        >>> layer(pf.randn(2, 3, 4)).shape, layer.num_features
        (pyflame.Size([2, 3, 4]), 3)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` whose `num_features` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyBatchNorm2d()
        >>> layer(pf.randn(2, 3, 4, 4)).shape, layer.num_features
        (pyflame.Size([2, 3, 4, 4]), 3)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` whose `num_features` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyBatchNorm3d()
        >>> layer(pf.randn(2, 3, 4, 4, 4)).shape, layer.num_features
        (pyflame.Size([2, 3, 4, 4, 4]), 3)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An `InstanceNorm1d` whose `num_features` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyInstanceNorm1d(affine=True)
        >>> layer(pf.randn(2, 3, 4)).shape, layer.num_features
        (pyflame.Size([2, 3, 4]), 3)
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An `InstanceNorm2d` whose `num_features` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyInstanceNorm2d(affine=True)
        >>> layer(pf.randn(2, 3, 4, 4)).shape, layer.num_features
        (pyflame.Size([2, 3, 4, 4]), 3)
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An `InstanceNorm3d` whose `num_features` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyInstanceNorm3d(affine=True)
        >>> layer(pf.randn(2, 3, 4, 4, 4)).shape, layer.num_features
        (pyflame.Size([2, 3, 4, 4, 4]), 3)
    """

    cls_to_become = InstanceNorm3d
