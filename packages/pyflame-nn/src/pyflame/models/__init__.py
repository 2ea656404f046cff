"""Models, with torchvision's and Hugging Face's parameter names."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .cnn import CNN as CNN
from .lenet import LeNet as LeNet
from .mlp import MLP as MLP
from .resnet import (
    BasicBlock as BasicBlock,
    Bottleneck as Bottleneck,
    ResNet as ResNet,
    resnet18 as resnet18,
    resnet34 as resnet34,
    resnet50 as resnet50,
    resnet101 as resnet101,
    resnet152 as resnet152,
    resnext50_32x4d as resnext50_32x4d,
    resnext101_32x8d as resnext101_32x8d,
    wide_resnet50_2 as wide_resnet50_2,
    wide_resnet101_2 as wide_resnet101_2,
)

ResNet18, ResNet34, ResNet50, ResNet101, ResNet152 = resnet18, resnet34, resnet50, resnet101, resnet152
ResNeXt50_32x4d, ResNeXt101_32x8d = resnext50_32x4d, resnext101_32x8d
WideResNet50_2, WideResNet101_2 = wide_resnet50_2, wide_resnet101_2
