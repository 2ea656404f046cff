import numpy as np
import pytest
from sklearn import datasets

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader
from pyflame.datasets import Blobs, CopyTask, FakeData, Moons, SineWave, Spirals, SyntheticDigits

ALL = [Blobs, Moons, Spirals, SineWave, CopyTask, SyntheticDigits]


def arrays(dataset):
    return [part.numpy() for part in dataset.fetch(np.arange(len(dataset)))]


@pytest.mark.parametrize("kind", ALL)
def test_a_seed_fixes_everything_and_parts_differ(kind):
    first, again, test, other = (
        arrays(kind(num_samples=30, **options)) for options in ({}, {}, {"train": False}, {"seed": 1})
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], test[0]) and not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("kind", ALL)
def test_items_equal_batches(kind):
    dataset = kind(num_samples=12)
    whole = arrays(dataset)
    for i in (0, 7, -1):
        for part, item in zip(whole, dataset[i]):
            np.testing.assert_array_equal(part[i], np.asarray(item))
    changed = kind(num_samples=12, transform=lambda x: 0, target_transform=lambda y: 1)
    assert changed[3] == (0, 1) and changed.fetch is None
    with pytest.raises(IndexError):
        dataset.fetch(np.arange(10, 14))
    with pytest.raises(ValueError, match=r"^\["):
        kind(num_samples=0)


def test_blobs_lie_around_their_centers():
    dataset = Blobs(num_samples=3000, num_classes=4, num_features=3, std=0.5, train=False)
    points, labels = arrays(dataset)
    for label in range(4):
        own = points[labels == label]
        np.testing.assert_allclose(own.mean(0), dataset.centers[label], atol=0.1)
        np.testing.assert_allclose(own.std(0), 0.5, atol=0.05)
    np.testing.assert_array_equal(dataset.centers, Blobs(num_classes=4, num_features=3).centers)


@pytest.mark.parametrize("n", [10, 11])
def test_moons_are_those_of_scikit_learn(n):
    points, labels = arrays(Moons(n, noise=0.0))
    wanted, wanted_labels = datasets.make_moons((n - n // 2, n // 2), shuffle=False, noise=None)
    for label in (0, 1):
        np.testing.assert_allclose(points[labels == label], wanted[wanted_labels == label], atol=1e-6)


def test_spirals_wind():
    points, labels = arrays(Spirals(500, num_classes=3, turns=2.0, noise=0.0))
    radius, angle = np.hypot(*points.T), np.arctan2(*points.T[::-1])
    away = (angle - 2 * np.pi * (2.0 * radius + labels / 3)) / (2 * np.pi)
    np.testing.assert_allclose(away, np.rint(away), atol=1e-4)
    assert radius.max() <= 1 + 1e-6


def test_waves_go_on():
    given, wanted = arrays(SineWave(20, length=30, horizon=4))
    wave = np.concatenate([given, wanted], 1)[..., 0].astype(np.float64)
    # sin(a + w) + sin(a - w) = 2 cos(w) sin(a): the same factor all along a wave.
    factor = ((wave[:, 2:] + wave[:, :-2]) * wave[:, 1:-1]).sum(1) / (wave[:, 1:-1] ** 2).sum(1)
    np.testing.assert_allclose(wave[:, 2:] + wave[:, :-2], factor[:, None] * wave[:, 1:-1], atol=1e-5)
    periods = 100 * np.arccos(factor / 2) / (2 * np.pi)
    assert (1 - 1e-3 <= periods).all() and (periods <= 5 + 1e-3).all()
    noisy, clean = SineWave(20, noise=0.5), SineWave(20)
    assert np.abs(arrays(noisy)[0] - arrays(clean)[0]).std() > 0.2
    np.testing.assert_array_equal(arrays(noisy)[1], arrays(clean)[1])


def test_symbols_are_copied():
    given, wanted = arrays(CopyTask(50, length=4, delay=3, num_symbols=5))
    assert given.shape == wanted.shape == (50, 12)
    np.testing.assert_array_equal(given[:, :4], wanted[:, 8:])
    assert set(np.unique(given[:, :4])) == {1, 2, 3, 4, 5}
    assert (given[:, 7] == 6).all() and not given[:, 4:7].any() and not given[:, 8:].any() and not wanted[:, :8].any()


def test_digits_can_be_told_apart():
    """A linear classifier learns most of them, on images it has not seen."""
    pf.manual_seed(0)
    train, test = SyntheticDigits(2000), SyntheticDigits(500, train=False)
    model = nn.Linear(28 * 28, 10)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(6):
        for images, labels in DataLoader(train, batch_size=50, shuffle=True, seed=0):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images.flatten(1) / 255.0), labels).backward()
            optimizer.step()
    images, labels = arrays(test)
    found = model(pf.tensor(images.reshape(500, -1) / np.float32(255))).argmax(1).numpy()
    assert (found == labels).mean() > 0.85


def test_fake_images():
    dataset = FakeData(20, (3, 8, 9), num_classes=4)
    image, label = dataset[5]
    assert image.shape == (8, 9, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, dataset[5 - 20][0])
    assert not np.array_equal(image, FakeData(20, (3, 8, 9), random_offset=1)[5][0])
    assert {dataset[i][1] for i in range(20)} == {0, 1, 2, 3}
    assert FakeData(2, transform=lambda x: x.shape, target_transform=str)[0][0] == (224, 224, 3)
    for wrong in (20, -21):
        with pytest.raises(IndexError):
            dataset[wrong]
    with pytest.raises(ValueError):
        FakeData(2, (3, 4))
