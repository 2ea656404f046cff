"""Spectra against SciPy, and mel filters against the formulas by hand."""

import math

import numpy as np
import pytest
from scipy import signal
from scipy.signal import windows

import pyflame as pf
from pyflame.data import transforms
from pyflame.data.transforms.audio import hertz_to_mel, mel_filters, mel_to_hertz

RANDOM = np.random.default_rng(9)
SIGNAL = RANDOM.normal(0, 1, (2, 3, 1000))


def reference(signal, n_fft, win_length, hop, power, center):
    """Frames one after the other through NumPy's transform, with SciPy's window."""
    window = np.zeros(n_fft)
    left = (n_fft - win_length) // 2
    window[left : left + win_length] = windows.hann(win_length, sym=False)
    if center:
        signal = np.pad(signal, n_fft // 2, mode="reflect")
    frames = [signal[begin : begin + n_fft] for begin in range(0, len(signal) - n_fft + 1, hop)]
    return np.stack([np.abs(np.fft.rfft(frame * window)) ** power for frame in frames], 1)


@pytest.mark.parametrize("n_fft, win_length, hop", [(64, None, None), (100, 80, 30), (51, 51, 20)])
@pytest.mark.parametrize("power", [1.0, 2.0, 0.7])
@pytest.mark.parametrize("center", [True, False])
def test_spectrogram(n_fft, win_length, hop, power, center):
    transform = transforms.Spectrogram(n_fft, win_length, hop, power=power, center=center)
    found = transform(pf.tensor(SIGNAL, dtype=pf.float64)).numpy()
    length = win_length or n_fft
    for place in np.ndindex(2, 3):
        expected = reference(SIGNAL[place], n_fft, length, hop or length // 2, power, center)
        np.testing.assert_allclose(found[place], expected, rtol=1e-7, atol=1e-9)
    single = transform(pf.tensor(SIGNAL[0, 0], dtype=pf.float32)).numpy()
    np.testing.assert_allclose(single, found[0, 0], rtol=2e-3, atol=2e-3)


def test_spectrogram_is_that_of_scipy():
    _, _, expected = signal.stft(SIGNAL[0, 0], nperseg=64, noverlap=48, boundary=None, padded=False, scaling="spectrum")
    found = transforms.Spectrogram(64, hop_length=16, center=False)(pf.tensor(SIGNAL[0, 0], dtype=pf.float64)).numpy()
    window = signal.get_window("hann", 64)
    np.testing.assert_allclose(found / window.sum() ** 2, np.abs(expected) ** 2, rtol=1e-9, atol=1e-12)


def test_options():
    x = pf.tensor(SIGNAL[0, 0], dtype=pf.float64)
    plain = transforms.Spectrogram(64)(x).numpy()
    both = transforms.Spectrogram(64, onesided=False)(x).numpy()
    np.testing.assert_allclose(both[:33], plain, rtol=1e-9)
    np.testing.assert_allclose(both[33:], plain[1:32][::-1], rtol=1e-6, atol=1e-9)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    np.testing.assert_allclose(
        transforms.Spectrogram(64, normalized=True)(x).numpy(), plain / (window**2).sum(), rtol=1e-9
    )
    flat = transforms.Spectrogram(64, window_fn=lambda n: pf.ones(n), center=False)(x).numpy()
    np.testing.assert_allclose(flat[:, 0], np.abs(np.fft.rfft(SIGNAL[0, 0, :64])) ** 2, rtol=1e-6, atol=1e-9)
    padded = transforms.Spectrogram(64, pad=10, pad_mode="constant")(x).numpy()
    again = transforms.Spectrogram(64, pad_mode="constant")(
        pf.tensor(np.pad(SIGNAL[0, 0], 10), dtype=pf.float64)
    ).numpy()
    np.testing.assert_allclose(padded, again)


def test_gradients_flow():
    x = pf.tensor(SIGNAL[0, 0], dtype=pf.float64, requires_grad=True)
    transforms.Spectrogram(64)(x).sum().backward()
    assert np.isfinite(x.grad.numpy()).all() and np.abs(x.grad.numpy()).max() > 0


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_scales(scale):
    hertz = np.array([0.0, 100.0, 999.0, 1000.0, 1001.0, 4000.0])
    for frequency in hertz:
        if scale == "htk":
            expected = 1127.0 * math.log(1 + frequency / 700)
        else:
            expected = 3 * frequency / 200 if frequency < 1000 else 15 + 27 * math.log(frequency / 1000, 6.4)
        assert hertz_to_mel(frequency, scale) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz, scale), scale), hertz, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("norm", [None, "slaney"])
def test_filters_are_triangles(scale, norm):
    rate, bins, count = 8000, 201, 12
    filters = mel_filters(bins, 50.0, 3800.0, count, rate, norm, scale)
    corners = mel_to_hertz(np.linspace(hertz_to_mel(50.0, scale), hertz_to_mel(3800.0, scale), count + 2), scale)
    frequencies = np.arange(bins) * rate / (2 * (bins - 1))
    for k in range(count):
        left, middle, right = corners[k : k + 3]
        expected = np.interp(frequencies, [left, middle, right], [0.0, 1.0, 0.0], 0.0, 0.0)
        np.testing.assert_allclose(filters[:, k], expected * (2 / (right - left) if norm else 1), atol=1e-9)


def test_mel_spectrogram_is_filtered():
    x = pf.tensor(SIGNAL, dtype=pf.float64)
    mel = transforms.MelSpectrogram(8000, 128, hop_length=50, n_mels=16, power=1.0)
    spectrum = transforms.Spectrogram(128, hop_length=50, power=1.0)(x).numpy()
    expected = np.einsum("fm,abft->abmt", mel_filters(65, 0.0, 4000.0, 16, 8000, None, "htk"), spectrum)
    np.testing.assert_allclose(mel(x).numpy(), expected, rtol=1e-9)
    time = np.arange(8000) / 8000
    low, high = (mel(pf.tensor(np.sin(2 * np.pi * f * time))).numpy()[:, 50].argmax() for f in (300, 2500))
    assert low < 5 < 10 < high


@pytest.mark.parametrize(
    "make, kind",
    [
        (lambda: transforms.Spectrogram(power=None), NotImplementedError),
        (lambda: transforms.Spectrogram(10, win_length=11), ValueError),
        (lambda: transforms.Spectrogram(10, hop_length=0), ValueError),
        (lambda: transforms.Spectrogram(64)(pf.ones(20)), ValueError),
        (lambda: transforms.Spectrogram(64, center=False)(pf.ones(63)), ValueError),
        (lambda: transforms.Spectrogram(8)(pf.ones(20, dtype=pf.int64)), ValueError),
        (lambda: transforms.Spectrogram(8, window_fn=lambda n: pf.ones(n + 1)), ValueError),
        (lambda: transforms.MelSpectrogram(f_min=9000.0), ValueError),
        (lambda: transforms.MelSpectrogram(norm="area"), ValueError),
    ],
)
def test_what_does_not_fit_is_refused(make, kind):
    with pytest.raises(kind, match=r"^\["):
        make()
