"""Normalization layers that treat every sample for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyflame import DType, Tensor, ones, zeros

from . import functional as F, init
from .module import Module
from .parameter import Parameter


class Scaled(Module):
    """What these layers share: an optional weight that starts at one and an optional bias that starts at zero."""

    weight: Parameter | None
    bias: Parameter | None

    def _scale(self, shape: Any, weight: bool, bias: bool | None, device: Any, dtype: DType | None) -> None:
        self.register_parameter("weight", Parameter(ones(shape, device=device, dtype=dtype)) if weight else None)
        if bias is not None:
            self.register_parameter("bias", Parameter(zeros(shape, device=device, dtype=dtype)) if bias else None)

    def reset_parameters(self) -> None:
        """Set the weight to one and the bias to zero."""
        if self.weight is not None:
            init.ones_(self.weight)
        if "bias" in self._parameters and self.bias is not None:
            init.zeros_(self.bias)


class LayerNorm(Scaled):
    """Normalizes over the last dimensions (Ba, Kiros, Hinton, 2016).

    Args:
        normalized_shape: the sizes of these dimensions.
        eps: what is added to the variance.
        elementwise_affine: whether to learn a weight for each element.
        bias: whether to learn a bias beside it.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LayerNorm(2)(pf.tensor([[1.0, 3.0]])).round(decimals=3).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._scale(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Scaled):
    """Divides by the root of the mean square over the last dimensions (Zhang, Sennrich, 2019).

    Args:
        normalized_shape: the sizes of these dimensions.
        eps: what is added to the mean square; None for the distance from 1 to the next number of the dtype.
        elementwise_affine: whether to learn a weight for each element.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.RMSNorm(2)(pf.tensor([[3.0, 3.0]])).tolist()
        [[1.0, 1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._scale(self.normalized_shape, elementwise_affine, None, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Scaled):
    """Normalizes each group of channels of each sample (Wu, He, 2018).

    Args:
        num_groups: divides the channels.
        num_channels: size of dimension 1.
        eps: what is added to the variance.
        affine: whether to learn a weight for each channel.
        bias: whether to learn a bias beside it.

    Raises:
        ValueError: the channels do not divide into the groups.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GroupNorm(2, 6)(pf.randn(4, 6, 5, 5)).shape
        pyflame.Size([4, 6, 5, 5])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"[group_norm] {num_channels} channels do not divide into {num_groups} groups")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._scale(num_channels, affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divides by a power of the mean square of neighbouring channels (Krizhevsky et al., 2012).

    Args:
        size: how many channels count as neighbours.
        alpha: factor of the mean square.
        beta: the exponent.
        k: what is added before raising to the exponent.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LocalResponseNorm(2)(pf.ones(1, 4, 3, 3)).shape
        pyflame.Size([1, 4, 3, 3])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
