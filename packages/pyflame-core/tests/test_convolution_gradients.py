"""Gradients of convolutions at sizes that the tile unit takes, beside those of float64, which it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import ops

Array = np.ndarray[Any, np.dtype[Any]]

# images, channels, results, height, width, window, stride, padding, dilation
CASES = [
    (2, 64, 64, 16, 16, 3, 1, 1, 1),
    (3, 32, 48, 9, 13, 3, 1, 1, 1),
    (2, 40, 20, 12, 12, 5, 1, 2, 1),
    (2, 64, 96, 14, 14, 3, 2, 1, 1),
    (2, 64, 96, 15, 17, 3, 2, 1, 1),
    (2, 64, 128, 14, 14, 1, 2, 0, 1),  # pixels between those it reads
    (2, 64, 128, 14, 14, 1, 1, 0, 1),
    (2, 32, 64, 16, 16, 3, 1, 2, 2),
    (1, 128, 128, 7, 7, 3, 1, 1, 1),
    (4, 256, 64, 4, 4, 3, 1, 1, 1),  # small images go together
    (2, 32, 32, 20, 20, 7, 2, 3, 1),
    (2, 32, 32, 20, 20, 4, 2, 1, 1),
    (2, 32, 64, 20, 20, 3, 3, 0, 1),
    (2, 32, 32, 16, 16, 3, 1, 3, 1),  # more padding than the window needs
    (9, 33, 65, 10, 6, 2, 1, 0, 1),
    (6, 64, 64, 32, 32, 3, 1, 1, 1),  # images in several groups
]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def outputs_and_gradients(x: Array, w: Array, g: Array | None = None, **geometry: Any) -> list[Array]:
    image, weight = pf.tensor(x, requires_grad=True), pf.tensor(w, requires_grad=True)
    y = ops.conv2d(image, weight, **geometry)
    upstream = np.random.default_rng(1).standard_normal(tuple(y.shape)).astype(x.dtype) if g is None else g
    y.backward(pf.tensor(upstream))
    assert image.grad is not None and weight.grad is not None
    return [y.detach().numpy(), image.grad.numpy(), weight.grad.numpy()]


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c)))
def test_gradients_are_those_of_float64(case: tuple[int, ...], rng: np.random.Generator) -> None:
    n, c, o, h, w, window, stride, padding, dilation = case
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    x = rng.standard_normal((n, c, h, w)).astype(np.float32)
    weight = rng.standard_normal((o, c, window, window)).astype(np.float32)
    exact = outputs_and_gradients(x.astype(float), weight.astype(float), **geometry)
    for found, wanted in zip(outputs_and_gradients(x, weight, **geometry), exact, strict=True):
        assert np.abs(found - wanted).max() < 2e-6 * np.abs(wanted).max()


def test_strides_of_their_own_for_rows_and_columns(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 48, 24, 24)).astype(np.float32)
    w = rng.standard_normal((48, 48, 3, 3)).astype(np.float32)
    geometry = {"stride": (1, 2), "padding": (0, 1)}
    exact = outputs_and_gradients(x.astype(float), w.astype(float), **geometry)
    for found, wanted in zip(outputs_and_gradients(x, w, **geometry), exact, strict=True):
        assert np.abs(found - wanted).max() < 2e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("value", [np.inf, np.nan, 3e38, 1e-42])
def test_numbers_that_bfloat16_parts_cannot_hold(value: float, rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 32, 12, 12)).astype(np.float32)
    w = rng.standard_normal((32, 32, 3, 3)).astype(np.float32)
    g = rng.standard_normal((2, 32, 12, 12)).astype(np.float32)
    x[1, 3, 5, 6] = g[0, 7, 2, 2] = value
    exact = outputs_and_gradients(x.astype(float), w.astype(float), g.astype(float), padding=1)
    for found, wanted in zip(outputs_and_gradients(x, w, g, padding=1), exact, strict=True):
        with np.errstate(over="ignore"):
            wanted = wanted.astype(np.float32)
        finite = np.isfinite(wanted) & np.isfinite(found)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        np.testing.assert_allclose(found[finite], wanted[finite], rtol=1e-3, atol=1e-3)
        assert finite.mean() > 0.5


def test_gradients_do_not_depend_on_threads(rng: np.random.Generator) -> None:
    x = rng.standard_normal((5, 64, 20, 20)).astype(np.float32)
    w = rng.standard_normal((96, 64, 3, 3)).astype(np.float32)
    before, found = pf.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            found.append([array.tobytes() for array in outputs_and_gradients(x, w, padding=1, stride=2)])
    finally:
        pf.set_num_threads(before)
    assert found[0] == found[1] == found[2]
