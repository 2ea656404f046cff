"""Gradients of convolutions at sizes that the tile unit takes, beside those of float64, which it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import ops
from pyflame.testing.samples import window as reference

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
    (9, 40, 24, 20, 20, 1, 1, 0, 1),  # single elements of a few images together
    (7, 20, 24, 30, 30, 1, 2, 1, 1),
    (2, 32, 64, 16, 16, 3, 1, 2, 2),
    (1, 128, 128, 7, 7, 3, 1, 1, 1),
    (4, 256, 64, 4, 4, 3, 1, 1, 1),  # small images go together
    (8, 64, 64, 4, 4, 3, 1, 1, 1),  # pixels of several images are neighbours
    (6, 33, 70, 7, 5, 3, 1, 1, 1),
    (12, 64, 130, 9, 8, 3, 2, 1, 1),
    (8, 32, 160, 8, 8, 5, 1, 2, 1),
    (9, 40, 40, 6, 6, 3, 1, 2, 2),
    (24, 256, 140, 4, 4, 3, 1, 1, 1),  # more of them than go together
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


# images, channels, results for each channel, height, width, window, stride, padding, dilation
DEPTHWISE = [
    (2, 3, 1, 8, 8, (3, 3), (1, 1), (1, 1), (1, 1)),
    (3, 4, 2, 9, 21, (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 3, 1, 16, 33, (3, 3), (2, 2), (1, 1), (1, 1)),
    (2, 3, 2, 13, 10, (2, 5), (2, 3), (0, 2), (1, 1)),
    (2, 2, 1, 12, 40, (5, 5), (1, 1), (2, 2), (1, 1)),
    (1, 2, 1, 20, 20, (7, 3), (1, 2), (3, 1), (2, 1)),
    (2, 2, 1, 11, 14, (3, 3), (1, 1), (3, 4), (1, 1)),  # more padding than the window needs
    (2, 2, 1, 7, 9, (2, 2), (3, 3), (0, 0), (1, 1)),  # pixels between the windows
    (2, 2, 1, 6, 5, (3, 3), (1, 1), (1, 1), (2, 2)),
    (1, 2, 1, 95, 70, (3, 3), (1, 1), (1, 1), (1, 1)),  # several bands of a plane
    (1, 2, 1, 99, 70, (3, 3), (2, 2), (1, 1), (1, 1)),
]


@pytest.mark.parametrize("case", DEPTHWISE, ids=lambda c: "-".join(map(str, c)))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_depthwise_convolution(case: tuple[Any, ...], dtype: type[Any], rng: np.random.Generator) -> None:
    n, c, each, h, w, window, stride, padding, dilation = case
    x, weight = (
        rng.standard_normal((n, c, h, w)).astype(dtype),
        rng.standard_normal((c * each, 1, *window)).astype(dtype),
    )
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": c}
    size = [(e + 2 * p - d * (k - 1) - 1) // s + 1 for e, k, s, p, d in zip((h, w), window, stride, padding, dilation)]
    g = rng.standard_normal((n, c * each, *size)).astype(dtype)
    exact = [array.astype(float) for array in (x, weight, g)]
    expected = [
        reference.conv2d(exact[0], exact[1], **geometry),
        reference.conv2d_grad_input(exact[2], exact[1], h, w, **geometry),
        reference.conv2d_grad_weight(exact[2], exact[0], *window, **geometry),
    ]
    for found, wanted in zip(outputs_and_gradients(x, weight, g, **geometry), expected, strict=True):
        assert np.abs(found - wanted).max() <= (2e-6 if dtype is np.float32 else 1e-13) * np.abs(wanted).max()


def test_depthwise_gradients_keep_infinities_where_they_are(rng: np.random.Generator) -> None:
    """Rows are shorter than a vector, so what stands beside them is read and must not count."""
    x = rng.standard_normal((1, 2, 6, 5)).astype(np.float32)
    weight, g = (
        rng.standard_normal((2, 1, 3, 3)).astype(np.float32),
        rng.standard_normal((1, 2, 6, 5)).astype(np.float32),
    )
    x[0, 0, 2, 0] = g[0, 0, 3, 4] = np.inf
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 2}
    with np.errstate(invalid="ignore"):
        grad_input = reference.conv2d_grad_input(g.astype(float), weight.astype(float), 6, 5, **geometry)
        grad_weight = reference.conv2d_grad_weight(g.astype(float), x.astype(float), 3, 3, **geometry)
    _, found_input, found_weight = outputs_and_gradients(x, weight, g, **geometry)
    np.testing.assert_array_equal(np.isfinite(found_input), np.isfinite(grad_input))
    # Padding is zeros, and zero times infinity is no number: more window elements are spoilt than in the reference.
    assert np.isfinite(found_weight[1]).all() and not np.isfinite(found_weight[~np.isfinite(grad_weight)]).any()


def test_depthwise_gradients_do_not_depend_on_the_number_of_threads(rng: np.random.Generator) -> None:
    x, weight = (
        rng.standard_normal((5, 24, 40, 40)).astype(np.float32),
        rng.standard_normal((24, 1, 3, 3)).astype(np.float32),
    )
    before, found = pf.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            found.append(outputs_and_gradients(x, weight, padding=1, groups=24))
    finally:
        pf.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("value", [np.inf, np.nan, 3e38, 1e-42])
@pytest.mark.parametrize("channel", [5, 100])
def test_weights_that_bfloat16_parts_cannot_hold(value: float, channel: int, rng: np.random.Generator) -> None:
    """They are found when their panel is packed, after others have given results."""
    x, w = (
        rng.standard_normal((8, 48, 4, 4)).astype(np.float32),
        rng.standard_normal((160, 48, 3, 3)).astype(np.float32),
    )
    w[channel, 3, 1, 1] = value
    found = ops.conv2d(pf.tensor(x), pf.tensor(w), padding=1).numpy()
    wanted = ops.conv2d(pf.tensor(x.astype(float)), pf.tensor(w.astype(float)), padding=1).numpy()
    with np.errstate(over="ignore"):
        wanted = wanted.astype(np.float32)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_allclose(found[finite], wanted[finite], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("case", [(8, 48, 160, 4), (8, 130, 40, 8), (16, 256, 128, 4)], ids=str)
def test_small_images_do_not_depend_on_the_number_of_threads(case: tuple[int, ...], rng: np.random.Generator) -> None:
    n, c, o, size = case
    x, w = (
        rng.standard_normal((n, c, size, size)).astype(np.float32),
        rng.standard_normal((o, c, 3, 3)).astype(np.float32),
    )
    before, found = pf.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            found.append(outputs_and_gradients(x, w, padding=1))
    finally:
        pf.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
