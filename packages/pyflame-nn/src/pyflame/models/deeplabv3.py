"""DeepLabV3 (Chen et al., 2017): classes of pixels, seen at several scales by dilated convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .resnet import ResNet, resnet50, resnet101
from .weights import Weights, with_weights


class IntermediateLayerGetter(nn.ModuleDict):
    """The first children of a model, called one after another, and what some of them give.

    Args:
        model: whose children are used, up to the last one that is asked for.
        return_layers: child -> name of its output.

    Raises:
        ValueError: the model has no such child.
    """

    def __init__(self, model: nn.Module, return_layers: Mapping[str, str]) -> None:
        children = dict(model.named_children())
        unknown = [name for name in return_layers if name not in children]
        if unknown:
            raise ValueError(f"[segmentation] {type(model).__name__} has no {', '.join(unknown)}")
        last = max(list(children).index(name) for name in return_layers)
        super().__init__(dict(list(children.items())[: last + 1]))
        self.return_layers = dict(return_layers)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, child in self.named_children():
            x = child(x)
            if name in self.return_layers:
                found[self.return_layers[name]] = x
        return found


def conv_norm_relu(inputs: int, outputs: int, kernel_size: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation if kernel_size == 3 else 0
    conv = nn.Conv2d(inputs, outputs, kernel_size, padding=padding, dilation=dilation, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


class ASPPPooling(nn.Sequential):
    """The mean of the whole image at each pixel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), *conv_norm_relu(in_channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        mean: Tensor = super().forward(x)
        return F.interpolate(mean, tuple(x.shape[-2:]), mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    """Convolutions of several dilations side by side, and the mean of the whole."""

    def __init__(self, in_channels: int, rates: Sequence[int], out_channels: int = 256) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Sequential(*conv_norm_relu(in_channels, out_channels, 1)),
                *(nn.Sequential(*conv_norm_relu(in_channels, out_channels, 3, rate)) for rate in rates),
                ASPPPooling(in_channels, out_channels),
            ]
        )
        joined = conv_norm_relu(len(self.convs) * out_channels, out_channels, 1)
        self.project = nn.Sequential(*joined, nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.project(pf.cat([conv(x) for conv in self.convs], 1))


class DeepLabHead(nn.Sequential):
    """Classes of pixels from features of a backbone.

    Args:
        in_channels: channels of the features.
        num_classes: channels of the output.
        atrous_rates: dilations.
    """

    def __init__(self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)) -> None:
        last = nn.Conv2d(256, num_classes, 1)
        super().__init__(ASPP(in_channels, atrous_rates), *conv_norm_relu(256, 256, 3), last)


class FCNHead(nn.Sequential):
    """Classes of pixels from features, by two convolutions; used to train the middle of a backbone."""

    def __init__(self, in_channels: int, channels: int) -> None:
        inner = in_channels // 4
        super().__init__(*conv_norm_relu(in_channels, inner, 3), nn.Dropout(0.1), nn.Conv2d(inner, channels, 1))


class DeepLabV3(nn.Module):
    """DeepLabV3 for images (batch, 3, height, width), with torchvision's names.

    Args:
        backbone: gives a dict of features, "out" and perhaps "aux".
        classifier: makes classes of "out".
        aux_classifier: makes classes of "aux", to be trained beside.

    Gives a dict: "out", (batch, classes, height, width), and "aux" of the same shape if there is that classifier.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> net = models.ResNet(models.Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True])
        >>> model = models.deeplabv3.on_resnet(net, num_classes=4).eval()
        >>> model(pf.randn(1, 3, 32, 40))["out"].shape
        pyflame.Size([1, 4, 32, 40])
    """

    def __init__(self, backbone: nn.Module, classifier: nn.Module, aux_classifier: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone, self.classifier, self.aux_classifier = backbone, classifier, aux_classifier

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        size = tuple(x.shape[-2:])
        features = self.backbone(x)
        classes = {"out": self.classifier(features["out"])}
        if self.aux_classifier is not None:
            classes["aux"] = self.aux_classifier(features["aux"])
        return {name: F.interpolate(y, size, mode="bilinear", align_corners=False) for name, y in classes.items()}


def on_resnet(network: ResNet, num_classes: int = 21, aux_loss: bool = False) -> DeepLabV3:
    """Make DeepLabV3 with a ResNet as its backbone.

    Args:
        network: made of `Bottleneck`, with dilation in its last two stages.
        num_classes: channels of the output.
        aux_loss: also classify what the third stage gives.
    """
    layers = {"layer4": "out", **({"layer3": "aux"} if aux_loss else {})}
    backbone = IntermediateLayerGetter(network, layers)
    return DeepLabV3(backbone, DeepLabHead(2048, num_classes), FCNHead(1024, num_classes) if aux_loss else None)


def deeplabv3_resnet50(
    pretrained: bool = False,
    *,
    weights: Weights = None,
    progress: bool = True,
    num_classes: int = 21,
    aux_loss: bool = False,
    weights_backbone: Weights = None,
    **options: Any,
) -> DeepLabV3:
    """Make DeepLabV3 with a ResNet-50 backbone.

    Args:
        pretrained: load the weights that are registered for it; see `pyflame.hub`.
        weights: a file, or the name of registered weights.
        progress: show the progress of a download.
        num_classes: channels of the output.
        aux_loss: also classify what the third stage gives.
        weights_backbone: the same as `weights` for the backbone alone.
        options: for `ResNet`.
    """
    options = {"replace_stride_with_dilation": [False, True, True], **options}
    network = resnet50(weights=weights_backbone, progress=progress, **options)
    return with_weights("deeplabv3_resnet50", on_resnet(network, num_classes, aux_loss), pretrained, weights, progress)


def deeplabv3_resnet101(
    pretrained: bool = False,
    *,
    weights: Weights = None,
    progress: bool = True,
    num_classes: int = 21,
    aux_loss: bool = False,
    weights_backbone: Weights = None,
    **options: Any,
) -> DeepLabV3:
    """Make DeepLabV3 with a ResNet-101 backbone; the arguments are those of `deeplabv3_resnet50`."""
    options = {"replace_stride_with_dilation": [False, True, True], **options}
    network = resnet101(weights=weights_backbone, progress=progress, **options)
    return with_weights("deeplabv3_resnet101", on_resnet(network, num_classes, aux_loss), pretrained, weights, progress)
