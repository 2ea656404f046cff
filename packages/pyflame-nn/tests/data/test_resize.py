"""Resizing, against Pillow's filters and exact cases."""

import numpy as np
import pytest
from PIL import Image as image_module

import pyflame as pf
from pyflame.data import transforms

RANDOM = np.random.default_rng(3)
IMAGE = RANDOM.uniform(0, 1, (3, 24, 37)).astype(np.float32)


def pillow(image, size, filter_name):
    kind = getattr(image_module.Resampling, filter_name)
    channels = [image_module.fromarray(channel).resize(size[::-1], kind) for channel in image]
    return np.stack([np.asarray(channel) for channel in channels])


@pytest.mark.parametrize("mode, filter_name", [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC")])
@pytest.mark.parametrize("size", [(12, 12), (7, 37), (48, 50), (24, 20)])
def test_smooth_modes_are_those_of_pillow(mode, filter_name, size):
    """Pillow widens its filters when it makes images smaller, as antialias does."""
    found = transforms.Resize(size, mode)(pf.tensor(IMAGE)).numpy()
    np.testing.assert_allclose(found, pillow(IMAGE, size, filter_name), atol=2e-5)


def test_bytes_are_rounded():
    pixels = (IMAGE * 255).astype(np.uint8)
    found = transforms.Resize((11, 50), "bicubic")(pf.tensor(pixels))
    assert found.dtype == pf.uint8
    expected = pillow(pixels, (11, 50), "BICUBIC").astype(int)
    assert np.abs(found.numpy().astype(int) - expected).max() <= 1


def test_nearest():
    found = transforms.Resize((12, 74), "nearest")(pf.tensor(IMAGE)).numpy()
    np.testing.assert_array_equal(found, IMAGE[:, ::2].repeat(2, 2))
    exact = transforms.Resize((8, 37), "nearest-exact")(pf.tensor(IMAGE)).numpy()
    np.testing.assert_array_equal(exact, IMAGE[:, 1::3])


def test_without_antialias_only_neighbours_count():
    found = transforms.Resize((12, 37), antialias=False)(pf.tensor(IMAGE)).numpy()
    np.testing.assert_allclose(found, (IMAGE[:, ::2] + IMAGE[:, 1::2]) / 2, atol=1e-6)


@pytest.mark.parametrize(
    "size, max_size, shape, expected",
    [
        (12, None, (24, 37), (12, 18)),
        ([12], None, (37, 24), (18, 12)),
        (12, 15, (24, 37), (10, 15)),
        (30, None, (24, 24), (30, 30)),
        ((5, 6), None, (24, 37), (5, 6)),
    ],
)
def test_sizes(size, max_size, shape, expected):
    resize = transforms.Resize(size, "nearest", max_size=max_size)
    assert tuple(resize(pf.zeros(2, 3, *shape)).shape) == (2, 3, *expected)


def test_modes_are_names_or_members():
    assert transforms.InterpolationMode.BICUBIC == "bicubic"
    for wrong in (
        lambda: transforms.Resize(3, "cubic"),
        lambda: transforms.Resize(0),
        lambda: transforms.Resize(4, max_size=3),
        lambda: transforms.RandomResizedCrop(3, scale=(1, 0.5)),
        lambda: transforms.Resize(2)(pf.ones(3, 3)),
    ):
        with pytest.raises(ValueError, match=r"^\["):
            wrong()


def test_parts_have_the_area_and_proportion_they_should():
    pf.manual_seed(0)
    crop = transforms.RandomResizedCrop(8, scale=(0.2, 0.5), ratio=(0.5, 2.0))
    places = np.array([crop.place(100, 140) for _ in range(400)])
    top, left, height, width = places.T
    assert ((top >= 0) & (left >= 0) & (top + height <= 100) & (left + width <= 140)).all()
    area, proportion = height * width / 14000, width / height
    assert 0.19 < area.min() < 0.23 and 0.45 < area.max() < 0.51 and 0.48 < proportion.min() and proportion.max() < 2.05
    # The logarithm is drawn uniformly, but wide and tall parts do not always fit.
    assert abs(np.log(proportion).mean()) < 0.12
    assert len(np.unique(top)) > 30 and len(np.unique(left)) > 40


def test_a_part_is_cut_and_resized():
    crop = transforms.RandomResizedCrop((6, 5), generator=pf.Generator().manual_seed(1))
    top, left, height, width = transforms.RandomResizedCrop(6, generator=pf.Generator().manual_seed(1)).place(24, 37)
    part = IMAGE[:, top : top + height, left : left + width]
    np.testing.assert_allclose(crop(pf.tensor(IMAGE)).numpy(), pillow(part, (6, 5), "BILINEAR"), atol=2e-5)


@pytest.mark.parametrize("shape, expected", [((10, 100), (0, 43, 10, 13)), ((100, 10), (43, 0, 13, 10))])
def test_when_no_part_fits_it_is_the_middle(shape, expected):
    assert transforms.RandomResizedCrop(4, scale=(0.9, 1.0)).place(*shape) == expected
