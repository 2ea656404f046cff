"""Models that are compared with torchvision's, and the values that their parameters get in both libraries."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_VALUES = np.random.RandomState(0).standard_normal(9973)  # a prime number of them, so that rows of a matrix differ

# Models of torchvision by the expression that makes them in full size; only names and shapes are compared.
CATALOGUE = (
    *("resnet18()", "resnet34()", "resnet50()", "resnet101()", "resnet152()"),
    *("resnext50_32x4d()", "resnext101_32x8d()", "wide_resnet50_2()", "wide_resnet101_2()"),
    *("vgg11()", "vgg13()", "vgg16()", "vgg19()", "vgg11_bn()", "vgg13_bn()", "vgg16_bn()", "vgg19_bn()"),
    *("alexnet()", "mobilenet_v2()", "efficientnet_b0()", "densenet121()", "squeezenet1_0()", "squeezenet1_1()"),
    *("vit_b_16()", "vit_b_16(representation_size=8)"),
    *("deeplabv3_resnet50()", "deeplabv3_resnet101(num_classes=4, aux_loss=True)", "ssd300_vgg16(num_classes=5)"),
)

_NARROW_VGG = "m.classifier[0], m.classifier[3], m.classifier[6] = linear(25088, 16), linear(16, 16), linear(16, 10)"
_NARROW_ALEXNET = "m.classifier[1], m.classifier[4], m.classifier[6] = linear(9216, 16), linear(16, 16), linear(16, 10)"

_NARROW_STAGES = ", ".join(
    f"conv({a}, {b}), relu(), pool(2)" for a, b in ((3, 4), (4, 8), (8, 16), (16, 512), (512, 512))
)
_DILATED = "replace_stride_with_dilation=[False, True, True]"

# What makes a model `m`, what is changed in it to make it small, and the shape of its input.
CASES = (
    ("resnet18(num_classes=10)", "", (2, 3, 32, 32)),
    ("resnet50(num_classes=10, replace_stride_with_dilation=[False, True, True])", "", (1, 3, 32, 32)),
    ("resnext50_32x4d(num_classes=10)", "", (1, 3, 32, 32)),
    ("ResNet(Bottleneck, [1, 1, 1, 1], num_classes=10, width_per_group=128)", "", (1, 3, 32, 32)),
    ("vgg11()", _NARROW_VGG, (1, 3, 32, 32)),
    ("vgg13_bn()", _NARROW_VGG, (1, 3, 32, 32)),
    ("alexnet()", _NARROW_ALEXNET, (1, 3, 64, 64)),
    ("mobilenet_v2(num_classes=10, width_mult=0.35)", "", (2, 3, 32, 32)),
    ("efficientnet_b0(num_classes=10)", "", (1, 3, 32, 32)),
    ("DenseNet(8, (2, 3, 2), 16, num_classes=10)", "", (2, 3, 32, 32)),
    ("squeezenet1_0(num_classes=10)", "", (1, 3, 33, 35)),
    ("squeezenet1_1(num_classes=10)", "", (1, 3, 33, 35)),
    ("VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=10)", "", (2, 3, 32, 32)),
    (f"on_resnet(ResNet(Bottleneck, [1, 1, 1, 1], {_DILATED}), 4, True)", "", (1, 3, 32, 40)),
    (f"SSDFeatureExtractorVGG(sequential({_NARROW_STAGES}))", "", (1, 3, 300, 300)),
)


def value_of(name: str, shape: Sequence[int]) -> Array:
    """What the parameter or buffer of a name gets: of a scale that keeps values alive through many layers."""
    values = np.resize(np.roll(_VALUES, zlib.crc32(name.encode()) % _VALUES.size), shape)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var"):
        return 0.5 + abs(values)
    if len(shape) > 1:
        return values / np.sqrt(np.prod(shape[1:]))
    return 1 + 0.2 * values if name.endswith("weight") else 0.2 * values


def sampled(values: Array) -> Array:
    """At most some thousand of many values."""
    return values if values.size < 8000 else values.reshape(-1)[:: values.size // 1000]


# A small detector.
DETECTOR = (
    "SSD(getter(ResNet(BasicBlock, [1, 1, 1, 1]), {'layer2': '0', 'layer3': '1', 'layer4': '2'}), "
    "DefaultBoxGenerator([[2], [2, 3], [2]], scales=[0.1, 0.3, 0.6, 0.9], steps=[8, 16, 32]), (64, 96), 5, "
    "detections_per_img=12)"
)
# Images of these sizes, and the objects in them, that SSD is trained on and looks at.
DETECTION_SIZES = ((50, 80), (110, 100))
DETECTION_TARGETS = (
    ([[3.0, 5.0, 30.0, 45.0], [50.0, 3.0, 75.0, 23.0], [8.0, 8.0, 10.0, 11.0]], [1, 3, 2]),
    ([[5.0, 30.0, 83.0, 105.0]], [4]),
)


def detection_image(number: int) -> Array:
    """An image (3, height, width) with values from 0 to 1, in float64."""
    height, width = DETECTION_SIZES[number]
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (7 + 5 * c + number)) * np.cos(y / (11 + 3 * c)) for c in range(3)]
    return np.asarray(0.5 + 0.5 * np.stack(waves))


def digest(state: Iterable[tuple[str, Sequence[int]]]) -> str:
    """The SHA-256 of names and shapes in order."""
    return hashlib.sha256("\n".join(f"{name} {tuple(shape)}" for name, shape in state).encode()).hexdigest()
