from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1, 2], "int64"),
        ([1.0, 2], "float32"),
        ([True, False], "bool"),
        (3, "int64"),
        (2.5, "float32"),
        ([], "float32"),
    ],
)
def test_tensor_takes_dtype_from_python_numbers(data: object, dtype: str) -> None:
    assert pf.tensor(data).dtype.name == dtype


@pytest.mark.parametrize("name", ["float64", "float16", "int8", "uint8", "bool", "int32"])
def test_tensor_keeps_dtype_of_arrays(name: str) -> None:
    array = np.ones((2, 3), name)
    made = pf.tensor(array)
    assert made.dtype.name == name and made.shape == (2, 3)


def test_tensor_copies() -> None:
    array = np.zeros(2, np.float32)
    made = pf.tensor(array)
    array[0] = 1.0
    assert made.tolist() == [0.0, 0.0]


def test_from_numpy_takes_snapshot_unless_promised() -> None:
    array = np.zeros(2, np.float32)
    snapshot, shared = pf.from_numpy(array), pf.from_numpy(array, copy=False)
    array[0] = 1.0
    assert snapshot.tolist() == [0.0, 0.0] and shared.tolist() == [1.0, 0.0]


def test_read_only_view_of_writable_array_is_copied() -> None:
    array = np.zeros(2, np.float32)
    view = array[:]
    view.flags.writeable = False
    made = pf.from_numpy(view)
    array[0] = 1.0
    assert made.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: pf.tensor([300], dtype=pf.uint8), OverflowError, r"\[tensor\] 300 is out of range for uint8"),
        (lambda: pf.full((2,), -1, dtype=pf.uint8), OverflowError, r"\[full\] -1 is out of range"),
        (lambda: pf.full((2,), float("inf"), dtype=pf.int32), OverflowError, r"\[full\] inf"),
        (lambda: pf.tensor(2**63), OverflowError, r"\[tensor\]"),
        (lambda: pf.tensor([[1], [2, 3]]), ValueError, r"\[tensor\] the nested lists"),
        (lambda: pf.tensor("text"), TypeError, r"\[tensor\]"),
        (lambda: pf.tensor(np.zeros(2, np.complex64)), TypeError, r"complex64 has no counterpart"),
        (lambda: pf.from_numpy([1]), TypeError, r"\[from_numpy\] expected a NumPy array, got list"),
        (lambda: pf.zeros(2, device="cuda"), RuntimeError, r"\[device\] cuda"),
        (lambda: pf.zeros(2, dtype=pf.int64, requires_grad=True), RuntimeError, r"only floating-point"),
        (lambda: pf.zeros(-1), RuntimeError, r"\[full\]"),
        (lambda: pf.arange(0, 5, 0), RuntimeError, r"\[arange\] step 0"),
        (lambda: pf.arange(5, 0), RuntimeError, r"\[arange\] step 1 does not lead from 5 to 0"),
    ],
)
def test_factories_say_what_is_wrong(make: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("args", [(5,), (2, 5), (0, 10, 3), (5, 0, -2), (0, 1, 0.25), (1.0, 2.0), (3, 3)])
def test_arange_equals_numpy(args: tuple[float, ...]) -> None:
    np.testing.assert_allclose(pf.arange(*args).numpy(), np.arange(*args), rtol=1e-6)


def test_sequences_equal_numpy() -> None:
    np.testing.assert_allclose(pf.linspace(0, 1, 7).numpy(), np.linspace(0, 1, 7), rtol=1e-6)
    np.testing.assert_allclose(pf.logspace(0, 2, 3).numpy(), [1, 10, 100], rtol=1e-6)
    np.testing.assert_array_equal(pf.eye(2, 3).numpy(), np.eye(2, 3))
    np.testing.assert_array_equal(pf.tril_indices(3, 4, 1).numpy(), np.stack(np.tril_indices(3, 1, 4)))
    for ours, theirs in zip(
        pf.meshgrid(pf.arange(2), pf.arange(3), indexing="xy"), np.meshgrid(np.arange(2), np.arange(3))
    ):
        np.testing.assert_array_equal(ours.numpy(), theirs)


def test_sizes_come_as_numbers_or_tuple() -> None:
    assert pf.zeros(2, 3).shape == pf.zeros((2, 3)).shape == pf.zeros([2, 3]).shape == pf.rand(pf.Size((2, 3))).shape
    assert pf.ones(()).shape == pf.ones().shape == ()


def test_like_factories_follow_the_source() -> None:
    x = pf.tensor([[1, 2]], dtype=pf.int16)
    for made in (pf.zeros_like(x), pf.ones_like(x), pf.full_like(x, 7), x.new_zeros((1, 2)), x.new_full((1, 2), 3)):
        assert made.shape == x.shape and made.dtype is pf.int16
    assert pf.zeros_like(x, dtype=pf.float64).dtype is pf.float64


def test_default_dtype_is_used() -> None:
    pf.set_default_dtype(pf.float64)
    try:
        assert pf.tensor([1.5]).dtype is pf.zeros(1).dtype is (pf.arange(2) / 2).dtype is pf.float64
    finally:
        pf.set_default_dtype(pf.float32)


def test_bfloat16_rounds_to_nearest() -> None:
    made = pf.tensor([1.0, 1.00390625, 3.14159], dtype=pf.bfloat16)
    assert made.tolist() == [1.0, 1.0, 3.140625] and made.numpy().dtype == np.float32


def test_python_floats_keep_double_precision_where_it_is_asked_for():
    assert pf.tensor(0.3, dtype=pf.float64).item() == 0.3
    assert pf.tensor([[0.1]], dtype=pf.float64).tolist() == [[0.1]]
    assert pf.tensor(0.3).dtype is pf.float32
