"""SSD (Liu et al., 2016): objects in images, found at once by convolutions of several sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .boxes import batched_nms, box_iou, clipped, decode, encode
from .ssd_parts import DefaultBoxGenerator, SSDFeatureExtractorVGG, SSDHead
from .vgg import STAGES, make_layers
from .weights import Weights, with_weights

OFFSETS = (10.0, 5.0)
Detections = dict[str, Tensor]


class SSD(nn.Module):
    """SSD, with torchvision's names, losses and choice of boxes.

    Args:
        backbone: gives a dict of features, the largest first.
        anchor_generator: places boxes on features.
        size: (width, height) to which images are brought; kept as (height, width).
        num_classes: number of classes, of which 0 is the background.
        image_mean: of each channel, subtracted from images.
        image_std: of each channel, by which images are divided.
        head: gives classes and offsets of boxes; made for the backbone's `out_channels` by default.
        score_thresh: boxes with lower scores are left out.
        nms_thresh: boxes that overlap a better one of their class by more are left out.
        detections_per_img: how many boxes are given at most.
        iou_thresh: overlap from which on a box stands for an object, in training.
        topk_candidates: boxes of each class among which is chosen.
        positive_fraction: part of the boxes in the loss that stand for objects.

    Called with images, a list of (3, height, width) with values from 0 to 1 or one batch of them, in training also with
    targets: dicts of "boxes" (objects, 4), as x1, y1, x2, y2 in pixels, and "labels" (objects,). Gives a dict of losses
    in training, else for each image a dict of "boxes", "scores" and "labels", the best first.

    Raises:
        ValueError: in training, targets are missing or have a box without area.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.ssd300_vgg16(num_classes=3)
        >>> model.anchor_generator.num_anchors_per_location()
        [4, 6, 6, 6, 4, 4]
    """

    def __init__(
        self,
        backbone: nn.Module,
        anchor_generator: DefaultBoxGenerator,
        size: tuple[int, int],
        num_classes: int,
        image_mean: Sequence[float] = (0.485, 0.456, 0.406),
        image_std: Sequence[float] = (0.229, 0.224, 0.225),
        head: nn.Module | None = None,
        score_thresh: float = 0.01,
        nms_thresh: float = 0.45,
        detections_per_img: int = 200,
        iou_thresh: float = 0.5,
        topk_candidates: int = 400,
        positive_fraction: float = 0.25,
    ) -> None:
        super().__init__()
        self.backbone, self.anchor_generator = backbone, anchor_generator
        self.size, self.num_classes = (size[1], size[0]), num_classes
        if head is None:
            channels: list[int] = backbone.out_channels  # type: ignore[attr-defined]
            head = SSDHead(channels, anchor_generator.num_anchors_per_location(), num_classes)
        self.head = head
        self.image_mean, self.image_std = list(image_mean), list(image_std)
        self.score_thresh, self.nms_thresh, self.detections_per_img = score_thresh, nms_thresh, detections_per_img
        self.iou_thresh, self.topk_candidates = iou_thresh, topk_candidates
        self.negatives = (1.0 - positive_fraction) / positive_fraction

    def forward(
        self, images: Tensor | Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[Detections]:
        shapes = [tuple(image.shape[-2:]) for image in images]
        features = list(self.backbone(pf.cat([self._prepared(image) for image in images])).values())
        heads: dict[str, Tensor] = self.head(features)
        anchors = self.anchor_generator([tuple(x.shape[-2:]) for x in features], self.size, features[0].dtype)
        if self.training:
            return self._losses(heads, anchors, self._scaled(targets, shapes))
        with pf.no_grad():
            scores = pf.softmax(heads["cls_logits"], -1)
            pairs = zip(heads["bbox_regression"], scores, shapes)
            return [self._detections(offsets, score, anchors, shape) for offsets, score, shape in pairs]

    def _prepared(self, image: Tensor) -> Tensor:
        mean, std = (
            pf.tensor(values, dtype=image.dtype)[:, None, None] for values in (self.image_mean, self.image_std)
        )
        return F.interpolate(((image - mean) / std)[None], self.size, mode="bilinear", align_corners=False)

    def _scaled(
        self, targets: Sequence[Mapping[str, Tensor]] | None, shapes: list[tuple[int, ...]]
    ) -> list[tuple[Tensor, Tensor]]:
        """Boxes, brought to the size of the network, and labels of each image."""
        if targets is None or len(targets) != len(shapes):
            raise ValueError(
                f"[ssd] {len(shapes)} images and {len(targets or ())} targets: training needs a target for each image"
            )
        result = []
        for target, (height, width) in zip(targets, shapes):
            boxes = target["boxes"]
            if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) != len(target["labels"]):
                raise ValueError(
                    f"[ssd] boxes has shape {tuple(boxes.shape)}, labels {tuple(target['labels'].shape)}: expected "
                    f"(objects, 4) and (objects,)"
                )
            if len(boxes) and not (boxes[:, 2:] > boxes[:, :2]).all():
                raise ValueError("[ssd] a target has a box without area: x2 must be above x1 and y2 above y1")
            x, y = self.size[1] / width, self.size[0] / height
            result.append((boxes * pf.tensor([x, y, x, y], dtype=boxes.dtype), target["labels"]))
        return result

    def _matched(self, boxes: Tensor, anchors: Tensor) -> Tensor:
        """The object that each anchor stands for, -1 for none: the one of best overlap; each object gets its best."""
        if not len(boxes):
            return pf.full((len(anchors),), -1, dtype=pf.int64)
        overlap = box_iou(boxes, anchors)
        best, found = overlap.max(0)
        found = pf.where(best < self.iou_thresh, -1, found)
        return found.scatter(0, overlap.argmax(1), pf.arange(len(boxes)))

    def _losses(
        self, heads: dict[str, Tensor], anchors: Tensor, targets: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        places, wanted, count = [], [], 0
        for offsets, (boxes, labels) in zip(heads["bbox_regression"], targets):
            found = self._matched(boxes, anchors)
            chosen = (found >= 0).nonzero(as_tuple=True)[0]
            objects = found[chosen]
            count += len(chosen)
            if len(chosen):
                aim = encode(boxes[objects], anchors[chosen], OFFSETS)
                places.append(F.smooth_l1_loss(offsets[chosen], aim.detach(), reduction="sum"))
            known = pf.zeros(len(anchors), dtype=pf.int64)
            wanted.append(known.scatter(0, chosen, labels[objects].to(pf.int64)) if len(chosen) else known)
        classes, logits = pf.stack(wanted), heads["cls_logits"]
        each = F.cross_entropy(logits.flatten(0, 1), classes.reshape(-1), reduction="none").reshape(classes.shape)
        objects = classes > 0
        # Of the background, the boxes that look most like objects are learned from.
        rank = each.detach().masked_fill(objects, -math.inf).argsort(1, descending=True).argsort(1)
        hard = rank < (self.negatives * objects.sum(1, keepdim=True))
        total = max(1, count)
        place = sum(places[1:], places[0]) if places else (heads["bbox_regression"] * 0).sum()
        return {
            "bbox_regression": place / total,
            "classification": ((each * objects).sum() + (each * (hard & ~objects)).sum()) / total,
        }

    def _detections(self, offsets: Tensor, scores: Tensor, anchors: Tensor, shape: tuple[int, ...]) -> Detections:
        boxes = clipped(decode(offsets, anchors, OFFSETS), *self.size)
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for label in range(1, scores.shape[1]):
            kept = (scores[:, label] > self.score_thresh).nonzero(as_tuple=True)[0]
            score, order = scores[kept, label].topk(min(len(kept), self.topk_candidates))
            found.append((boxes[kept[order]], score, pf.full((len(score),), label, dtype=pf.int64)))
        boxes, scores, labels = (pf.cat(list(parts)) for parts in zip(*found))
        best = batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
        x, y = shape[1] / self.size[1], shape[0] / self.size[0]
        boxes = boxes[best] * pf.tensor([x, y, x, y], dtype=boxes.dtype)
        return {"boxes": boxes, "scores": scores[best], "labels": labels[best]}


def ssd300_vgg16(
    pretrained: bool = False,
    *,
    weights: Weights = None,
    progress: bool = True,
    num_classes: int = 91,
    **options: Any,
) -> SSD:
    """Make SSD for images of 300 by 300 pixels, with a VGG-16 backbone.

    Args:
        pretrained: load the weights that are registered for it; see `pyflame.hub`.
        weights: a file, or the name of registered weights.
        progress: show the progress of a download.
        num_classes: number of classes, of which 0 is the background.
        options: for `SSD`.
    """
    anchors = DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )
    # VGG's weights were made for values from 0 to 255, less a mean.
    defaults = {"image_mean": [0.48235, 0.45882, 0.40784], "image_std": [1.0 / 255.0] * 3}
    backbone = SSDFeatureExtractorVGG(make_layers(STAGES[16]))
    model = SSD(backbone, anchors, (300, 300), num_classes, **{**defaults, **options})
    return with_weights("ssd300_vgg16", model, pretrained, weights, progress)
