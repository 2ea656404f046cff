"""Detectors: boxes and losses of SSD as in torchvision, and a YOLO that learns."""

from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from model_cases import DETECTION_SIZES, DETECTION_TARGETS, DETECTOR, detection_image, value_of
from pyflame import models, nn, optim
from pyflame.models import boxes
from pyflame.models.deeplabv3 import IntermediateLayerGetter
from pyflame.models.ssd_parts import DefaultBoxGenerator

ARRAYS = np.load(Path(__file__).parents[1] / "references" / "vision.npz")


@pytest.fixture
def detector():
    def getter(model, layers):
        backbone = IntermediateLayerGetter(model, layers)
        backbone.out_channels = [128, 256, 512]
        return backbone

    scope = {**vars(models), "getter": getter, "DefaultBoxGenerator": DefaultBoxGenerator}
    model = eval(DETECTOR, scope).double()
    model.load_state_dict({name: value_of(name, tuple(v.shape)) for name, v in model.state_dict().items()})
    return model


IMAGES = [pf.tensor(detection_image(number)) for number in range(len(DETECTION_SIZES))]
TARGETS = [{"boxes": pf.tensor(b, dtype=pf.float64), "labels": pf.tensor(c)} for b, c in DETECTION_TARGETS]


def test_ssd_finds_what_torchvision_finds(detector):
    for number, found in enumerate(detector.eval()(IMAGES)):
        assert len(found["boxes"]) == 12
        for name, value in found.items():
            expected = ARRAYS[f"ssd/{number}/{name}"]
            np.testing.assert_allclose(value.numpy(), expected, rtol=1e-7, atol=1e-7, err_msg=name)


def test_losses_of_ssd_and_their_gradient_are_those_of_torchvision(detector):
    for part in detector.modules():
        part.training = not isinstance(part, nn.BatchNorm2d)
    losses = detector(IMAGES, TARGETS)
    for name, value in losses.items():
        np.testing.assert_allclose(value.item(), ARRAYS[f"ssd/loss/{name}"], rtol=1e-7)
    sum(losses.values()).backward()
    expected = ARRAYS["ssd/gradient"]
    actual = detector.backbone["conv1"].weight.grad.numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7 * abs(expected).max())


def test_images_without_objects_have_losses_and_gradients(detector):
    nothing = [{"boxes": pf.zeros(0, 4, dtype=pf.float64), "labels": pf.zeros(0, dtype=pf.int64)}] * 2
    losses = detector.train()(IMAGES, nothing)
    sum(losses.values()).backward()
    assert losses["bbox_regression"].item() == 0 and np.isfinite(losses["classification"].item())


def test_wrong_targets_of_ssd_are_told(detector):
    detector.train()
    with pytest.raises(ValueError, match="2 images and 0 targets"):
        detector(IMAGES)
    bad = [{"boxes": pf.tensor([[5.0, 5.0, 5.0, 9.0]]).double(), "labels": pf.tensor([1])}, TARGETS[1]]
    with pytest.raises(ValueError, match="a box without area"):
        detector(IMAGES, bad)
    with pytest.raises(ValueError, match=r"boxes has shape \(1, 4\), labels \(2,\)"):
        detector(IMAGES, [{"boxes": bad[0]["boxes"], "labels": pf.tensor([1, 2])}, TARGETS[1]])
    with pytest.raises(ValueError, match="expected one scale more"):
        DefaultBoxGenerator([[2]], scales=[0.1])


def plain_nms(corners, scores, threshold):
    """The definition, box by box."""
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        for j in kept:
            w = min(corners[i][2], corners[j][2]) - max(corners[i][0], corners[j][0])
            h = min(corners[i][3], corners[j][3]) - max(corners[i][1], corners[j][1])
            shared = max(w, 0) * max(h, 0)
            areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (corners[i], corners[j])]
            if shared / (sum(areas) - shared) > threshold:
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_nms_is_as_defined(threshold):
    random = np.random.default_rng(0)
    low = random.uniform(0, 10, (60, 2))
    corners, scores = np.concatenate([low, low + random.uniform(1, 6, (60, 2))], 1), random.uniform(size=60)
    assert boxes.nms(pf.tensor(corners), pf.tensor(scores), threshold).tolist() == plain_nms(corners, scores, threshold)
    labels = random.integers(0, 3, 60)
    own = [np.flatnonzero(labels == label) for label in range(3)]
    kept = [int(n) for rows in own for n in rows[plain_nms(corners[rows], scores[rows], threshold)]]
    expected = sorted(kept, key=lambda n: -scores[n])
    assert boxes.batched_nms(pf.tensor(corners), pf.tensor(scores), pf.tensor(labels), threshold).tolist() == expected


def test_boxes_without_area_and_no_boxes_are_no_trouble():
    flat = pf.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
    assert boxes.nms(flat, pf.tensor([0.5, 0.6]), 0.5).tolist() == [1, 0]
    assert boxes.batched_nms(pf.zeros(0, 4), pf.zeros(0), pf.zeros(0, dtype=pf.int64), 0.5).tolist() == []


def test_offsets_lead_back_to_boxes():
    random = np.random.default_rng(1)
    low = random.uniform(0, 10, (2, 9, 2))
    some, anchors = (pf.tensor(np.concatenate([a, a + random.uniform(1, 6, (9, 2))], 1)) for a in low)
    offsets = boxes.encode(some, anchors, (10.0, 5.0))
    np.testing.assert_allclose(boxes.decode(offsets, anchors, (10.0, 5.0)).numpy(), some.numpy(), rtol=1e-12)


def test_yolo_learns_to_find_squares():
    with pf.testing.fixed_seed(0):
        model = models.YOLO(num_classes=2, width=4)
        images = pf.zeros(2, 3, 64, 64)
        places = [(4.0, 8.0, 28.0, 34.0), (30.0, 34.0, 58.0, 60.0)]
        for number, (x1, y1, x2, y2) in enumerate(places):
            images[number, number, int(y1) : int(y2), int(x1) : int(x2)] = 1.0
        targets = [{"boxes": pf.tensor([place]), "labels": pf.tensor([n])} for n, place in enumerate(places)]
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        for _ in range(60):
            optimizer.zero_grad()
            losses = model(images, targets)
            sum(losses.values()).backward()
            optimizer.step()
    assert set(losses) == {"box", "objectness", "classification"}
    for number, found in enumerate(model.eval()(images)):
        assert found["labels"][0] == number and found["scores"][0] > 0.3
        assert boxes.box_iou(found["boxes"][:1], pf.tensor([places[number]])).item() > 0.6


def test_yolo_tells_what_is_wrong():
    model = models.YOLO(num_classes=2, width=4)
    with pytest.raises(ValueError, match="both sides multiples of 32"):
        model(pf.zeros(1, 3, 60, 64))
    with pytest.raises(ValueError, match="1 images and 0 targets"):
        model(pf.zeros(1, 3, 64, 64))
    for box, label in (([1.0, 1.0, 1.0, 5.0], 0), ([1.0, 1.0, 4.0, 5.0], 2)):
        with pytest.raises(ValueError, match="it has no area or no such class"):
            model(pf.zeros(1, 3, 64, 64), [{"boxes": pf.tensor([box]), "labels": pf.tensor([label])}])
    with pytest.raises(ValueError, match="anchors for 1 grids"):
        models.YOLO(anchors=[[(1, 1)]])
    empty = [{"boxes": pf.zeros(0, 4), "labels": pf.zeros(0, dtype=pf.int64)}]
    assert model(pf.zeros(1, 3, 64, 64), empty)["box"].item() == 0


@pytest.mark.parametrize("bilinear", [False, True])
def test_unet_learns_a_mask_of_odd_size(bilinear):
    with pf.testing.fixed_seed(0):
        model = models.UNet(1, 2, features=(4, 8, 16), bilinear=bilinear)
        images = pf.rand(2, 1, 13, 18)
        masks = (images[:, 0] > 0.5).to(pf.int64)
        optimizer = optim.Adam(model.parameters(), lr=0.02)
        for _ in range(30):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), masks)
            loss.backward()
            optimizer.step()
    assert loss.item() < 0.3
    with pytest.raises(ValueError, match=r"height and width must be at least 4"):
        model(pf.zeros(1, 1, 3, 8))
    with pytest.raises(ValueError, match="at least two sizes"):
        models.UNet(features=(4,))


def test_a_backbone_without_the_layer_is_told():
    with pytest.raises(ValueError, match="ResNet has no layer9"):
        IntermediateLayerGetter(models.resnet18(), {"layer9": "out"})
