"""Colours, pixel by pixel against the standard library's colorsys."""

import colorsys

import numpy as np
import pytest

import pyflame as pf
from pyflame.data import transforms
from pyflame.data.transforms.color import shift_hue

RANDOM = np.random.default_rng(5)
IMAGE = RANDOM.uniform(0, 1, (3, 9, 11)).astype(np.float32)
IMAGE[:, 0, 0], IMAGE[:, 0, 1], IMAGE[:, 0, 2] = 0.5, 0.0, 1.0  # grays
IMAGE[:, 1, :6] = np.array([[1, 0, 0, 1, 1, 0], [0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 1, 1]])  # pure colours


def gray(image):
    return np.tensordot(np.array([0.2989, 0.587, 0.114]), image, 1)[None]


def only(**amount):
    return transforms.ColorJitter(**{name: (value, value) for name, value in amount.items()})


@pytest.mark.parametrize("shift", [0.0, 0.1, -0.3, 0.5, -0.5])
def test_hue(shift):
    expected = np.empty_like(IMAGE)
    for place in np.ndindex(IMAGE.shape[1:]):
        hue, saturation, value = colorsys.rgb_to_hsv(*map(float, IMAGE[:, *place]))
        expected[:, *place] = colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)
    np.testing.assert_allclose(shift_hue(pf.tensor(IMAGE), shift).numpy(), expected, atol=1e-5)
    if shift:
        np.testing.assert_allclose(only(hue=shift)(pf.tensor(IMAGE)).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.7])
def test_factors(factor):
    x = pf.tensor(IMAGE)
    np.testing.assert_allclose(only(brightness=factor)(x).numpy(), np.clip(factor * IMAGE, 0, 1), atol=1e-6)
    for name, other in (("contrast", gray(IMAGE).mean()), ("saturation", gray(IMAGE))):
        expected = np.clip(factor * IMAGE + (1 - factor) * other, 0, 1)
        np.testing.assert_allclose(only(**{name: factor})(x).numpy(), expected, atol=1e-5)


def test_each_image_of_a_batch_has_its_own_contrast():
    batch = np.stack([IMAGE, IMAGE / 4])
    found = only(contrast=0.5)(pf.tensor(batch)).numpy()
    np.testing.assert_allclose(found[1], 0.5 * batch[1] + 0.5 * gray(batch[1]).mean(), atol=1e-5)


def test_bytes_are_rounded():
    pixels = (IMAGE * 255).astype(np.uint8)
    found = only(brightness=1.3)(pf.tensor(pixels))
    assert found.dtype == pf.uint8
    np.testing.assert_array_equal(found.numpy(), np.clip(np.rint(pixels * np.float32(1.3)), 0, 255))
    assert (
        np.abs(only(hue=0.2)(pf.tensor(pixels)).numpy() / 255 - only(hue=0.2)(pf.tensor(pixels / 255)).numpy()).max()
        < 0.003
    )


def test_gray_images_have_no_hue():
    one = IMAGE[:1]
    np.testing.assert_array_equal(only(hue=0.3, saturation=0.2)(pf.tensor(one)).numpy(), one)


def test_amounts_and_order_are_drawn():
    jitter = transforms.ColorJitter(0.4, (0.5, 2.0), 0.3, 0.1)
    assert jitter.brightness == (0.6, 1.4) and jitter.contrast == (0.5, 2.0) and jitter.hue == (-0.1, 0.1)
    assert transforms.ColorJitter(brightness=3).brightness == (0, 4)
    pf.manual_seed(0)
    results = {jitter(pf.tensor(IMAGE)).numpy().tobytes() for _ in range(10)}
    assert len(results) == 10
    np.testing.assert_array_equal(transforms.ColorJitter()(pf.tensor(IMAGE)).numpy(), IMAGE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: transforms.ColorJitter(-1),
        lambda: transforms.ColorJitter(hue=0.6),
        lambda: transforms.ColorJitter(contrast=(2, 1)),
        lambda: transforms.ColorJitter(1)(pf.ones(2, 3, 3)),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"^\["):
        make()
