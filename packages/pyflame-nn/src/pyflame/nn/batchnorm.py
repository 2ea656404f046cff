"""Layers that normalize channels and keep running statistics of them: batch normalization."""

from __future__ import annotations

from typing import Any, cast

from pyflame import DType, Tensor, int64, no_grad, ones, ops, tensor, zeros

from . import functional as F, init
from .module import Module
from .parameter import Parameter
from .running import wait


class ChannelNorm(Module):
    """What layers with running statistics of channels share: parameters, buffers, and their description."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: DType | None,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, make, wanted in (("weight", ones, affine), ("bias", zeros, affine and bias)):
            value = Parameter(make(num_features, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the running statistics."""
        if self.track_running_stats:
            init.zeros_(cast(Tensor, self.running_mean))
            init.ones_(cast(Tensor, self.running_var))
            init.zeros_(cast(Tensor, self.num_batches_tracked))

    def reset_parameters(self) -> None:
        """Forget the running statistics and set weights to one, biases to zero."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


def statistics(module: Module) -> list[Tensor]:
    norm = cast(ChannelNorm, module)
    buffers = (norm.running_mean, norm.running_var, norm.num_batches_tracked)
    return [buffer for buffer in buffers if buffer is not None]


class BatchNorm(ChannelNorm):
    """What batch normalization layers share; they differ in the inputs they accept."""

    ranks: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        training, tracked = self.training, self.num_batches_tracked is not None
        if not (training and tracked):
            mean, var = (None, None) if training else (self.running_mean, self.running_var)
            return F.batch_norm(
                input, mean, var, self.weight, self.bias, training or self.running_mean is None, 0.0, self.eps
            )
        momentum = self._count_batch()
        output = F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, True, momentum, self.eps
        )
        wait(self, statistics)
        return output

    def _count_batch(self) -> float:
        """Count this batch; return how far it moves the statistics, with momentum None to the mean of all so far."""
        count = cast(Tensor, self.num_batches_tracked)
        with no_grad():
            ops.assign(count, count + 1)
        return 1.0 / count.item() if self.momentum is None else self.momentum

    def _check_rank(self, input: Tensor) -> None:
        if input.ndim not in self.ranks:
            expected = " or ".join(map(str, self.ranks))
            raise ValueError(
                f"[{type(self).__name__}] input has shape {tuple(input.shape)}: expected {expected} dimensions"
            )

    def _check(self, input: Tensor) -> None:
        self._check_rank(input)
        unused = self.weight is None and self.running_mean is None
        single = self.training and input.numel() == input.shape[1]  # which is refused for what it is
        if input.shape[1] != self.num_features and not unused and not single:
            raise RuntimeError(
                f"[{type(self).__name__}] input has shape {tuple(input.shape)}: expected {self.num_features} channels "
                f"in dimension 1"
            )


class BatchNorm1d(BatchNorm):
    """Batch normalization of (batch, features) or (batch, channels, length).

    Args:
        num_features: size of dimension 1.
        momentum: how far each batch moves the running statistics; None averages all batches.
        affine: whether to learn a weight and a bias for each feature.
        track_running_stats: keep statistics for evaluation; without them every batch is normalized by its own.
        bias: whether to learn the bias, too.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.BatchNorm1d(2)
        >>> layer(pf.tensor([[0.0, 1.0], [2.0, 5.0]])).round(decimals=3).tolist()
        [[-1.0, -1.0], [1.0, 1.0]]
    """

    ranks = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalization of (batch, channels, height, width); the arguments are those of `BatchNorm1d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.BatchNorm2d(3)(pf.randn(4, 3, 8, 8)).shape
        pyflame.Size([4, 3, 8, 8])
    """

    ranks = (4,)


class BatchNorm3d(BatchNorm):
    """Batch normalization of (batch, channels, depth, height, width); the arguments are those of `BatchNorm1d`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.BatchNorm3d(3)(pf.randn(4, 3, 2, 8, 8)).shape
        pyflame.Size([4, 3, 2, 8, 8])
    """

    ranks = (5,)


class SyncBatchNorm(BatchNorm):
    """Batch normalization of (batch, channels, ...) over all processes; with one process it is plain `BatchNorm1d`.

    Args:
        process_group: only None, the one process, is supported.

    Raises:
        NotImplementedError: a process group.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> model = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3)))
        >>> model(pf.randn(4, 3, 8, 8)).shape
        pyflame.Size([4, 3, 8, 8])
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        if process_group is not None:
            raise NotImplementedError("[SyncBatchNorm] process groups are not supported: leave process_group None")
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_rank(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"[SyncBatchNorm] input has shape {tuple(input.shape)}: expected (batch, channels, ...)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return the module with every batch normalization in it replaced by this class, with the same tensors."""
        if isinstance(module, BatchNorm) and not isinstance(module, cls):
            found = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for name in (*module._parameters, *module._buffers):
                setattr(found, name, getattr(module, name))
            return found.train(module.training)
        for name, child in module.named_children():
            replacement = cls.convert_sync_batchnorm(child, process_group)
            if replacement is not child:
                setattr(module, name, replacement)
        return module
