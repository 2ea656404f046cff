"""Answers that are Python values."""

import numpy as np
import pytest

import pyflame as pf


def test_questions_about_tensors():
    x = pf.ones(1)
    assert pf.is_tensor(x) and pf.is_tensor(pf.Parameter(x)) and not pf.is_tensor(np.ones(1))
    assert pf.is_floating_point(x.half()) and not pf.is_floating_point(x.bool())
    assert pf.is_nonzero(x) and x.is_nonzero() and not pf.zeros(1).is_nonzero()
    assert x.is_same_size(pf.zeros(1)) and not pf.is_same_size(x, pf.zeros(1, 1))
    assert [pf.typename(obj) for obj in (x, 3, int)] == ["pyflame.Tensor", "int", "int"]


@pytest.mark.parametrize("size", [0, 2])
def test_only_one_element_has_a_truth_value(size):
    with pytest.raises(RuntimeError, match="truth value"):
        pf.is_nonzero(pf.ones(size))


@pytest.mark.parametrize("ask", [pf.is_floating_point, pf.is_nonzero, lambda x: pf.is_same_size(pf.ones(1), x)])
def test_other_objects_are_refused(ask):
    with pytest.raises(TypeError, match="expected a Tensor, got int"):
        ask(3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool", "float16"])
def test_a_tensor_is_a_read_only_buffer(dtype):
    x = (pf.arange(6).reshape(2, 3) > 2).to(getattr(pf, dtype))
    view = memoryview(x)
    assert (view.shape, view.readonly, view.itemsize) == ((2, 3), True, x.itemsize)
    assert np.array_equal(np.asarray(view), x.numpy())
    assert view.tobytes() == x.numpy().tobytes()
    with pytest.raises(TypeError):
        view[0, 0] = 1


def test_a_buffer_follows_strides_and_refuses_gradients():
    x = pf.arange(6).reshape(2, 3).t()
    assert memoryview(x).tolist() == x.tolist()
    with pytest.raises(RuntimeError, match="requires grad"):
        memoryview(pf.ones(2, requires_grad=True))
    assert np.asarray(pf.ones(2, dtype=pf.bfloat16)).dtype == np.float32
