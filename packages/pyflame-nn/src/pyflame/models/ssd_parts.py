"""The parts of SSD: features of several sizes, boxes placed on them, and what is told of each box."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyflame as pf
from pyflame import DType, Tensor, nn
from pyflame.nn import functional as F


def draw(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class DefaultBoxGenerator:
    """Places boxes of several shapes at each place of features.

    Args:
        aspect_ratios: for each of the features, ratios of width and height beside 1; each is used both ways.
        scales: of the boxes on each of the features, as parts of the image, and one more.
        steps: pixels from one place to the next on each of the features.

    Raises:
        ValueError: the numbers of ratios, scales and steps do not fit.
    """

    def __init__(
        self, aspect_ratios: Sequence[Sequence[float]], scales: Sequence[float], steps: Sequence[int] | None = None
    ) -> None:
        count = len(aspect_ratios)
        if len(scales) != count + 1 or (steps is not None and len(steps) != count):
            raise ValueError(
                f"[ssd] ratios for {count} features, {len(scales)} scales and {count if steps is None else len(steps)} "
                f"steps: expected one scale more and as many steps"
            )
        self.steps = steps
        self.shapes: list[list[tuple[float, float]]] = []
        for ratios, scale, larger in zip(aspect_ratios, scales, scales[1:]):
            middle = math.sqrt(scale * larger)
            shapes = [(scale, scale), (middle, middle)]
            for ratio in ratios:
                long, short = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
                shapes += [(long, short), (short, long)]
            self.shapes.append([(min(w, 1.0), min(h, 1.0)) for w, h in shapes])

    def num_anchors_per_location(self) -> list[int]:
        """Return how many boxes each of the features has at a place."""
        return [len(shapes) for shapes in self.shapes]

    def __call__(self, grids: Sequence[tuple[int, ...]], size: tuple[int, int], dtype: DType) -> Tensor:
        """Return all boxes in an image of a size (height, width), for features of these heights and widths."""
        made = []
        for place, ((rows, columns), shapes) in enumerate(zip(grids, self.shapes)):
            down, across = (rows, columns) if self.steps is None else (side / self.steps[place] for side in size)
            y = ((pf.arange(rows, dtype=dtype) + 0.5) / down)[:, None, None].expand(rows, columns, len(shapes))
            x = ((pf.arange(columns, dtype=dtype) + 0.5) / across)[None, :, None].expand(rows, columns, len(shapes))
            sides = pf.tensor(shapes, dtype=dtype).expand(rows, columns, len(shapes), 2)
            centers = pf.stack([x, y], -1)
            made.append(pf.cat([centers - 0.5 * sides, centers + 0.5 * sides], -1).reshape(-1, 4))
        height, width = size
        return pf.cat(made) * pf.tensor([width, height, width, height], dtype=dtype)


class SSDFeatureExtractorVGG(nn.Module):
    """Features of six sizes from VGG-16 and further convolutions.

    Args:
        layers: the convolutions of VGG-16.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        parts = list(layers)
        pools = [place for place, part in enumerate(parts) if isinstance(part, nn.MaxPool2d)]
        parts[pools[2]] = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.features = nn.Sequential(*parts[: pools[3]])
        self.scale_weight = nn.Parameter(pf.full((512,), 20.0))
        last = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(512, 1024, 3, padding=6, dilation=6),
            nn.ReLU(inplace=True),
            nn.Conv2d(1024, 1024, 1),
            nn.ReLU(inplace=True),
        )
        smaller = [halved(1024, 256, 512), halved(512, 128, 256), cut(256, 128, 256), cut(256, 128, 256)]
        for part in (last, *smaller):
            draw(part)
        self.extra = nn.ModuleList([nn.Sequential(*parts[pools[3] : pools[4]], last), *smaller])
        self.out_channels = [512, 1024, 512, 256, 256, 256]

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.features(x)
        found = [self.scale_weight[None, :, None, None] * F.normalize(x)]
        for block in self.extra:
            x = block(x)
            found.append(x)
        return {str(place): x for place, x in enumerate(found)}


def halved(inputs: int, inner: int, outputs: int) -> nn.Sequential:
    """Features at half the size."""
    return small(nn.Conv2d(inputs, inner, 1), nn.Conv2d(inner, outputs, 3, padding=1, stride=2))


def cut(inputs: int, inner: int, outputs: int) -> nn.Sequential:
    """Features without a border of one place."""
    return small(nn.Conv2d(inputs, inner, 1), nn.Conv2d(inner, outputs, 3))


def small(first: nn.Module, second: nn.Module) -> nn.Sequential:
    return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True))


class SSDScoringHead(nn.Module):
    """A convolution for each of the features, which tells some numbers of each box."""

    def __init__(self, channels: Sequence[int], anchors: Sequence[int], columns: int) -> None:
        super().__init__()
        self.module_list = nn.ModuleList(
            nn.Conv2d(inputs, columns * count, 3, padding=1) for inputs, count in zip(channels, anchors)
        )
        self.columns = columns
        draw(self)

    def forward(self, features: list[Tensor]) -> Tensor:
        parts = []
        for x, conv in zip(features, self.module_list):
            y = conv(x)
            batch, _, height, width = y.shape
            y = y.reshape(batch, -1, self.columns, height, width).permute(0, 3, 4, 1, 2)
            parts.append(y.reshape(batch, -1, self.columns))
        return pf.cat(parts, 1)


class SSDHead(nn.Module):
    """Logits of classes, and offsets, of all boxes.

    Args:
        in_channels: channels of each of the features.
        num_anchors: boxes at a place of each of the features.
        num_classes: number of classes.
    """

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.classification_head = SSDScoringHead(in_channels, num_anchors, num_classes)
        self.regression_head = SSDScoringHead(in_channels, num_anchors, 4)

    def forward(self, features: list[Tensor]) -> dict[str, Tensor]:
        return {"bbox_regression": self.regression_head(features), "cls_logits": self.classification_head(features)}
