"""Turning and slanting, against Pillow, which takes the same matrices and knows rotations by itself."""

import numpy as np
import pytest
from PIL import Image as pillow

import pyflame as pf
from pyflame.data import transforms
from pyflame.data.transforms.geometry import inverse_matrix

RANDOM = np.random.default_rng(4)
IMAGE = RANDOM.uniform(0, 1, (2, 25, 32)).astype(np.float32)


def agree(found, expected, transform, mode):
    """Compare what comes from inside of the image: at its edges Pillow repeats pixels where others mix in the fill."""
    inside = transform(pf.ones(*IMAGE.shape)).numpy() > 1 - 1e-5
    assert inside.mean() > 0.4
    same = np.isclose(found, expected, atol=1e-4)[inside]
    # Which of two pixels is the nearest is a matter of rounding where a place is half-way between them.
    assert same.all() if mode == "bilinear" else same.mean() > 0.99


def each(image, change):
    return np.stack([np.asarray(change(channel)) for channel in image])


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("angle", [0, 30, -75, 180])
@pytest.mark.parametrize("center", [None, (10, 12)])
def test_rotation_is_that_of_pillow(mode, angle, center):
    filters = {"nearest": pillow.Resampling.NEAREST, "bilinear": pillow.Resampling.BILINEAR}
    expected = each(IMAGE, lambda x: pillow.fromarray(x).rotate(angle, filters[mode], center=center))
    found = transforms.RandomRotation((angle, angle), mode, center=center)(pf.tensor(IMAGE)).numpy()
    agree(found, expected, transforms.RandomRotation((angle, angle), "bilinear", center=center), mode)


@pytest.mark.parametrize("angle", [45, 10, -100, 90])
def test_the_whole_turned_image_has_room(angle):
    expected = pillow.fromarray(IMAGE[0]).rotate(angle, expand=True)
    found = transforms.RandomRotation((angle, angle), "bilinear", expand=True)(pf.tensor(IMAGE)).numpy()
    assert np.abs(np.array(found.shape[1:]) - np.array(expected.size[::-1])).max() <= 1
    assert found.sum() == pytest.approx(IMAGE.sum(), rel=0.03)


def test_right_angles_are_exact():
    for angle, turns in ((90, 1), (180, 2), (-90, 3)):
        found = transforms.RandomRotation((angle, angle), expand=True)(pf.tensor(IMAGE)).numpy()
        np.testing.assert_array_equal(found, np.rot90(IMAGE, turns, (1, 2)))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_any_matrix_as_pillow_applies_it(mode):
    filters = {"nearest": pillow.Resampling.NEAREST, "bilinear": pillow.Resampling.BILINEAR}
    angle, move, scale, shear, center = 20.0, (3, -2), 1.3, (15.0, -8.0), (14.0, 9.0)
    affine = transforms.RandomAffine(angle, interpolation=mode, center=center)
    affine.degrees, affine.scale, affine.shear = (angle, angle), (scale, scale), ((15.0, 15.0), (-8.0, -8.0))
    affine.translate = (0.0, 0.0)
    matrix = inverse_matrix(angle, (0, 0), scale, shear, (center[0] - 16, center[1] - 12.5))
    middle = np.array([16, 12.5])
    full = np.hstack([matrix[:, :2], (matrix[:, 2] + middle - matrix[:, :2] @ middle)[:, None]])
    expected = each(
        IMAGE, lambda x: pillow.fromarray(x).transform((32, 25), pillow.Transform.AFFINE, full.ravel(), filters[mode])
    )
    found = affine(pf.tensor(IMAGE)).numpy()
    affine.interpolation = "bilinear"
    agree(found, expected, affine, mode)
    moved = inverse_matrix(angle, move, scale, shear)
    np.testing.assert_allclose(moved @ [*move, 1], [0, 0], atol=1e-12)  # what was in the middle has moved


def test_the_matrix_by_hand():
    """Forward: rotate after slanting along y after slanting along x, then scale; here its inverse is checked."""
    turn, x, y = np.radians([25.0, 12.0, -7.0])
    forward = 1.5 * np.array(
        [
            [np.cos(turn - y) / np.cos(y), -np.cos(turn - y) * np.tan(x) / np.cos(y) - np.sin(turn)],
            [np.sin(turn - y) / np.cos(y), -np.sin(turn - y) * np.tan(x) / np.cos(y) + np.cos(turn)],
        ]
    )
    matrix = inverse_matrix(25.0, (4, 5), 1.5, (12.0, -7.0), (2.0, 3.0))
    np.testing.assert_allclose(matrix[:, :2] @ forward, np.eye(2), atol=1e-12)
    place = np.array([7.0, -1.0])
    there = forward @ (place - [2, 3]) + [2, 3] + [4, 5]
    np.testing.assert_allclose(matrix @ [*there, 1], place, atol=1e-12)


def test_moves_are_whole_pixels():
    affine = transforms.RandomAffine(0, translate=(0.2, 0.4), generator=pf.Generator().manual_seed(0))
    seen = set()
    for _ in range(30):
        found = affine(pf.tensor(IMAGE)).numpy()
        places = [
            (right, down)
            for right in range(-6, 7)
            for down in range(-10, 11)
            if np.array_equal(found, shifted(IMAGE, right, down))
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) > 20


def shifted(image, right, down):
    result = np.zeros_like(image)
    rows, columns = image.shape[1:]
    result[:, max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = image[
        :, max(-down, 0) : rows - max(down, 0), max(-right, 0) : columns - max(right, 0)
    ]
    return result


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_outside_is_filled(mode):
    ones = pf.ones(2, 20, 20)
    found = transforms.RandomRotation((45, 45), mode, fill=0.25)(ones).numpy()
    assert found.min() == pytest.approx(0.25) and found[:, 0, 0] == pytest.approx(0.25)
    np.testing.assert_allclose(found[:, 8:12, 8:12], 1, atol=1e-6)
    found = transforms.RandomRotation((45, 45), mode, fill=(0.5, 2.0))(ones).numpy()
    assert found[0, 0, 0] == pytest.approx(0.5) and found[1, 0, 0] == pytest.approx(2.0)


def test_bytes_and_batches():
    pixels = pf.tensor((IMAGE * 255).astype(np.uint8))
    turned = transforms.RandomRotation((33, 33), "bilinear")
    floats = turned(pixels.float()).numpy()
    found = turned(pf.stack([pixels, pixels]))
    assert found.dtype == pf.uint8 and found.shape == (2, 2, 25, 32)
    np.testing.assert_array_equal(found[1].numpy(), np.rint(floats))


def test_angles_are_drawn_from_the_whole_range():
    pf.manual_seed(0)
    rotation = transforms.RandomRotation(30)
    drawn = [rotation.uniform(*rotation.degrees) for _ in range(300)]
    assert -30 <= min(drawn) < -28 and 28 < max(drawn) <= 30 and abs(np.mean(drawn)) < 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: transforms.RandomRotation(-5),
        lambda: transforms.RandomRotation((5, -5)),
        lambda: transforms.RandomRotation(5, "bicubic"),
        lambda: transforms.RandomAffine(0, translate=(2, 0)),
        lambda: transforms.RandomAffine(0, scale=(0, 1)),
        lambda: transforms.RandomRotation(5)(pf.ones(3, 3)),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"^\["):
        make()
