"""Models of everyday size in the style both libraries share: `nn` is torch.nn or pyflame.nn, `lib` torch or pyflame."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from .contest import Array

Build = Callable[[ModuleType, Any], Any]


def convolutions(nn: ModuleType, lib: Any) -> Any:
    """The usual first network for 28 x 28 digits."""
    first = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10))


def residual(nn: ModuleType, lib: Any) -> Any:
    """A ResNet of basic blocks, the first without a stride, for small images."""

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
            self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
            self.relu, self.skip = nn.ReLU(), nn.Identity()
            if stride != 1 or inputs != outputs:
                self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
            return self.relu(y + self.skip(x))

    stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    blocks = [Block(64, 64, 1), Block(64, 128, 2), Block(128, 256, 2), Block(256, 512, 2)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def depthwise(nn: ModuleType, lib: Any) -> Any:
    """A MobileNet of depthwise and pointwise convolutions."""

    def pair(inputs: int, outputs: int, stride: int) -> list[Any]:
        by_channel = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        by_pixel = nn.Conv2d(inputs, outputs, 1, bias=False)
        return [by_channel, nn.BatchNorm2d(inputs), nn.ReLU6(), by_pixel, nn.BatchNorm2d(outputs), nn.ReLU6()]

    sizes = ((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1))
    stem = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()]
    pairs = [layer for size in sizes for layer in pair(*size)]
    return nn.Sequential(*stem, *pairs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def vision_transformer(nn: ModuleType, lib: Any) -> Any:
    class Vision(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True)
            self.patches = nn.Conv2d(3, 128, 4, 4)
            self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.encoder(self.patches(x).flatten(2).transpose(1, 2)).mean(1))

    return Vision()


def recurrent(nn: ModuleType, lib: Any) -> Any:
    """An LSTM that classifies sequences of words."""

    class Classifier(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.lstm = nn.Embedding(5000, 64), nn.LSTM(64, 128, batch_first=True)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(self.words(x))[0][:, -1])

    return Classifier()


def segmentation(nn: ModuleType, lib: Any) -> Any:
    """One level of a U-Net, with a transposed convolution."""

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.down = nn.Conv2d(3, 32, 3, 1, 1), nn.Conv2d(32, 64, 3, 2, 1)
            self.deep, self.up = nn.Conv2d(64, 64, 3, 1, 1), nn.ConvTranspose2d(64, 32, 2, 2)
            self.head, self.relu = nn.Conv2d(64, 10, 3, 1, 1), nn.ReLU()

        def forward(self, x: Any) -> Any:
            wide = self.relu(self.enter(x))
            deep = self.relu(self.deep(self.relu(self.down(wide))))
            return self.head(lib.cat([wide, self.up(deep)], 1))

    return Net()


def perceptron(nn: ModuleType, lib: Any) -> Any:
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def normalized_perceptron(nn: ModuleType, lib: Any, dropout: float = 0.1) -> Any:
    first = [nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(dropout)]
    second = [nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU()]
    return nn.Sequential(*first, *second, nn.Linear(256, 10))


def temporal(nn: ModuleType, lib: Any) -> Any:
    """Convolutions along a sequence, the last one dilated."""
    first = [nn.Conv1d(8, 64, 5, padding=2), nn.ReLU(), nn.Conv1d(64, 64, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)]
    second = [nn.Conv1d(64, 64, 5, padding=4, dilation=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten()]
    return nn.Sequential(*first, *second, nn.Linear(64, 10))


_rng = np.random.default_rng(0)


def _normal(*shape: int) -> Array:
    return _rng.standard_normal(shape, dtype=np.float32)


def _classes(count: int, *shape: int) -> Array:
    return _rng.integers(0, count, shape)


# Name, model, inputs, classes.
MODELS: list[tuple[str, Build, Array, Array]] = [
    ("MNIST CNN, batch 64", convolutions, _normal(64, 1, 28, 28), _classes(10, 64)),
    ("ResNet-18-like, 8 x 32 x 32", residual, _normal(8, 3, 32, 32), _classes(10, 8)),
    ("MobileNet-like, 8 x 64 x 64", depthwise, _normal(8, 3, 64, 64), _classes(10, 8)),
    ("ViT, 16 x 32 x 32", vision_transformer, _normal(16, 3, 32, 32), _classes(10, 16)),
    ("LSTM classifier, 32 x 64", recurrent, _classes(5000, 32, 64), _classes(10, 32)),
    ("U-Net-like, 2 x 64 x 64", segmentation, _normal(2, 3, 64, 64), _classes(10, 2, 64, 64)),
    ("MLP 64-256-256-10, batch 32", perceptron, _normal(32, 64), _classes(10, 32)),
    ("MLP, batch norm, dropout, batch 32", normalized_perceptron, _normal(32, 64), _classes(10, 32)),
    ("Conv1d, 16 x 8 x 256", temporal, _normal(16, 8, 256), _classes(10, 16)),
]
