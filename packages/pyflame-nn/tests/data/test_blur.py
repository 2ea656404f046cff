import numpy as np
import pytest
from scipy import ndimage

import pyflame as pf
from pyflame.data import transforms

RANDOM = np.random.default_rng(6)
IMAGE = RANDOM.uniform(0, 1, (3, 14, 17)).astype(np.float32)


@pytest.mark.parametrize("size, sigma", [(3, 0.5), (7, 1.5), ((1, 5), 3.0), ((9, 3), 1.0)])
def test_blur_is_a_correlation_with_bells(size, sigma):
    expected = IMAGE.astype(np.float64)
    for axis, extent in zip((1, 2), (size, size) if isinstance(size, int) else size):
        bell = np.exp(-0.5 * ((np.arange(extent) - extent // 2) / sigma) ** 2)
        expected = ndimage.correlate1d(expected, bell / bell.sum(), axis, mode="mirror")
    blur = transforms.GaussianBlur(size, sigma)
    np.testing.assert_allclose(blur(pf.tensor(IMAGE)).numpy(), expected, atol=1e-5)
    pixels = (IMAGE * 255).astype(np.uint8)
    found = blur(pf.tensor(pixels))
    assert found.dtype == pf.uint8
    np.testing.assert_array_equal(found.numpy(), np.rint(blur(pf.tensor(pixels).float()).numpy()))
    batch = blur(pf.tensor(np.stack([IMAGE, 2 * IMAGE]))).numpy()
    np.testing.assert_allclose(batch[1], 2 * expected, atol=1e-5)


def test_the_width_is_drawn():
    pf.manual_seed(0)
    blur = transforms.GaussianBlur(5, (0.1, 2.0))
    assert len({blur(pf.tensor(IMAGE)).numpy().tobytes() for _ in range(5)}) == 5


def rectangle(erased):
    rows, columns = erased.any(1), erased.any(0)
    top, left = rows.argmax(), columns.argmax()
    height, width = rows.sum(), columns.sum()
    assert erased[top : top + height, left : left + width].all() and erased.sum() == height * width
    return top, left, height, width


def test_rectangles_are_erased():
    pf.manual_seed(1)
    image = pf.ones(2, 60, 80)
    erase = transforms.RandomErasing(p=1.0, scale=(0.1, 0.3), ratio=(0.5, 2.0))
    shapes = np.array([rectangle(erase(image).numpy()[0] == 0) for _ in range(200)])
    area, ratio = shapes[:, 2] * shapes[:, 3] / 4800, shapes[:, 2] / shapes[:, 3]
    assert 0.09 < area.min() < 0.12 and 0.27 < area.max() < 0.31 and 0.47 < ratio.min() and ratio.max() < 2.1
    assert len(np.unique(shapes[:, 0])) > 20
    assert (image.numpy() == 1).all()
    kept = sum(bool((transforms.RandomErasing(p=0.3)(image).numpy() == 1).all()) for _ in range(200))
    assert 115 < kept < 165


def test_what_is_written():
    image = pf.ones(2, 20, 20)
    found = transforms.RandomErasing(1.0, value=(3.0, 4.0))(image).numpy()
    assert set(np.unique(found[0])) == {1.0, 3.0} and set(np.unique(found[1])) == {1.0, 4.0}
    found = transforms.RandomErasing(1.0, scale=(0.3, 0.3), value="random")(image).numpy()
    written = found[found != 1]
    assert len(np.unique(written)) == len(written) > 150 and 0.8 < written.std() < 1.2
    assert transforms.RandomErasing(1.0, inplace=True)(image) is image and (image.numpy() == 0).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: transforms.GaussianBlur(4),
        lambda: transforms.GaussianBlur(3, 0.0),
        lambda: transforms.GaussianBlur(3)(pf.ones(3, 3)),
        lambda: transforms.RandomErasing(2.0),
        lambda: transforms.RandomErasing(scale=(0.5, 0.1)),
        lambda: transforms.RandomErasing(value="zeros"),
        lambda: transforms.RandomErasing(1.0, value=(1, 2))(pf.ones(3, 9, 9)),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"^\["):
        make()
