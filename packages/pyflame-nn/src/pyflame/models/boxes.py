"""Boxes (x1, y1, x2, y2) in images: overlap, choice of the best, and offsets from other boxes."""

from __future__ import annotations

import math

import numpy as np

import pyflame as pf
from pyflame import Tensor

# The largest change of a size that an offset may ask for.
LARGEST = math.log(1000.0 / 16)


def box_area(boxes: Tensor) -> Tensor:
    """The area of boxes (boxes, 4), (boxes,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The area that boxes (n, 4) and (m, 4) share, as a part of the area that they cover together, (n, m).

    Example:
        >>> import pyflame as pf
        >>> from pyflame.models.boxes import box_iou
        >>> box_iou(pf.tensor([[0.0, 0.0, 2.0, 2.0]]), pf.tensor([[1.0, 0.0, 2.0, 2.0]])).tolist()
        [[0.5]]
    """
    low = pf.maximum(boxes1[:, None, :2], boxes2[None, :, :2])
    high = pf.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])
    sides = (high - low).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / (box_area(boxes1)[:, None] + box_area(boxes2)[None] - shared)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Leave out boxes that overlap a better one by more than a threshold; the boxes are evaluated.

    Args:
        boxes: (boxes, 4)
        scores: (boxes,)
        iou_threshold: from 0 to 1.

    Returns:
        int64 indices of those that stay, the best first.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.models.boxes import nms
        >>> boxes = pf.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
        >>> nms(boxes, pf.tensor([0.5, 0.9, 0.7]), 0.5).tolist()
        [1, 2]
    """
    corners = boxes.detach().numpy()
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    order = np.argsort(-scores.detach().numpy(), kind="stable")
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(int(best))
        low, high = np.maximum(corners[best, :2], corners[order, :2]), np.minimum(corners[best, 2:], corners[order, 2:])
        sides = np.maximum(high - low, 0)
        shared = sides[:, 0] * sides[:, 1]
        with np.errstate(invalid="ignore"):  # two boxes without area share nothing of nothing
            order = order[~(shared / (areas[best] + areas[order] - shared) > iou_threshold)]
    return pf.tensor(kept, dtype=pf.int64)


def batched_nms(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """`nms` among boxes of the same label."""
    if not len(boxes):
        return pf.zeros(0, dtype=pf.int64)
    apart = labels.to(boxes.dtype) * (boxes.max() + 1)  # labels are moved to places of their own
    return nms(boxes + apart[:, None], scores, iou_threshold)


def centered(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centers and sizes, each (boxes, 2)."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + 0.5 * sizes, sizes


def encode(boxes: Tensor, anchors: Tensor, weights: tuple[float, float]) -> Tensor:
    """Offsets (boxes, 4) that lead from anchors to boxes; the weights are for places and for sizes."""
    centers, sizes = centered(boxes)
    places, extents = centered(anchors)
    return pf.cat([weights[0] * (centers - places) / extents, weights[1] * (sizes / extents).log()], 1)


def decode(offsets: Tensor, anchors: Tensor, weights: tuple[float, float]) -> Tensor:
    """The boxes to which offsets lead from anchors."""
    places, extents = centered(anchors)
    centers = offsets[:, :2] / weights[0] * extents + places
    sizes = (offsets[:, 2:] / weights[1]).clamp(max=LARGEST).exp() * extents
    return pf.cat([centers - 0.5 * sizes, centers + 0.5 * sizes], 1)


def clipped(boxes: Tensor, height: int, width: int) -> Tensor:
    """Boxes without what lies outside of an image."""
    limits = pf.tensor([width, height, width, height], dtype=boxes.dtype)
    return pf.minimum(boxes.clamp(min=0), limits)
