import numpy as np
import pytest

import pyflame as pf
from pyflame.data import transforms

RANDOM = np.random.default_rng(1)
IMAGE = RANDOM.uniform(0, 1, (3, 6, 8)).astype(np.float32)


def applied(transform, image=IMAGE):
    return transform(pf.tensor(image)).numpy()


def test_bytes_become_channels_first_floats():
    pixels = RANDOM.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    found = transforms.ToTensor()(pixels)
    assert found.dtype == pf.float32
    np.testing.assert_allclose(found.numpy(), pixels.transpose(2, 0, 1) / 255.0, rtol=1e-6)
    assert transforms.ToTensor()(np.ones((4, 5), np.float32)).shape == (1, 4, 5)
    with pytest.raises(ValueError, match="shape"):
        transforms.ToTensor()(np.ones(3))


def test_normalize():
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 2.0, 1.0])
    found = applied(transforms.Normalize(list(mean), list(std)))
    np.testing.assert_allclose(found, (IMAGE - mean[:, None, None]) / std[:, None, None], rtol=1e-5, atol=1e-6)


def test_grayscale():
    expected = np.tensordot(np.array([0.2989, 0.587, 0.114]), IMAGE, 1)
    for channels in (1, 3):
        found = applied(transforms.Grayscale(channels))
        assert found.shape == (channels, 6, 8)
        np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-5)
    assert applied(transforms.RandomGrayscale(p=1.0)).shape == IMAGE.shape
    pixels = (IMAGE * 50 + 128).astype(np.uint8)
    found = transforms.Grayscale()(pf.tensor(pixels))
    assert found.dtype is pf.uint8
    expected = np.tensordot(np.array([0.2989, 0.587, 0.114]), pixels, 1)
    np.testing.assert_allclose(found.numpy()[0], expected, atol=0.51)


def test_whole_numbers_are_not_normalized():
    with pytest.raises(TypeError, match=r"\[Normalize\] the image is of uint8: expected floats; ConvertImageDtype"):
        transforms.Normalize([0.1], [0.3])(pf.zeros(1, 2, 2, dtype=pf.uint8))


def test_choices_have_their_shares():
    pf.manual_seed(0)
    choice = transforms.RandomChoice([lambda x: 0, lambda x: 1, lambda x: 2], p=[1, 0, 3])
    found = np.bincount([choice(None) for _ in range(400)], minlength=3)
    assert found[1] == 0 and 70 < found[0] < 130
    for p in ([1], [1, -1, 2], [0, 0, 0]):
        with pytest.raises(ValueError, match=r"\[RandomChoice\] p is"):
            transforms.RandomChoice([lambda x: 0, lambda x: 1, lambda x: 2], p=p)


@pytest.mark.parametrize(
    "padding, sides", [(1, (1, 1, 1, 1)), ((1, 2), (1, 2, 1, 2)), ((1, 2, 3, 4), (1, 2, 3, 4)), ([2], (2, 2, 2, 2))]
)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad(padding, sides, mode):
    left, top, right, bottom = sides
    options = {"constant_values": 0.5} if mode == "constant" else {}
    expected = np.pad(IMAGE, ((0, 0), (top, bottom), (left, right)), mode, **options)
    np.testing.assert_array_equal(applied(transforms.Pad(padding, 0.5, mode)), expected)


@pytest.mark.parametrize("size, part", [(4, np.s_[1:5, 2:6]), ((2, 8), np.s_[2:4, :]), ((6, 8), np.s_[:, :])])
def test_center_crop(size, part):
    np.testing.assert_array_equal(applied(transforms.CenterCrop(size)), IMAGE[(slice(None), *part)])


def test_center_crop_of_a_smaller_image():
    expected = np.pad(IMAGE, ((0, 0), (1, 2), (1, 1)))
    np.testing.assert_array_equal(applied(transforms.CenterCrop((9, 10))), expected)


def test_random_crops_are_parts_of_the_image_at_all_places():
    crop, places = transforms.RandomCrop((5, 6), generator=pf.Generator().manual_seed(3)), set()
    windows = {(top, left): IMAGE[:, top : top + 5, left : left + 6] for top in range(2) for left in range(3)}
    for _ in range(60):
        found = applied(crop)
        places |= {place for place, window in windows.items() if np.array_equal(found, window)}
    assert places == windows.keys()
    assert applied(transforms.RandomCrop(12, pad_if_needed=True)).shape == (3, 12, 12)
    with pytest.raises(ValueError, match="6 x 8, smaller than 7 x 7"):
        applied(transforms.RandomCrop(7))


@pytest.mark.parametrize("name, axis", [("RandomHorizontalFlip", 2), ("RandomVerticalFlip", 1)])
def test_flips(name, axis):
    make = getattr(transforms, name)
    np.testing.assert_array_equal(applied(make(p=1.0)), np.flip(IMAGE, axis))
    np.testing.assert_array_equal(applied(make(p=0.0)), IMAGE)
    pf.manual_seed(0)
    flipped = sum(not np.array_equal(applied(make(p=0.3)), IMAGE) for _ in range(200))
    assert 35 < flipped < 85


def test_a_seed_fixes_all_choices():
    chain = transforms.Compose(
        [
            transforms.RandomCrop(5, padding=2),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([transforms.RandomVerticalFlip()]),
            transforms.RandomChoice([lambda x: x + 1, lambda x: x * 2]),
            transforms.RandomOrder([lambda x: x + 1, lambda x: x * 2]),
        ]
    )

    def run(seed):
        pf.manual_seed(seed)
        return np.stack([applied(chain) for _ in range(6)])

    np.testing.assert_array_equal(run(4), run(4))
    assert not np.array_equal(run(4), run(5))


def test_transforms_show_their_options():
    inner = transforms.RandomApply([transforms.Normalize([0.5], [2.0])], p=0.3)
    assert repr(transforms.Compose([transforms.CenterCrop(4), inner])) == (
        "Compose(\n    CenterCrop(size=(4, 4))\n    RandomApply(\n        p=0.3\n"
        "        Normalize(mean=[0.5], std=[2.0])\n    )\n)"
    )
    scaler = transforms.StandardScaler().fit(pf.ones(2, 3))
    assert repr(scaler) == "StandardScaler()"


def test_transforms_are_recorded_where_that_is_wanted():
    chain = transforms.Compose([transforms.CenterCrop(4), transforms.Normalize([0.5], [2.0])])
    x = pf.tensor(IMAGE, requires_grad=True)
    chain(x).sum().backward()
    expected = np.zeros_like(IMAGE)
    expected[:, 1:5, 2:6] = 0.5
    np.testing.assert_array_equal(x.grad.numpy(), expected)
    traced = pf.trace(chain, pf.tensor(IMAGE))
    np.testing.assert_array_equal(pf.compile(chain)(pf.tensor(IMAGE)).numpy(), applied(chain))
    assert traced.graph.num_nodes > 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: transforms.Pad((1, 2, 3)),
        lambda: transforms.Pad(1, padding_mode="wrap"),
        lambda: transforms.Normalize([0.0], [0.0]),
        lambda: transforms.Normalize([0.0], [1.0])(pf.ones(3)),
        lambda: transforms.Grayscale(2),
        lambda: transforms.Grayscale()(pf.ones(2, 4, 4)),
        lambda: transforms.RandomHorizontalFlip(1.5),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"^\["):
        make()
