"""The models that PyFlame brings along."""

from __future__ import annotations

from .registry import ModelInfo

_CLASSIFIER = ("vision", "classification")

# name -> (description, tags, what makes it)
_TABLE = {
    "mlp": ("Multi-layer perceptron.", ("tabular", "classification"), "MLP"),
    "cnn": ("Small convolutional network for images of any size.", _CLASSIFIER, "CNN"),
    "lenet": ("LeNet-5 for images of 28 by 28 pixels.", _CLASSIFIER, "LeNet"),
    "resnet18": ("Residual network of 18 layers.", _CLASSIFIER, "resnet18"),
    "resnet34": ("Residual network of 34 layers.", _CLASSIFIER, "resnet34"),
    "resnet50": ("Residual network of 50 layers.", _CLASSIFIER, "resnet50"),
    "resnet101": ("Residual network of 101 layers.", _CLASSIFIER, "resnet101"),
    "resnet152": ("Residual network of 152 layers.", _CLASSIFIER, "resnet152"),
    "resnext50_32x4d": ("Residual network with 32 groups of width 4.", _CLASSIFIER, "resnext50_32x4d"),
    "resnext101_32x8d": ("Residual network with 32 groups of width 8.", _CLASSIFIER, "resnext101_32x8d"),
    "wide_resnet50_2": ("Residual network of 50 layers, twice as wide.", _CLASSIFIER, "wide_resnet50_2"),
    "wide_resnet101_2": ("Residual network of 101 layers, twice as wide.", _CLASSIFIER, "wide_resnet101_2"),
    "alexnet": ("AlexNet with one path.", _CLASSIFIER, "alexnet"),
    **{f"vgg{n}": (f"VGG network of {n} layers.", _CLASSIFIER, f"vgg{n}") for n in (11, 13, 16, 19)},
    **{
        f"vgg{n}_bn": (f"VGG network of {n} layers with batch norm.", _CLASSIFIER, f"vgg{n}_bn")
        for n in (11, 13, 16, 19)
    },
    "mobilenet_v2": ("MobileNetV2, small and quick.", _CLASSIFIER, "mobilenet_v2"),
    "efficientnet_b0": ("EfficientNet-B0.", _CLASSIFIER, "efficientnet_b0"),
    "densenet121": ("Densely connected network of 121 layers.", _CLASSIFIER, "densenet121"),
    "squeezenet1_0": ("SqueezeNet 1.0, with few parameters.", _CLASSIFIER, "squeezenet1_0"),
    "squeezenet1_1": ("SqueezeNet 1.1, with few parameters and less to compute.", _CLASSIFIER, "squeezenet1_1"),
    "vit_b_16": ("Base Vision Transformer for patches of 16 by 16 pixels.", _CLASSIFIER, "vit_b_16"),
}

BUILTIN = tuple(
    ModelInfo(name, description, tags, f"pyflame.models:{factory}")
    for name, (description, tags, factory) in _TABLE.items()
)
