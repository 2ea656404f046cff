"""A small YOLO (Redmon and Farhadi, "YOLOv3", 2018): objects in images, found at once on grids of two sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .boxes import batched_nms, clipped

STRIDES = (16, 32)
# Width and height in pixels of three boxes for each grid.
ANCHORS = (((10, 14), (23, 27), (37, 58)), ((81, 82), (135, 169), (344, 319)))
Detections = dict[str, Tensor]
Corners = np.ndarray[Any, np.dtype[np.float64]]


def conv(inputs: int, outputs: int, kernel_size: int = 3, stride: int = 1) -> nn.Sequential:
    padding = kernel_size // 2
    layer = nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1))


class Residual(nn.Module):
    """A 1x1 and a 3x3 convolution beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(channels, channels // 2, 1), conv(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class YOLO(nn.Module):
    """A small YOLO for images (batch, 3, height, width) with values from 0 to 1, both sides multiples of 32.

    Args:
        num_classes: number of classes, counted from 0.
        width: channels after the first convolution; later ones have up to 16 times as many.
        anchors: for each of the two grids, (width, height) of its boxes in pixels.
        score_thresh: boxes with lower scores are left out.
        nms_thresh: boxes that overlap a better one of their class by more are left out.
        detections_per_img: how many boxes are given at most.

    Called with images, in training also with targets: dicts of "boxes" (objects, 4), as x1, y1, x2, y2 in pixels, and
    "labels" (objects,). Gives a dict of losses in training, else for each image a dict of "boxes", "scores" and
    "labels", the best first.

    Raises:
        ValueError: a side is no multiple of 32, or in training targets are missing.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> found = models.YOLO(num_classes=3, width=4).eval()(pf.rand(2, 3, 64, 64))
        >>> len(found), sorted(found[0])
        (2, ['boxes', 'labels', 'scores'])
    """

    def __init__(
        self,
        num_classes: int = 20,
        width: int = 16,
        anchors: Sequence[Sequence[tuple[float, float]]] = ANCHORS,
        score_thresh: float = 0.05,
        nms_thresh: float = 0.45,
        detections_per_img: int = 100,
    ) -> None:
        super().__init__()
        if len(anchors) != len(STRIDES) or not all(anchors):
            raise ValueError(f"[yolo] anchors for {len(anchors)} grids: expected some for each of {len(STRIDES)}")
        self.num_classes, self.anchors = num_classes, [[(float(w), float(h)) for w, h in grid] for grid in anchors]
        self.score_thresh, self.nms_thresh, self.detections_per_img = score_thresh, nms_thresh, detections_per_img
        channels = [width * 2**place for place in range(5)]
        stages = [conv(3, width, stride=2)]
        for inputs, outputs in zip(channels, channels[1:]):
            stages.append(nn.Sequential(conv(inputs, outputs, stride=2), Residual(outputs)))
        self.stages = nn.ModuleList(stages)
        fine, coarse = channels[3], channels[4]
        self.lateral = nn.Sequential(conv(coarse, fine // 2, 1), nn.Upsample(scale_factor=2, mode="nearest"))
        values = 5 + num_classes
        self.heads = nn.ModuleList(
            nn.Sequential(conv(inputs, 2 * fine), nn.Conv2d(2 * fine, values * len(grid), 1))
            for inputs, grid in zip((fine + fine // 2, coarse), self.anchors)
        )

    def forward(
        self, images: Tensor, targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[Detections]:
        if images.ndim != 4 or images.shape[2] % STRIDES[-1] or images.shape[3] % STRIDES[-1]:
            raise ValueError(
                f"[yolo] images have shape {tuple(images.shape)}: expected (batch, 3, height, width), both sides "
                f"multiples of {STRIDES[-1]}"
            )
        grids = self._grids(images)
        if self.training:
            if targets is None or len(targets) != len(images):
                raise ValueError(
                    f"[yolo] {len(images)} images and {len(targets or ())} targets: training needs one for each image"
                )
            return self._losses(grids, targets)
        with pf.no_grad():
            flat = [self._boxes(grid, place).flatten(1, 3) for place, grid in enumerate(grids)]
            height, width = images.shape[2:]
            return [self._detections(rows, height, width) for rows in pf.cat(flat, 1)]

    def _grids(self, x: Tensor) -> list[Tensor]:
        """For each grid, (batch, boxes of a cell, rows, columns, 5 + classes): place, size, certainty, classes."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        joined = pf.cat([features[-2], self.lateral(x)], 1)
        grids = []
        for y, head, anchors in zip((joined, x), self.heads, self.anchors):
            y = head(y).unflatten(1, (len(anchors), 5 + self.num_classes))
            grids.append(y.permute(0, 1, 3, 4, 2))
        return grids

    def _boxes(self, grid: Tensor, place: int) -> Tensor:
        """Boxes as x1, y1, x2, y2 in pixels, certainty, and probabilities of classes."""
        _, count, rows, columns, _ = grid.shape
        x = pf.arange(columns, dtype=grid.dtype).expand(rows, columns)
        y = pf.arange(rows, dtype=grid.dtype)[:, None].expand(rows, columns)
        centers = (pf.sigmoid(grid[..., :2]) + pf.stack([x, y], -1)) * STRIDES[place]
        shapes = pf.tensor(self.anchors[place], dtype=grid.dtype).reshape(count, 1, 1, 2)
        halves = grid[..., 2:4].clamp(max=8.0).exp() * shapes / 2
        return pf.cat([centers - halves, centers + halves, pf.sigmoid(grid[..., 4:])], -1)

    def _detections(self, rows: Tensor, height: int, width: int) -> Detections:
        best, labels = rows[:, 5:].max(1)
        scores = rows[:, 4] * best
        kept = (scores > self.score_thresh).nonzero(as_tuple=True)[0]
        boxes, scores, labels = clipped(rows[kept, :4], height, width), scores[kept], labels[kept]
        order = batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
        return {"boxes": boxes[order], "scores": scores[order], "labels": labels[order]}

    def _losses(self, grids: list[Tensor], targets: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        places: list[list[tuple[int, ...]]] = [[] for _ in grids]
        aims: list[list[Corners]] = [[] for _ in grids]
        classes: list[list[int]] = [[] for _ in grids]
        for row, target in enumerate(targets):
            boxes = np.asarray(target["boxes"].numpy(), np.float64).reshape(-1, 4)
            for box, label in zip(boxes, target["labels"].tolist()):
                if not (box[2:] > box[:2]).all() or not 0 <= label < self.num_classes:
                    raise ValueError(f"[yolo] object {box.tolist()} of class {label}: it has no area or no such class")
                place, cell = self._cell(box, [tuple(grid.shape[2:4]) for grid in grids])
                if (row, *cell) not in places[place]:  # a cell's box stands for one object
                    places[place].append((row, *cell))
                    aims[place].append(box)
                    classes[place].append(label)
        total = max(1, sum(map(len, places)))
        nothing = sum((grid * 0).sum() for grid in grids)
        losses = {name: pf.tensor(0.0) + nothing for name in ("box", "objectness", "classification")}
        for place, grid in enumerate(grids):
            certain = pf.zeros(grid.shape[:4], dtype=grid.dtype)
            if places[place]:
                at = tuple(pf.tensor(index) for index in zip(*places[place]))
                certain[at] = 1.0
                found = self._boxes(grid, place)[at]
                wanted = pf.tensor(np.array(aims[place]), dtype=grid.dtype)
                losses["box"] = losses["box"] + (1 - generalized_iou(found[:, :4], wanted)).sum() / total
                labels = F.one_hot(pf.tensor(classes[place]), self.num_classes).to(grid.dtype)
                each = F.binary_cross_entropy_with_logits(grid[at][:, 5:], labels, reduction="sum")
                losses["classification"] = losses["classification"] + each / total
            sure = F.binary_cross_entropy_with_logits(grid[..., 4], certain, reduction="sum")
            losses["objectness"] = losses["objectness"] + sure / total
        return losses

    def _cell(self, box: Corners, sizes: list[tuple[int, ...]]) -> tuple[int, tuple[int, ...]]:
        """The grid, and the box, row and column in it, whose shape is most like an object's."""
        width, height = box[2:] - box[:2]

        def alike(shape: tuple[float, float]) -> float:
            shared = min(width, shape[0]) * min(height, shape[1])
            return float(shared / (width * height + shape[0] * shape[1] - shared))

        choices = [(place, number) for place, grid in enumerate(self.anchors) for number in range(len(grid))]
        place, number = max(choices, key=lambda choice: alike(self.anchors[choice[0]][choice[1]]))
        rows, columns = sizes[place]
        x, y = (box[:2] + box[2:]) / 2 / STRIDES[place]
        return place, (number, min(max(int(y), 0), rows - 1), min(max(int(x), 0), columns - 1))


def generalized_iou(one: Tensor, two: Tensor) -> Tensor:
    """Overlap of pairs of boxes, less the part of their hull that neither covers (Rezatofighi et al., 2019)."""
    low, high = pf.maximum(one[:, :2], two[:, :2]), pf.minimum(one[:, 2:], two[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    covered = (one[:, 2:] - one[:, :2]).prod(1) + (two[:, 2:] - two[:, :2]).prod(1) - shared
    hull = (pf.maximum(one[:, 2:], two[:, 2:]) - pf.minimum(one[:, :2], two[:, :2])).prod(1)
    return shared / covered - (hull - covered) / hull
