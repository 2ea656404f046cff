from __future__ import annotations

import numpy as np
import pytest

import pyflame as pf
from pyflame import array_api as xp


def test_arrays_name_their_namespace():
    assert pf.zeros(1).__array_namespace__() is xp
    assert xp.__array_api_version__ == "2024.12"


def test_functions_promote_by_dtype_alone():
    assert xp.add(xp.asarray(1.0, dtype=xp.float64), xp.ones(2)).dtype is xp.float64
    assert (xp.asarray(1.0, dtype=xp.float64) + xp.ones(2)).dtype is xp.float32


def test_kinds_of_dtypes():
    assert xp.isdtype(xp.uint8, ("bool", "unsigned integer")) and not xp.isdtype(xp.bool, "numeric")
    assert xp.result_type(xp.int8, xp.uint8) is xp.int16
    assert xp.finfo(xp.float32).dtype is xp.float32 and xp.iinfo(xp.int8).max == 127
    with pytest.raises(ValueError, match="kind is 'text'"):
        xp.isdtype(xp.int8, "text")


def test_no_axes_reduce_nothing():
    x = xp.asarray([[1, 0], [2, 3]])
    for function in (xp.sum, xp.max, xp.prod):
        assert function(x, axis=()).tolist() == x.tolist()
    assert xp.all(x, axis=()).tolist() == [[True, False], [True, True]]
    assert xp.prod(x, axis=(0, 1), keepdims=True).tolist() == [[0]]


def test_dlpack_copies():
    array = np.arange(3.0)
    x = xp.from_dlpack(array)
    array[0] = 9
    assert x.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(np.from_dlpack(x), [0, 1, 2])


def test_set_functions():
    values, indices, inverse, counts = xp.unique_all(xp.asarray([3, 1, 3]))
    assert [part.tolist() for part in (values, indices, inverse, counts)] == [[1, 3], [1, 0], [1, 0, 1], [1, 2]]


def test_tensordot_equals_numpy():
    a, b = np.random.default_rng(0).random((2, 3, 4)), np.random.default_rng(1).random((4, 3, 5))
    y = xp.tensordot(pf.tensor(a), pf.tensor(b), axes=([1, 2], [1, 0]))
    np.testing.assert_allclose(y.numpy(), np.tensordot(a, b, ([1, 2], [1, 0])))


def test_repeats_are_of_any_integer_dtype():
    repeats = xp.asarray([1, 2], dtype=xp.int8)
    assert xp.repeat(xp.asarray([3, 4]), repeats).tolist() == [3, 4, 4]
