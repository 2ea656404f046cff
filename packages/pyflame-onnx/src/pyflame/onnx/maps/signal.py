"""Signals: Fourier transforms as products with their matrices, windows, mel filters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, axis_of, check_count, element_type, ints, number
from .registry import maps


@maps("DFT", 17, host="length")
def dft_with_attribute(x: Tensor, length: Any = None, *, axis: int = 1, inverse: int = 0, onesided: int = 0) -> Tensor:
    return transform(x, length, axis, bool(inverse), bool(onesided))


@maps("DFT", 20, host=("length", "axis"))
def dft(x: Tensor, length: Any = None, axis: Any = None, *, inverse: int = 0, onesided: int = 0) -> Tensor:
    return transform(x, length, -2 if axis is None else int(number(axis)), bool(inverse), bool(onesided))


def transform(x: Tensor, length: Any, axis: int, inverse: bool, onesided: bool) -> Tensor:
    """Transform along an axis; the last axis holds real and imaginary parts, or real ones alone."""
    axis = axis_of(axis, x.ndim, "DFT")
    if axis == x.ndim - 1:
        raise ValueError("[DFT] the last axis holds real and imaginary parts: it cannot be transformed")
    if inverse and onesided:  # the half that was left out mirrors the rest
        return real_inverse(x, axis, 2 * (x.shape[axis] - 1) if length is None else int(number(length)))
    count = x.shape[axis] if length is None else int(number(length))
    x = resized(x, axis, count)
    places = np.arange(count // 2 + 1 if onesided else count)
    angle = (1 if inverse else -1) * 2 * math.pi * np.outer(np.arange(count), places) / count
    scale = 1 / count if inverse else 1.0
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    moved = pf.movedim(x, axis, -2)
    real = pf.select(moved, -1, 0)
    if x.shape[-1] == 1:
        result = [product(real, cos), product(real, sin)]
    else:
        imaginary = pf.select(moved, -1, 1)
        result = [product(real, cos) - product(imaginary, sin), product(real, sin) + product(imaginary, cos)]
    return pf.cast(pf.movedim(pf.stack(result, -1), -2, axis), x.dtype)


def real_inverse(x: Tensor, axis: int, count: int) -> Tensor:
    """Return the real signal of a one-sided spectrum."""
    bins = count // 2 + 1
    half = resized(x, axis, bins)
    twice = np.array([1.0 if place == 0 or 2 * place == count else 2.0 for place in range(bins)])
    angle = 2 * math.pi * np.outer(np.arange(bins), np.arange(count)) / count
    cos, sin = np.cos(angle) * twice[:, None] / count, np.sin(angle) * twice[:, None] / count
    moved = pf.movedim(half, axis, -2)
    real = product(pf.select(moved, -1, 0), cos)
    if x.shape[-1] == 2:
        real = real - product(pf.select(moved, -1, 1), sin)
    return pf.cast(pf.movedim(pf.unsqueeze(real, -1), -2, axis), x.dtype)


def resized(x: Tensor, axis: int, count: int) -> Tensor:
    """Cut an axis, or fill it up with zeros."""
    have = x.shape[axis]
    if count <= have:
        return pf.narrow(x, axis, 0, count)
    filler = pf.zeros([count - have if place == axis else size for place, size in enumerate(x.shape)], dtype=x.dtype)
    return pf.cat([x, filler], axis)


def product(x: Tensor, values: Array) -> Tensor:
    """Multiply with a matrix in float64: a Fourier transform sums large terms to small ones."""
    return pf.matmul(pf.cast(x, pf.float64), pf.from_numpy(np.ascontiguousarray(values)))


@maps("STFT", 17, host=("step", "length"))
def stft(signal: Tensor, step: Any, window: Tensor | None = None, length: Any = None, *, onesided: int = 1) -> Tensor:
    hop = int(number(step))
    size = int(number(length)) if length is not None else window.shape[0] if window is not None else signal.shape[1]
    if hop < 1 or not 1 <= size <= signal.shape[1]:
        raise ValueError(f"[STFT] frames of {size} every {hop} steps, the signal has {signal.shape[1]}")
    frames = 1 + (signal.shape[1] - size) // hop
    index = np.arange(frames)[:, None] * hop + np.arange(size)[None, :]
    cut = pf.index_select(signal, 1, pf.from_numpy(index.reshape(-1)))
    cut = pf.reshape(cut, (signal.shape[0], frames, size, signal.shape[2] if signal.ndim > 2 else 1))
    if window is not None:
        cut = cut * pf.reshape(window, (1, 1, size, 1))
    return transform(cut, None, 2, False, bool(onesided))


def window(size: Any, periodic: int, output_datatype: int, terms: tuple[float, ...]) -> Tensor:
    """Return a sum of cosines over a window."""
    count = ints(size)[0]
    check_count(count, "window")
    angle = 2 * math.pi * np.arange(count) / max(count if periodic else count - 1, 1)
    values = sum(term * np.cos(place * angle) for place, term in enumerate(terms))
    return pf.cast(pf.from_numpy(np.asarray(values)), element_type(output_datatype).dtype)


@maps("HannWindow", 17, host="size")
def hann_window(size: Any, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
    return window(size, periodic, output_datatype, (0.5, -0.5))


@maps("HammingWindow", 17, host="size")
def hamming_window(size: Any, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
    return window(size, periodic, output_datatype, (25 / 46, -21 / 46))


@maps("BlackmanWindow", 17, host="size")
def blackman_window(size: Any, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
    return window(size, periodic, output_datatype, (0.42, -0.5, 0.08))


@maps("MelWeightMatrix", 17, host="*")
def mel_weight_matrix(bins: Any, length: Any, rate: Any, lower: Any, upper: Any, *, output_datatype: int = 1) -> Tensor:
    """Return triangles that overlap by half on the mel scale: (frequencies, bins)."""
    count, size = int(number(bins)), int(number(length))
    low, high = (2595 * math.log10(1 + number(edge) / 700) for edge in (lower, upper))
    mels = low + np.arange(count + 2) * ((high - low) / (count + 2))
    edges = ((size + 1) * (700 * (10 ** (mels / 2595) - 1)) // number(rate)).astype(np.int64)
    start, center, end = edges[:-2], edges[1:-1], edges[2:]
    row = np.arange(size // 2 + 1)[:, None]
    rising = (row - start) / np.maximum(center - start, 1)
    falling = (end - row) / np.maximum(end - center, 1)
    weights = np.where((row >= start) & (row < center), rising, 0.0)
    weights = np.where((row >= center) & (row < end), falling, weights)
    weights = np.where(row == center, 1.0, weights)
    return pf.cast(pf.from_numpy(weights), element_type(output_datatype).dtype)
