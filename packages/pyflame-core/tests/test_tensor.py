from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pyflame as pf


def test_shape_and_sizes() -> None:
    x = pf.zeros(2, 3, dtype=pf.float64)
    assert x.shape == (2, 3) and isinstance(x.shape, pf.Size) and x.shape.numel() == 6
    assert (x.ndim, x.dim(), x.numel(), x.size(1), x.itemsize, x.nbytes, len(x)) == (2, 2, 6, 3, 8, 48, 2)
    assert x.is_scalar is False and pf.tensor(1).is_scalar and str(x.device) == "cpu" and not x.is_cuda


def test_strides_and_contiguity() -> None:
    x = pf.rand(2, 3)
    y = x.transpose(0, 1)
    assert x.stride() == (3, 1) and y.stride() == (1, 3) and not y.is_contiguous()
    assert y.contiguous().is_contiguous() and x.contiguous() is x
    assert x[1].storage_offset() == 3 and x[1].data_ptr() == x.data_ptr() + 12


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "int8", "bool", "float64"])
def test_pickle_and_copies_keep_values(name: str) -> None:
    x = pf.tensor([0, 1, 1], dtype=getattr(pf, name))
    for made in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert made is not x and made.dtype is x.dtype and made.tolist() == x.tolist()


def test_deepcopy_of_parameter_keeps_class_grad_and_sharing() -> None:
    p = pf.Parameter(pf.ones(2))
    p.sum().backward()
    a, b = copy.deepcopy([p, p])
    assert a is b and type(a) is pf.Parameter and a.requires_grad and a.is_leaf
    assert a.grad is not None and a.grad.tolist() == [1, 1]
    again = pickle.loads(pickle.dumps(p))
    assert type(again) is pf.Parameter and again.requires_grad


def test_computed_tensor_with_history_is_not_copied_deeply() -> None:
    y = pf.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match=r"\[deepcopy\] only leaves"):
        copy.deepcopy(y)


def test_parameter_is_its_own_leaf() -> None:
    x = pf.ones(2)
    p = pf.Parameter(x)
    assert isinstance(p, pf.Tensor) and p.is_parameter and p.is_leaf and p.requires_grad and not x.requires_grad
    assert type(p * 2) is pf.Tensor and repr(p).startswith("Parameter containing:\ntensor([1., 1.]")
    q = pf.Parameter(p)
    q.sum().backward()
    assert p.grad is None and q.grad is not None


def test_numpy_is_read_only_and_refuses_grad() -> None:
    x = pf.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"detach\(\)"):
        x.numpy()
    array = x.detach().numpy()
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 2.0
    x.numpy(force=True)[0] = 2.0
    assert x.tolist() == [1.0, 1.0]


def test_numpy_understands_tensors() -> None:
    x = pf.tensor([1.0, 4.0])
    assert np.asarray(x).tolist() == [1.0, 4.0] and np.asarray(x, dtype=np.int64).dtype == np.int64
    assert np.array(x, copy=True).flags.writeable
    assert isinstance(np.ones(2, np.float32) + x, pf.Tensor) and isinstance(np.float32(2) * x, pf.Tensor)
    np.testing.assert_array_equal(np.from_dlpack(x), [1.0, 4.0])
    with pytest.raises(ValueError, match="copy=False"):
        np.asarray(x, dtype=np.float64, copy=False)


def test_python_conversions() -> None:
    assert float(pf.tensor(2.5)) == 2.5 and int(pf.tensor([3])) == 3 and [10, 20][pf.tensor(1)] == 20
    assert 2 in pf.tensor([1, 2]) and 5 not in pf.tensor([1, 2])
    assert [t.item() for t in pf.tensor([1, 2])] == [1, 2]
    assert f"{pf.tensor(2.5):.2f}" == "2.50"
    with pytest.raises(TypeError, match="only integer tensors"):
        [1][pf.tensor(0.0)]
    with pytest.raises(RuntimeError, match=r"\[bool\] x has shape \(2,\)"):
        bool(pf.ones(2))
    with pytest.raises(RuntimeError, match=r"\[item\] x has shape \(2,\)"):
        pf.ones(2).item()
    with pytest.raises(TypeError, match="0-d"):
        len(pf.tensor(1))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (lambda: pf.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: pf.tensor([0.5, -2.25]), "tensor([ 0.5000, -2.2500])"),
        (lambda: pf.tensor([1e-6, 1.0]), "tensor([1.0000e-06, 1.0000e+00])"),
        (lambda: pf.tensor(3), "tensor(3)"),
        (lambda: pf.tensor([True]), "tensor([True])"),
        (lambda: pf.tensor([1], dtype=pf.int8), "tensor([1], dtype=pyflame.int8)"),
        (lambda: pf.zeros(0), "tensor([])"),
        (lambda: pf.zeros(2, 0), "tensor([], size=(2, 0))"),
        (lambda: pf.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: pf.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
        (lambda: pf.tensor([float("nan"), 1.0]), "tensor([nan, 1.])"),
        (lambda: pf.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    ],
)
def test_repr(x: object, text: str) -> None:
    assert repr(x()) == text  # type: ignore[operator]


def test_to_returns_self_when_nothing_changes() -> None:
    x = pf.ones(2)
    assert x.to(pf.float32) is x.to("cpu") is x.float() is x.cpu() is x
    assert x.to(pf.float16).dtype is x.half().dtype is pf.float16 and x.to(pf.zeros(1, dtype=pf.int8)).dtype is pf.int8
    assert x.to(pf.float32, copy=True) is not x
    assert pf.tensor([1.9, -1.9]).int().tolist() == [1, -1]
    with pytest.raises(RuntimeError, match="MeshLayout"):
        x.cuda()
    with pytest.raises(RuntimeError, match=r"\[device\]"):
        x.to("cuda")


def test_lazy_until_asked() -> None:
    y = pf.ones(2) + 1
    assert not y.is_evaluated() and pf.is_lazy(y)
    assert y.eval() is y and y.is_evaluated()


def test_handles_are_small_and_hashable() -> None:
    x = pf.ones(2)
    assert {x: 1}[x] == 1 and (x == x).tolist() == [True, True]
    with pytest.raises(AttributeError):
        x.unknown = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="use pyflame.tensor"):
        pf.Tensor([1])  # type: ignore[arg-type]
