"""The same as PyTorch, where it is installed: batches, shares, sizes and spectra."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import pyflame as pf
from pyflame.data import DataLoader, DistributedSampler, IterableDataset, default_collate, default_convert, transforms

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch.utils import data as theirs  # noqa: E402  (after the question whether it is there)

pytestmark = pytest.mark.torch
RANDOM = np.random.default_rng(0)
Pair = namedtuple("Pair", "left right")


def same(ours, other):
    if isinstance(other, torch.Tensor):
        assert isinstance(ours, pf.Tensor) and str(ours.dtype).split(".")[1] == str(other.dtype).split(".")[1]
        np.testing.assert_array_equal(ours.numpy(), other.numpy())
    elif isinstance(other, dict):
        assert type(ours) is type(other) and ours.keys() == other.keys()
        for key in other:
            same(ours[key], other[key])
    elif isinstance(other, list | tuple):
        assert type(ours) is type(other) and len(ours) == len(other)
        for a, b in zip(ours, other):
            same(a, b)
    else:
        assert np.array_equal(ours, other)


ITEMS = {
    "numbers": [1, 2],
    "floats": [1.5, 2.5],
    "flags": [True, False],
    "strings": ["a", "b"],
    "arrays": [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)],
    "scalars": [np.int16(3), np.int16(4)],
    "tuples": [(1, "a", np.ones(2)), (2, "b", np.zeros(2))],
    "lists": [[1, 2.0], [3, 4.0]],
    "named": [Pair(1, [2]), Pair(3, [4])],
    "mappings": [OrderedDict(a=1, b={"c": np.ones(1)}), OrderedDict(a=2, b={"c": np.zeros(1)})],
}


@pytest.mark.parametrize("kind", ITEMS)
def test_items_are_joined_and_converted_alike(kind):
    same(default_collate(ITEMS[kind]), theirs.default_collate(ITEMS[kind]))
    same(default_convert(ITEMS[kind][0]), theirs.default_convert(ITEMS[kind][0]))


class Ours(IterableDataset):
    def __iter__(self):
        return iter(range(7))


class Theirs(theirs.IterableDataset):
    def __iter__(self):
        return iter(range(7))


@pytest.mark.parametrize("options", [{"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}])
@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_yield_the_same(options, workers):
    items = [(np.full(2, i, np.float32), i) for i in range(7)]
    for own, other in ((items, items), (Ours(), Theirs())):
        found = list(DataLoader(own, num_workers=workers, **options))
        expected = list(theirs.DataLoader(other, num_workers=workers, **options))
        assert len(found) == len(expected)
        for ours, batch in zip(found, expected):
            same(ours, batch)


@pytest.mark.parametrize("drop_last", [False, True])
def test_shares_are_the_same(drop_last):
    for count in range(1, 12):
        for rank in range(4):
            other = theirs.DistributedSampler(range(count), 4, rank, shuffle=False, drop_last=drop_last)
            ours = DistributedSampler(range(count), 4, rank, shuffle=False, drop_last=drop_last)
            assert list(ours) == list(other) and len(ours) == len(other)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(9, 31), (40, 12)])
@pytest.mark.parametrize("antialias", [True, False])
def test_sizes_are_changed_alike(mode, size, antialias):
    image = RANDOM.uniform(0, 1, (3, 20, 25)).astype(np.float32)
    smooth = {"align_corners": False, "antialias": antialias} if mode.startswith("bi") else {}
    expected = torch.nn.functional.interpolate(torch.from_numpy(image)[None], size, mode=mode, **smooth)[0]
    found = transforms.Resize(size, mode, antialias=antialias)(pf.tensor(image))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-6)


@pytest.mark.parametrize(
    "n_fft, win_length, hop, center", [(64, 64, 16, True), (100, 80, 30, True), (64, 50, 10, False)]
)
@pytest.mark.parametrize("onesided", [True, False])
@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
def test_spectra_are_the_same(n_fft, win_length, hop, center, onesided, pad_mode):
    signal = RANDOM.normal(0, 1, (2, 500))
    window = torch.hann_window(win_length, dtype=torch.float64)
    expected = torch.stft(
        torch.from_numpy(signal), n_fft, hop, win_length, window, center, pad_mode, False, onesided, return_complex=True
    )
    transform = transforms.Spectrogram(n_fft, win_length, hop, center=center, pad_mode=pad_mode, onesided=onesided)
    found = transform(pf.tensor(signal, dtype=pf.float64)).numpy()
    np.testing.assert_allclose(found, expected.abs().numpy() ** 2, rtol=1e-8, atol=1e-9)
