"""Transforms of sound: what frequencies there are at what time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pyflame import Tensor, arange, cos, float32, float64, from_numpy
from pyflame.nn import functional as F

from .transform import Transform

Array = np.ndarray[Any, np.dtype[np.float64]]
Window = Callable[[int], Tensor]


def hann(length: int) -> Tensor:
    """Return the periodic Hann window."""
    return 0.5 - 0.5 * cos(2 * math.pi * arange(length, dtype=float64) / length)


def fourier(length: int, bins: int, window: Array) -> Array:
    """Return the windowed waves (length, 2 * bins) whose products with a frame are its Fourier transform."""
    # Whole turns are taken away before the product is rounded.
    turns = np.outer(np.arange(length), np.arange(bins)) % length / length
    angle = 2 * np.pi * turns
    return np.hstack([np.cos(angle), -np.sin(angle)]) * window[:, None]


class Spectrogram(Transform):
    """Computes the strength of frequencies over time, as torchaudio does.

    From a signal (..., samples) comes (..., frequencies, frames): frequency k is k * sample rate / n_fft.

    Args:
        n_fft: samples of a frame.
        win_length: samples of the window, which is centered in the frame; `n_fft` if None.
        hop_length: samples from one frame to the next; half of `win_length` if None.
        pad: zeros on both sides of the signal.
        window_fn: makes the window from its length; the periodic Hann window if None.
        power: 1 for amplitude, 2 for power.
        normalized: divide amplitudes by the root of the sum of the squared window.
        center: the first frame has its middle at the first sample, with padding; else its begin.
        pad_mode: of that padding: "reflect", "constant" or "replicate".
        onesided: leave out the frequencies that mirror others.

    Raises:
        ValueError: sizes that are not possible, or a signal shorter than a frame.
        NotImplementedError: power is None: complex numbers are not available.

    Example:
        >>> import math
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> wave = pf.sin(2 * math.pi * 8 / 64 * pf.arange(256.0))
        >>> spectrum = transforms.Spectrogram(n_fft=64)(wave)
        >>> spectrum.shape, spectrum[:, 4].argmax().item()
        (pyflame.Size([33, 9]), 8)
    """

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Window | None = None,
        power: float | None = 2.0,
        normalized: bool = False,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if power is None:
            raise NotImplementedError(f"[{name}] cpu: power=None asks for complex numbers, which there are none of")
        self.n_fft, self.win_length = n_fft, n_fft if win_length is None else win_length
        self.hop_length = self.win_length // 2 if hop_length is None else hop_length
        if not 0 < self.win_length <= n_fft or self.hop_length < 1 or pad < 0 or power <= 0:
            raise ValueError(
                f"[{name}] n_fft {n_fft}, win_length {self.win_length}, hop_length {self.hop_length}, pad {pad}, power "
                f"{power}: expected a window within the frame and positive numbers"
            )
        self.pad, self.power, self.normalized = pad, power, normalized
        self.center, self.pad_mode, self.onesided = center, pad_mode, onesided
        window = (window_fn or hann)(self.win_length).numpy().astype(np.float64)
        if window.shape != (self.win_length,):
            raise ValueError(f"[{name}] the window has shape {window.shape}: expected ({self.win_length},)")
        left = (n_fft - self.win_length) // 2
        whole = np.pad(window, (left, n_fft - self.win_length - left))
        self.bins = n_fft // 2 + 1 if onesided else n_fft
        waves = fourier(n_fft, self.bins, whole)
        if normalized:
            waves /= math.sqrt(float((window**2).sum()))
        self._waves = {float64: from_numpy(waves), float32: from_numpy(waves.astype(np.float32))}

    def apply(self, image: Tensor) -> Tensor:
        signal, name = image, type(self).__name__
        if signal.dtype not in self._waves:
            raise ValueError(f"[{name}] the signal has dtype {signal.dtype.name}: expected float32 or float64")
        if signal.ndim < 1:
            raise ValueError(f"[{name}] the signal has shape (): expected (..., samples)")
        rows = signal.reshape(-1, 1, signal.shape[-1])
        if self.pad:
            rows = F.pad(rows, (self.pad, self.pad))
        if self.center:
            half = self.n_fft // 2
            if self.pad_mode == "reflect" and rows.shape[-1] <= half:
                raise ValueError(f"[{name}] {rows.shape[-1]} samples are too few to mirror {half} of them")
            rows = F.pad(rows, (half, half), mode=self.pad_mode)
        if rows.shape[-1] < self.n_fft:
            raise ValueError(f"[{name}] the signal has {rows.shape[-1]} samples: a frame has {self.n_fft}")
        frames = rows.squeeze(1).unfold(-1, self.n_fft, self.hop_length)  # (signals, frames, n_fft)
        parts = frames @ self._waves[signal.dtype]
        squares = parts[..., : self.bins] ** 2 + parts[..., self.bins :] ** 2
        strength = squares if self.power == 2 else squares ** (self.power / 2)
        return strength.transpose(-1, -2).reshape(*signal.shape[:-1], self.bins, -1)


def hertz_to_mel(frequency: Any, scale: str) -> Any:
    """Convert frequencies to mel, by the formula of HTK or that of Slaney's Auditory Toolbox."""
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + np.asarray(frequency) / 700.0)
    linear = np.asarray(frequency) / (200.0 / 3)
    with np.errstate(divide="ignore"):  # the logarithm counts above 1000 Hz only
        return np.where(linear >= 15.0, 15.0 + 27.0 * np.log(np.asarray(frequency) / 1000.0) / np.log(6.4), linear)


def mel_to_hertz(mel: Array, scale: str) -> Array:
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return np.where(mel >= 15.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mel - 15.0)), 200.0 / 3 * mel)


def mel_filters(
    bins: int, f_min: float, f_max: float, n_mels: int, sample_rate: int, norm: str | None, scale: str
) -> Array:
    """Return triangular filters (bins, n_mels), whose corners are equally far apart in mel."""
    frequencies = np.linspace(0, sample_rate // 2, bins)
    corners = mel_to_hertz(np.linspace(hertz_to_mel(f_min, scale), hertz_to_mel(f_max, scale), n_mels + 2), scale)
    slopes = corners[None, :] - frequencies[:, None]
    widths = np.diff(corners)
    filters = np.maximum(0.0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]))
    return filters * 2.0 / (corners[2:] - corners[:-2]) if norm == "slaney" else filters


class MelSpectrogram(Spectrogram):
    """Computes a spectrogram whose frequencies are as far apart as the ear hears them, as torchaudio does.

    From a signal (..., samples) comes (..., n_mels, frames).

    Args:
        sample_rate: samples per second.
        n_fft: samples of a frame.
        win_length: samples of the window; `n_fft` if None.
        hop_length: samples from one frame to the next; half of `win_length` if None.
        f_min: lowest frequency in Hertz.
        f_max: highest, half of the sample rate if None.
        pad: zeros on both sides of the signal.
        n_mels: how many filters there are.
        window_fn: makes the window from its length; the periodic Hann window if None.
        power: 1 for amplitude, 2 for power.
        normalized: divide amplitudes by the root of the sum of the squared window.
        center: the first frame has its middle at the first sample, with padding; else its begin.
        pad_mode: of that padding.
        norm: "slaney" divides each filter by its width.
        mel_scale: "htk" or "slaney".

    Raises:
        ValueError: sizes or names that are not possible.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.MelSpectrogram(sample_rate=8000, n_mels=20)(pf.zeros(2, 1000)).shape
        pyflame.Size([2, 20, 6])
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        f_min: float = 0.0,
        f_max: float | None = None,
        pad: int = 0,
        n_mels: int = 128,
        window_fn: Window | None = None,
        power: float = 2.0,
        normalized: bool = False,
        center: bool = True,
        pad_mode: str = "reflect",
        norm: str | None = None,
        mel_scale: str = "htk",
    ) -> None:
        super().__init__(n_fft, win_length, hop_length, pad, window_fn, power, normalized, center, pad_mode)
        if norm not in (None, "slaney") or mel_scale not in ("htk", "slaney"):
            raise ValueError(f"[MelSpectrogram] norm {norm!r}, mel_scale {mel_scale!r}: expected slaney or htk")
        highest = float(sample_rate // 2) if f_max is None else f_max
        if not 0 <= f_min < highest or n_mels < 1:
            raise ValueError(f"[MelSpectrogram] {n_mels} filters from {f_min} to {highest} Hz: not possible")
        self.sample_rate, self.f_min, self.f_max, self.n_mels = sample_rate, f_min, highest, n_mels
        filters = mel_filters(self.bins, f_min, highest, n_mels, sample_rate, norm, mel_scale)
        self._filters = {float64: from_numpy(filters), float32: from_numpy(filters.astype(np.float32))}

    def apply(self, image: Tensor) -> Tensor:
        spectrum = super().apply(image)
        return (spectrum.transpose(-1, -2) @ self._filters[image.dtype]).transpose(-1, -2)
