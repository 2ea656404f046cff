import numpy as np
import pytest
from PIL import Image as pillow

import pyflame as pf
from pyflame.data import transforms

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_there_and_back(channels, mode):
    pixels = RANDOM.integers(0, 256, (channels, 4, 5)).astype(np.uint8)
    image = transforms.ToPILImage()(pf.tensor(pixels))
    assert image.mode == mode and image.size == (5, 4)
    np.testing.assert_array_equal(transforms.PILToTensor()(image).numpy(), pixels)
    from_array = transforms.ToPILImage()(pixels.transpose(1, 2, 0))
    assert from_array.tobytes() == image.tobytes()
    floats = transforms.ToTensor()(image)
    np.testing.assert_allclose(floats.numpy(), pixels / np.float32(255), rtol=1e-6)
    np.testing.assert_array_equal(transforms.PILToTensor()(transforms.ToPILImage()(floats)).numpy(), pixels)


def test_other_modes():
    pixels = RANDOM.integers(0, 30000, (4, 5))
    assert transforms.ToPILImage()(pixels.astype(np.int32)).mode == "I"
    assert transforms.ToPILImage()(pixels.astype(np.int16)).mode == "I;16"
    np.testing.assert_array_equal(np.asarray(transforms.ToPILImage()(pixels.astype(np.float32))), pixels)
    three = RANDOM.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    image = transforms.ToPILImage("HSV")(three)
    assert image.mode == "HSV" and np.array_equal(np.asarray(image), three)
    assert transforms.ToPILImage("F")(pf.rand(1, 4, 5)).mode == "F"
    for wrong, mode in (
        (three, "L"),
        (pf.ones(5, 4, 4), None),
        (np.ones((2, 2), np.int64), None),
        (pf.ones(1, 1, 1, 1), None),
    ):
        with pytest.raises(ValueError, match=r"\[ToPILImage\]"):
            transforms.ToPILImage(mode)(wrong)
    with pytest.raises(TypeError, match="ToTensor"):
        transforms.PILToTensor()(three)


def test_images_of_pillow_and_bytes_are_pixels_everywhere():
    pixels = RANDOM.integers(0, 256, (6, 7, 3)).astype(np.uint8)
    chain = transforms.Compose([transforms.CenterCrop((2, 3)), transforms.ToTensor()])
    expected = pixels[2:4, 2:5].transpose(2, 0, 1) / np.float32(255)
    for image in (pixels, pillow.fromarray(pixels)):
        np.testing.assert_allclose(chain(image).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("before", [pf.uint8, pf.int16, pf.int32, pf.float32, pf.float64])
@pytest.mark.parametrize("after", [pf.uint8, pf.int16, pf.int32, pf.int64, pf.float32, pf.float64])
def test_conversion_keeps_black_and_white(before, after):
    top = {True: 1.0}.get(before.is_floating_point) or pf.iinfo(before).max
    image, convert = pf.tensor([[[0, top]]], dtype=before), transforms.ConvertImageDtype(after)
    if (before, after) in [(pf.float32, pf.int32), (pf.float32, pf.int64), (pf.float64, pf.int64)]:
        with pytest.raises(RuntimeError, match="cannot hold"):
            convert(image)
        return
    found = convert(image)
    assert found.dtype == after and found[0, 0, 0].item() == 0
    wanted = 1.0 if after.is_floating_point else pf.iinfo(after).max
    widened = not before.is_floating_point and not after.is_floating_point and after.itemsize > before.itemsize
    # From few bits to more the values are shifted, so that white is a little less than it could be.
    assert found[0, 0, 1].item() == pytest.approx(wanted, rel=0.01 if widened else 1e-6)


def test_conversion_in_between():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    floats = transforms.ConvertImageDtype(pf.float32)(pf.tensor(values))
    np.testing.assert_allclose(floats.numpy(), values / np.float32(255), rtol=1e-6)
    np.testing.assert_array_equal(transforms.ConvertImageDtype(pf.uint8)(floats).numpy(), values)
    wide = transforms.ConvertImageDtype(pf.int16)(pf.tensor(values))
    np.testing.assert_array_equal(wide.numpy(), values.astype(np.int16) * 128)
    np.testing.assert_array_equal(transforms.ConvertImageDtype(pf.uint8)(wide).numpy(), values)


def test_five_parts():
    image = RANDOM.uniform(0, 1, (2, 7, 9)).astype(np.float32)
    parts = transforms.FiveCrop((3, 4))(pf.tensor(image))
    places = [np.s_[:, :3, :4], np.s_[:, :3, 5:], np.s_[:, 4:, :4], np.s_[:, 4:, 5:], np.s_[:, 2:5, 2:6]]
    for part, place in zip(parts, places, strict=True):
        np.testing.assert_array_equal(part.numpy(), image[place])
    with pytest.raises(ValueError, match="smaller than"):
        transforms.FiveCrop(8)(pf.tensor(image))
