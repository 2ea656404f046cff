"""Batch normalization, as it is in evaluation, folded into the layer before it."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

from pyflame import Tensor, no_grad, ones_like, rsqrt, zeros_like

from ..batchnorm import BatchNorm
from ..conv import Kernels
from ..linear import Linear
from ..parameter import Parameter

Folded = TypeVar("Folded", Kernels, Linear)


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Return kernels and bias of the convolution that does what a convolution and a batch normalization did.

    Args:
        conv_w: (out, in, ...), or (in, out, ...) with `transpose`.
        conv_b: (out,), zero if None.
        bn_rm: (out,), the running mean.
        bn_rv: (out,), the running variance.
        bn_eps: what is added to the variance.
        bn_w: (out,), one if None.
        bn_b: (out,), zero if None.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> one = pf.ones(1)
        >>> weight, bias = nn.utils.fuse_conv_bn_weights(pf.ones(1, 1, 1), None, one, 4 * one, 0.0, 2 * one, one)
        >>> weight.item(), bias.item()
        (1.0, 0.0)
    """
    with no_grad():
        mean, scale = bn_rm.detach(), rsqrt(bn_rv.detach() + bn_eps)
        bias = zeros_like(mean) if conv_b is None else conv_b.detach()
        scale = (ones_like(mean) if bn_w is None else bn_w.detach()) * scale
        shift = zeros_like(mean) if bn_b is None else bn_b.detach()
        shape = (1, -1) if transpose else (-1, 1)
        weight = conv_w.detach() * scale.reshape(shape + (1,) * (conv_w.ndim - 2)).to(conv_w.dtype)
        bias = ((bias - mean) * scale + shift).to(bias.dtype)
    wanted = (tensor is None or tensor.requires_grad for tensor in (conv_w, conv_b))
    return Parameter(weight, next(wanted)), Parameter(bias, next(wanted))


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of a linear layer with the batch normalization after it; see `fuse_conv_bn_weights`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> one = pf.ones(1)
        >>> weight, bias = nn.utils.fuse_linear_bn_weights(pf.ones(1, 2), one, one, one, 0.0, None, 3 * one)
        >>> weight.tolist(), bias.item()
        ([[1.0, 1.0]], 3.0)
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _statistics(op: str, layer: Folded, bn: BatchNorm) -> tuple[Tensor, Tensor]:
    if layer.training or bn.training:
        raise AssertionError(f"[{op}] a layer is in training mode: call eval() on both before they are fused")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(f"[{op}] the batch normalization has no running statistics: nothing can be folded")
    return bn.running_mean, bn.running_var


def fuse_conv_bn_eval(conv: Kernels, bn: BatchNorm, transpose: bool = False) -> Kernels:
    """Return a copy of a convolution that does what it and the batch normalization after it do in evaluation.

    Args:
        transpose: the convolution is a transposed one.

    Raises:
        AssertionError: a layer is in training mode, or there are no running statistics.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> conv, norm = nn.Conv2d(3, 4, 3).eval(), nn.BatchNorm2d(4).eval()
        >>> x = pf.randn(2, 3, 8, 8)
        >>> pf.allclose(nn.utils.fuse_conv_bn_eval(conv, norm)(x), norm(conv(x)), atol=1e-5)
        True
    """
    mean, variance = _statistics("fuse_conv_bn_eval", conv, bn)
    fused = deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, mean, variance, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: Linear, bn: BatchNorm) -> Linear:
    """Return a copy of a linear layer that does what it and the batch normalization after it do in evaluation.

    Raises:
        AssertionError: a layer is in training mode, there are no running statistics, or the sizes differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> linear, norm = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4).eval()
        >>> x = pf.randn(2, 3)
        >>> pf.allclose(nn.utils.fuse_linear_bn_eval(linear, norm)(x), norm(linear(x)), atol=1e-5)
        True
    """
    mean, variance = _statistics("fuse_linear_bn_eval", linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            f"[fuse_linear_bn_eval] the layer has {linear.out_features} outputs, the batch normalization "
            f"{bn.num_features} features"
        )
    fused = deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        linear.weight, linear.bias, mean, variance, bn.eps, bn.weight, bn.bias
    )
    return fused
