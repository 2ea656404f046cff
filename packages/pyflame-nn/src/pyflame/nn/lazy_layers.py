"""Linear layers and convolutions that take the size of their input from the first one."""

from __future__ import annotations

from typing import Any

from pyflame import DType, Tensor

from .conv import Conv1d, Conv2d, Conv3d, Convolution, Kernels
from .lazy import LazyModuleMixin
from .linear import Linear
from .pair import Extent
from .parameter import UninitializedParameter
from .transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, TransposedConvolution


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` whose `in_features` is the last size of its first input.

    Args:
        out_features: size of the last dimension of the output.
        bias: whether to add a bias.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.LazyLinear(5)
        >>> layer(pf.ones(2, 3)).shape
        pyflame.Size([2, 5])
        >>> layer
        Linear(in_features=3, out_features=5, bias=True)
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights and biases, if there are any yet."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Materialize weight and bias for an input."""
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            for parameter, shape in (
                (self.weight, (self.out_features, self.in_features)),
                (self.bias, (self.out_features,)),
            ):
                if isinstance(parameter, UninitializedParameter):
                    parameter.materialize(shape)
            self.reset_parameters()
        self.in_features = self.weight.shape[-1]


class _LazyKernels(LazyModuleMixin, Kernels):
    """What lazy convolutions share; `_lazy` takes the place of their sizes, and the first input gives them."""

    def _lazy(self, out_channels: int, bias: bool, device: Any, dtype: DType | None) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if out_channels % self.groups:
            raise ValueError(f"[{self._op()}] {out_channels} channels do not divide into {self.groups} groups")
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights and biases, if there are any yet."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Materialize kernels and bias for an input."""
        if self.has_uninitialized_params():
            if input.ndim not in (self.rank + 1, self.rank + 2):
                raise RuntimeError(
                    f"[{self._op()}] input has shape {tuple(input.shape)}: expected {self.rank + 1} or {self.rank + 2} "
                    f"dimensions"
                )
            self.in_channels = input.shape[-self.rank - 1]
            if self.in_channels % self.groups:
                raise ValueError(f"[{self._op()}] {self.in_channels} channels do not divide into {self.groups} groups")
            transposed = isinstance(self, TransposedConvolution)
            first, second = (
                (self.in_channels, self.out_channels) if transposed else (self.out_channels, self.in_channels)
            )
            shapes = (
                (self.weight, (first, second // self.groups, *self.kernel_size)),
                (self.bias, (self.out_channels,)),
            )
            for parameter, shape in shapes:
                if isinstance(parameter, UninitializedParameter):
                    parameter.materialize(shape)
            self.reset_parameters()
        elif not self.in_channels:  # the values were loaded
            transposed = isinstance(self, TransposedConvolution)
            self.in_channels = self.weight.shape[0] if transposed else self.weight.shape[1] * self.groups


class _LazyConvolution(_LazyKernels, Convolution):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Extent,
        stride: Extent = 1,
        padding: Extent | str = 0,
        dilation: Extent = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._lazy(out_channels, bias, device, dtype)


class _LazyTransposed(_LazyKernels, TransposedConvolution):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Extent,
        stride: Extent = 1,
        padding: Extent = 0,
        output_padding: Extent = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Extent = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode)
        self._lazy(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConvolution, Conv1d):
    """A `Conv1d` whose `in_channels` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LazyConv1d(4, 3)(pf.ones(2, 3, 6)).shape
        pyflame.Size([2, 4, 4])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConvolution, Conv2d):
    """A `Conv2d` whose `in_channels` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LazyConv2d(4, 3)(pf.ones(2, 3, 6, 6)).shape
        pyflame.Size([2, 4, 4, 4])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConvolution, Conv3d):
    """A `Conv3d` whose `in_channels` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LazyConv3d(4, 3)(pf.ones(2, 3, 6, 6, 6)).shape
        pyflame.Size([2, 4, 4, 4, 4])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A `ConvTranspose1d` whose `in_channels` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LazyConvTranspose1d(4, 3)(pf.ones(2, 3, 6)).shape
        pyflame.Size([2, 4, 8])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A `ConvTranspose2d` whose `in_channels` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LazyConvTranspose2d(4, 3)(pf.ones(2, 3, 6, 6)).shape
        pyflame.Size([2, 4, 8, 8])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A `ConvTranspose3d` whose `in_channels` is that of its first input; the other arguments are the same.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LazyConvTranspose3d(4, 3)(pf.ones(2, 3, 6, 6, 6)).shape
        pyflame.Size([2, 4, 8, 8, 8])
    """

    cls_to_become = ConvTranspose3d
