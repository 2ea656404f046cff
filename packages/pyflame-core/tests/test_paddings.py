"""Padding of several dimensions, and reading along two, is one step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import hooks

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def steps_of(tensor: pf.Tensor) -> list[tuple[str, ...]]:
    steps: list[tuple[str, ...]] = []
    with hooks.register_op_hook(post=lambda event: steps.append(event.ops)):
        pf.eval(tensor)
    return steps


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 17, 40), (2, 2, 2, 1), (40, 30, 9, 33)])
@pytest.mark.parametrize("mode", MODES)
def test_padding_is_that_of_numpy(mode: str, shape: tuple[int, ...], dtype: type[Any]) -> None:
    x = (np.arange(np.prod(shape)) % 120).reshape(shape).astype(dtype)
    for widths in ((1, 1, 1, 1), (0, 3, 2, 0), (0, 0, 0, 2), (1, 2, 3, 4)):
        pairs = [(0, 0)] * (4 - len(widths) // 2) + list(zip(widths[::2], widths[1::2], strict=True))[::-1]
        most = {"reflect": 1, "circular": 0}.get(mode, -9)
        if most >= 0 and any(max(pair) > size - most for pair, size in zip(pairs, shape, strict=True)):
            continue
        found = pf.pad(pf.tensor(x), widths, mode=mode)
        np.testing.assert_array_equal(found.numpy(), np.pad(x, pairs, mode=MODES[mode]))  # type: ignore[call-overload]


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_two_dimensions_are_padded_in_one_step(mode: str) -> None:
    padded = pf.pad(pf.tensor(np.ones((2, 3, 8, 8))), (1, 1, 2, 2), mode=mode)
    assert len(steps_of(padded)) == 1


def test_a_padding_between_two_that_is_read_keeps_its_value() -> None:
    x = pf.arange(6.0).reshape(2, 3)
    inner = pf.pad(x, (1, 0))
    outer = pf.pad(inner, (0, 0, 1, 1))
    pf.eval(inner, outer)
    np.testing.assert_array_equal(inner.numpy(), np.pad(x.numpy(), ((0, 0), (1, 0))))
    np.testing.assert_array_equal(outer.numpy(), np.pad(x.numpy(), ((1, 1), (1, 0))))


def test_volumes_and_strided_tensors() -> None:
    x = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    found = pf.pad(pf.tensor(x).permute(0, 4, 3, 2, 1), (1, 2, 0, 1, 2, 0))
    np.testing.assert_array_equal(
        found.numpy(), np.pad(x.transpose(0, 4, 3, 2, 1), ((0, 0), (0, 0), (2, 0), (0, 1), (1, 2)))
    )
    reflected = pf.pad(pf.tensor(x), (2, 1, 1, 0, 0, 2), mode="reflect")
    np.testing.assert_array_equal(
        reflected.numpy(), np.pad(x, ((0, 0), (0, 0), (0, 2), (1, 0), (2, 1)), mode="reflect")
    )


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.float64])
@pytest.mark.parametrize("shape", [(3, 20, 50), (3, 20, 50, 2), (1, 300, 400)])
def test_two_indices_in_any_order(shape: tuple[int, ...], dtype: type[Any]) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 100).astype(dtype)
    rows, columns = rng.integers(-shape[1], shape[1], 33), rng.integers(-shape[2], shape[2], 70)
    found = pf.index_select(pf.index_select(pf.tensor(x), 2, pf.tensor(columns)), 1, pf.tensor(rows))
    assert len(steps_of(found)) == 1
    np.testing.assert_array_equal(found.numpy(), x[:, rows][:, :, columns])


@pytest.mark.parametrize("bad", [-5, 5])
def test_an_index_out_of_range_is_named(bad: int) -> None:
    x, good = pf.rand(2, 4, 4), pf.tensor([0, 1, 2, 3])
    for rows, columns in ((pf.tensor([0, bad]), good), (good, pf.tensor([0, bad]))):
        with pytest.raises(IndexError, match=f"index {bad} is out of range"):
            pf.index_select(pf.index_select(x, 2, columns), 1, rows).numpy()


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_gradients_reach_what_was_repeated(mode: str) -> None:
    x = pf.rand(1, 2, 4, 5, dtype=pf.float64, requires_grad=True)
    padded = pf.pad(x, (1, 2, 2, 1), mode=mode)
    weight = pf.rand(*padded.shape, dtype=pf.float64)
    (grad,) = pf.autograd.grad((padded * weight).sum(), [x])
    widths = ((0, 0), (0, 0), (2, 1), (1, 2))
    if mode == "reflect":
        place = np.pad(np.arange(40).reshape(1, 2, 4, 5), widths, mode="reflect")
    else:
        place = np.pad(np.arange(40).reshape(1, 2, 4, 5), widths, constant_values=40)
    expected = np.bincount(place.ravel(), weight.numpy().ravel(), 41)[:40].reshape(1, 2, 4, 5)
    np.testing.assert_allclose(grad.numpy(), expected, rtol=1e-12)
