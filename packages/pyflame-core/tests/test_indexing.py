from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import pyflame as pf

ARRAY = np.arange(60).reshape(3, 4, 5)
MASK = np.arange(12).reshape(3, 4) % 3 == 0
INDICES: list[Any] = [
    0, -1, (1, 2), (1, -1, 3), slice(1, 3), slice(None, None, 2), slice(-2, None), slice(5, 9), slice(2, 1),
    ..., (..., 0), (0, ..., 1), None, (None, 1), (slice(None), None, 2), (..., None),
    [0, 2], ([0, 2],), (slice(None), [3, 0, 0]), (..., [1, -1]), np.array([[0, 1], [2, 0]]),
    ([0, 2], [1, -1]), ([0, 2], slice(None), [1, 4]), (slice(None), [0, 1], [1, 4]), (1, [0, 3], [0, 4]),
    ([[0], [2]], [1, 3]), MASK, (slice(None), MASK[0]), ARRAY % 2 == 0, (MASK, 1), True, [], np.int64(1),
    (np.array(1), slice(None)), (None, [0, 1], None), ([0, 1], None, 2),
]  # fmt: skip


def ours(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(ours(item) for item in index)
    return pf.tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_getitem_equals_numpy(index: Any) -> None:
    expected = ARRAY[np.asarray(index, np.int64) if isinstance(index, list) and not index else index]
    found = pf.tensor(ARRAY)[ours(index)]
    np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(pf.tensor(ARRAY)[index].numpy(), expected)


def is_basic(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(item, (list, np.ndarray, bool)) for item in items)


BASIC = list(filter(is_basic, INDICES))


@pytest.mark.parametrize("index", BASIC, ids=str)
def test_setitem_equals_numpy(index: Any) -> None:
    expected = ARRAY.astype(np.float32)
    value = np.random.default_rng(0).normal(size=expected[index].shape).astype(np.float32)
    x = pf.tensor(expected)
    x[index] = pf.tensor(value)
    expected[index] = value
    np.testing.assert_array_equal(x.numpy(), expected)
    x[index] = 7
    expected[index] = 7
    np.testing.assert_array_equal(x.numpy(), expected)


def test_setitem_by_mask_and_gradients() -> None:
    x = pf.tensor([1.0, -2.0, 3.0], requires_grad=True)
    y = x * 1
    y[y < 0] = 0.0
    y[0] = x[2]
    y.sum().backward()
    assert y.tolist() == [3, 0, 3] and x.grad is not None and x.grad.tolist() == [0, 0, 2]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_getitem_gradient_counts_reads(index: Any) -> None:
    index = np.asarray(index, np.int64) if isinstance(index, list) and not index else index
    x = pf.tensor(ARRAY, dtype=pf.float64, requires_grad=True)
    x[index].sum().backward()
    expected = np.zeros(ARRAY.shape)
    places = np.arange(60).reshape(ARRAY.shape)[index].ravel()
    np.add.at(expected.reshape(-1), places, 1.0)
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (3, IndexError, "index 3 is out of range for dimension 0 of size 3"),
        ((0, -5), IndexError, "index -5 is out of range for dimension 1"),
        ((0, 0, 0, 0), IndexError, "4 indices for a tensor of 3 dimensions"),
        ((..., ...), IndexError, "one '...'"),
        (slice(None, None, -1), ValueError, "step -1 must be positive"),
        (1.5, IndexError, "cannot index with float"),
        ("a", IndexError, "cannot index with str"),
        ([0.5], IndexError, "dtype float32"),
        (np.zeros(2, bool), IndexError, r"a mask of shape \(2,\) meets"),
        (([0, 1], [0, 1, 2]), RuntimeError, "do not broadcast"),
    ],
)
def test_wrong_index_is_named(index: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        pf.tensor(ARRAY)[index]


@pytest.mark.parametrize("index", [([0, 5], [0, 0]), [7], ([0, -9], [0, 0])], ids=str)
def test_index_tensor_out_of_range_is_found_at_evaluation(index: Any) -> None:
    with pytest.raises(IndexError):
        pf.tensor(ARRAY)[index].eval()


def test_assignment_through_index_tensors() -> None:
    x, expected = pf.zeros(3, 4), np.zeros((3, 4), np.float32)
    for index, value in (
        ([0, 2], 1.0),
        ((slice(None), [1, 3]), 2.0),
        (([0, 1], [2, 3]), 3.0),
        ((1, [0, -1]), 4.0),
        ((..., [2]), 5.0),
        (np.array([True, False, True]), 6.0),
    ):
        x[index] = value
        expected[index] = value
    np.testing.assert_array_equal(x.numpy(), expected)
    mask = x > 4
    x[mask] = pf.arange(float(mask.sum()))
    expected[mask.numpy()] = np.arange(int(mask.sum()))
    np.testing.assert_array_equal(x.numpy(), expected)
    with pytest.raises(RuntimeError, match="dtype int64"):
        x[[0]] = pf.tensor(1)


part = st.one_of(
    st.integers(-3, 2),
    st.builds(slice, st.none() | st.integers(-4, 4), st.none() | st.integers(-4, 4), st.none() | st.integers(1, 3)),
    st.none(),
)


@given(st.lists(part, max_size=4).filter(lambda items: sum(item is not None for item in items) <= 3))
@settings(max_examples=60, deadline=None)
def test_basic_indexing_equals_numpy(items: list[Any]) -> None:
    np.testing.assert_array_equal(pf.tensor(ARRAY)[tuple(items)].numpy(), ARRAY[tuple(items)])


def test_a_number_beside_lists_is_applied_first_as_in_pytorch() -> None:
    np.testing.assert_array_equal(pf.tensor(ARRAY)[1, :, [0, 4]].numpy(), ARRAY[1][:, [0, 4]])


@pytest.mark.parametrize("element", [3, -1])
def test_one_hot_refuses_what_names_no_class(element: int) -> None:
    assert pf.one_hot(pf.tensor([[0, 2]]), 3).tolist() == [[[1, 0, 0], [0, 0, 1]]]
    with pytest.raises(IndexError, match=f"index {element} is out of range"):
        pf.one_hot(pf.tensor([0, element]), 3).eval()


@pytest.mark.parametrize("index", [0, slice(None), True, [0], np.array([True, False])])
@pytest.mark.parametrize("dtype", [pf.float64, pf.int64])
def test_assigned_numbers_keep_their_digits(index: Any, dtype: pf.DType) -> None:
    for value in (16777217.0, 16777217):
        x = pf.zeros(2, dtype=dtype)
        x[index] = value
        assert x.dtype is dtype and x[0].item() == 16777217


@pytest.mark.parametrize("dtype", [pf.bool, pf.uint8, pf.int64, pf.bfloat16, pf.float32], ids=str)
@pytest.mark.parametrize("shape", [(7,), (0,), (4, 5), (3, 0, 2), (2, 3, 4, 5)], ids=str)
def test_nonzero_equals_numpy(shape: tuple[int, ...], dtype: pf.DType) -> None:
    values = np.random.default_rng(0).integers(0, 3, shape)
    x, expected = pf.tensor(values).to(dtype), values.nonzero()
    assert pf.nonzero(x).dtype is pf.int64
    np.testing.assert_array_equal(pf.nonzero(x).numpy(), np.stack(expected, -1))
    np.testing.assert_array_equal(pf.nonzero(x.T).numpy(), np.stack(values.T.nonzero(), -1))
    for found, place in zip(pf.nonzero(x, as_tuple=True), expected, strict=True):
        np.testing.assert_array_equal(found.numpy(), place)
    assert pf.nonzero(pf.tensor([float("nan"), 0.0, -0.0])).tolist() == [[0]]
