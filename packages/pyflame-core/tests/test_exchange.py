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


def test_bfloat16_keeps_its_bits_by_dlpack() -> None:
    x = pf.tensor([[1.5, -2.0, 3.0], [float("inf"), 0.0, 1e-40]]).bfloat16().t()
    y = pf.from_dlpack(Relay(x))
    assert y.dtype is pf.bfloat16 and y.tolist() == x.tolist()
    with pytest.raises((BufferError, RuntimeError, ValueError)):
        np.from_dlpack(x)  # NumPy has no such type, and must not see another
    with pytest.raises(RuntimeError, match="requires grad"):
        pf.ones(2).bfloat16().requires_grad_().__dlpack__()


class Relay:
    """What another library offers."""

    def __init__(self, x: pf.Tensor) -> None:
        self.x = x

    def __dlpack__(self, **options: Any) -> Any:
        return self.x.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "int32", "bool"])
def test_torch_and_pyflame_exchange_by_dlpack(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype)).t()
    ours = pf.from_dlpack(theirs)
    assert ours.dtype.name == dtype and ours.tolist() == theirs.tolist()
    back = torch.from_dlpack(ours.clone())
    assert back.dtype == theirs.dtype and torch.equal(back, theirs)


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
