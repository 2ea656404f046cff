"""Residual networks (He et al., 2015), with the groups of ResNeXt (Xie et al., 2016) and the width of Wide ResNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyflame import Tensor, nn

from .weights import Weights, with_weights

Norm = Callable[[int], nn.Module]


def conv3x3(inputs: int, outputs: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, groups=groups, bias=False)


def conv1x1(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Args:
        inplanes: channels of the input.
        planes: channels of the output.
        stride: of the first convolution.
        downsample: what the shortcut applies, if the shapes of input and output differ.

    Raises:
        ValueError: groups, another width or dilation, which only `Bottleneck` has.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.BasicBlock(8, 8)(pf.randn(1, 8, 4, 4)).shape
        pyflame.Size([1, 8, 4, 4])
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64 or dilation != 1:
            raise ValueError(
                f"[resnet] {groups} groups, width {base_width}, dilation {dilation}: BasicBlock has 1 group, width 64 "
                f"and no dilation; use Bottleneck"
            )
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))

    def last_norm(self) -> nn.Module:
        """The norm before the sum, whose weight is zero where blocks start as identities."""
        return self.bn2


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones that lower and raise the number of channels, beside a shortcut.

    Args:
        inplanes: channels of the input.
        planes: a quarter of the channels of the output.
        stride: of the 3x3 convolution.
        downsample: what the shortcut applies, if the shapes of input and output differ.
        groups: of the 3x3 convolution.
        base_width: channels of the 3x3 convolution per group and 64 planes.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.Bottleneck(32, 8)(pf.randn(1, 32, 4, 4)).shape
        pyflame.Size([1, 32, 4, 4])
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))

    def last_norm(self) -> nn.Module:
        """The norm before the sum, whose weight is zero where blocks start as identities."""
        return self.bn3


class ResNet(nn.Module):
    """A residual network for images (batch, 3, height, width), with torchvision's names and first values.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: blocks in each of the four stages.
        num_classes: features of the output.
        zero_init_residual: let every block start as an identity.
        groups: of the 3x3 convolutions of `Bottleneck`.
        width_per_group: their channels per group and 64 planes.
        replace_stride_with_dilation: for each of the last three stages, keep the size and dilate instead.
        norm_layer: makes a norm of a number of channels; batch norm by default.

    Raises:
        ValueError: not three values in `replace_stride_with_dilation`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.ResNet(models.BasicBlock, [1, 1, 1, 1], num_classes=10).eval()
        >>> model(pf.randn(2, 3, 32, 32)).shape
        pyflame.Size([2, 10])
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilated = (False, False, False) if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilated) != 3:
            raise ValueError(f"[resnet] replace_stride_with_dilation has {len(dilated)} values: expected 3")
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation = 64, 1
        self.groups, self.base_width = groups, width_per_group
        self.conv1 = nn.Conv2d(3, self.inplanes, 7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilated[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilated[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilated[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._reset(zero_init_residual)

    def _make_layer(
        self, block: type[BasicBlock | Bottleneck], planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        """A stage: its first block changes size and channels."""
        before = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        outputs = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != outputs:
            downsample = nn.Sequential(conv1x1(self.inplanes, outputs, stride), self._norm_layer(outputs))
        rest = (self.groups, self.base_width)
        made: list[nn.Module] = [block(self.inplanes, planes, stride, downsample, *rest, before, self._norm_layer)]
        self.inplanes = outputs
        for _ in range(1, blocks):
            made.append(block(outputs, planes, 1, None, *rest, self.dilation, self._norm_layer))
        return nn.Sequential(*made)

    def _reset(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if zero_init_residual and isinstance(module, BasicBlock | Bottleneck):
                nn.init.zeros_(module.last_norm().get_parameter("weight"))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> ResNet:
    """Make ResNet-18.

    Args:
        pretrained: load the weights that are registered for it; see `pyflame.hub`.
        weights: a file, or the name of registered weights.
        progress: show the progress of a download.
        options: for `ResNet`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> sum(parameter.numel() for parameter in models.resnet18().parameters())
        11689512
    """
    return with_weights("resnet18", ResNet(BasicBlock, [2, 2, 2, 2], **options), pretrained, weights, progress)


def resnet34(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> ResNet:
    """Make ResNet-34; the arguments are those of `resnet18`."""
    return with_weights("resnet34", ResNet(BasicBlock, [3, 4, 6, 3], **options), pretrained, weights, progress)


def resnet50(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> ResNet:
    """Make ResNet-50, with the stride in the 3x3 convolutions; the arguments are those of `resnet18`."""
    return with_weights("resnet50", ResNet(Bottleneck, [3, 4, 6, 3], **options), pretrained, weights, progress)


def resnet101(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> ResNet:
    """Make ResNet-101; the arguments are those of `resnet18`."""
    return with_weights("resnet101", ResNet(Bottleneck, [3, 4, 23, 3], **options), pretrained, weights, progress)


def resnet152(pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any) -> ResNet:
    """Make ResNet-152; the arguments are those of `resnet18`."""
    return with_weights("resnet152", ResNet(Bottleneck, [3, 8, 36, 3], **options), pretrained, weights, progress)


def resnext50_32x4d(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> ResNet:
    """Make ResNeXt-50 with 32 groups of width 4; the arguments are those of `resnet18`."""
    model = ResNet(Bottleneck, [3, 4, 6, 3], groups=32, width_per_group=4, **options)
    return with_weights("resnext50_32x4d", model, pretrained, weights, progress)


def resnext101_32x8d(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> ResNet:
    """Make ResNeXt-101 with 32 groups of width 8; the arguments are those of `resnet18`."""
    model = ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=8, **options)
    return with_weights("resnext101_32x8d", model, pretrained, weights, progress)


def wide_resnet50_2(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> ResNet:
    """Make Wide ResNet-50-2, whose 3x3 convolutions are twice as wide; the arguments are those of `resnet18`."""
    model = ResNet(Bottleneck, [3, 4, 6, 3], width_per_group=128, **options)
    return with_weights("wide_resnet50_2", model, pretrained, weights, progress)


def wide_resnet101_2(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> ResNet:
    """Make Wide ResNet-101-2; the arguments are those of `resnet18`."""
    model = ResNet(Bottleneck, [3, 4, 23, 3], width_per_group=128, **options)
    return with_weights("wide_resnet101_2", model, pretrained, weights, progress)
