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
}

BUILTIN = tuple(
    ModelInfo(name, description, tags, f"pyflame.models:{factory}")
    for name, (description, tags, factory) in _TABLE.items()
)
