from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf


def test_python_functions_change_elements() -> None:
    x = pf.tensor([[1.0, 2.0]])
    assert x.apply_(lambda value: value * 10) is x and x.tolist() == [[10.0, 20.0]]
    assert x.map_(pf.tensor([1, 2]), lambda a, b: a + b).tolist() == [[11.0, 22.0]]
    assert pf.zeros(0).apply_(lambda value: value).tolist() == []


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_])
def test_arrays_come_and_go_by_dlpack(dtype: Any) -> None:
    values = np.arange(6).reshape(2, 3).astype(dtype)
    x = pf.from_dlpack(values)
    values[:] = 0
    expected = np.arange(6).reshape(2, 3).astype(dtype)
    np.testing.assert_array_equal(x.numpy(), expected)
    shared = np.from_dlpack(x)
    np.testing.assert_array_equal(shared, expected)
    assert not shared.flags.writeable
    np.testing.assert_array_equal(np.from_dlpack(x.t()), expected.T)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pf.ones(1, requires_grad=True).apply_(abs), RuntimeError, "no gradient"),
        (lambda: pf.from_dlpack([1]), TypeError, "__dlpack__"),
        (lambda: pf.frombuffer(b"", dtype=pf.int8), ValueError, "empty"),
        (lambda: pf.asarray([1], copy=False), ValueError, "copy=False"),
        (lambda: pf.randperm(-1), RuntimeError, "negative"),
        (lambda: pf.normal(0.0, -1.0, (2,)), RuntimeError, "negative"),
        (lambda: float(pf.zeros(2)), ValueError, "one element"),
        (lambda: "a" in pf.zeros(2), RuntimeError, "numbers"),
    ],
)
def test_wrong_calls_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
