"""Public functions that go to the core without running Python."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import pydoc
import sys
from typing import Any

import pytest

import pyflame as pf
from pyflame import _core
from pyflame.ops.direct import direct


def python_calls(call: Any) -> list[str]:
    """Names of the Python functions that run."""
    names: list[str] = []

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    collects = gc.isenabled()
    gc.disable()  # finalizers and callbacks of a collection are not the call's
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
        if collects:
            gc.enable()
    return names[1:-1] if names[-1:] == ["setprofile"] else names[1:]


X = pf.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: pf.sum(X),
        lambda: pf.sum(X, 0, True),
        lambda: pf.sum(X, keepdim=True, dim=1),
        lambda: X.sum(dim=0),
        lambda: pf.add(X, 2),
        lambda: pf.exp(x=X),
        lambda: pf.reshape(X, (3, 2)),
        lambda: pf.ops.linear(X, X),
    ],
)
def test_calls_with_the_arguments_of_the_record_run_no_python(call: Any) -> None:
    assert python_calls(call) == []


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: pf.sum(X, 0), [3.0, 5.0, 7.0]),
        (lambda: pf.sum(X, 0, dtype=pf.float64), [3.0, 5.0, 7.0]),
        (lambda: pf.sum(X, dim=0, out=pf.zeros(3)), [3.0, 5.0, 7.0]),
        (lambda: pf.add(X, 1, alpha=2), [[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]),
        (lambda: pf.mul(3, X), [[0.0, 3.0, 6.0], [9.0, 12.0, 15.0]]),
        (lambda: pf.softmax(pf.zeros(1, 2), 1, pf.float64), [[0.5, 0.5]]),
        (lambda: pf.ops.linear(X, pf.ones(1, 3), bias=None), [[3.0], [12.0]]),
    ],
)
def test_other_arguments_go_through_the_function(call: Any, expected: Any) -> None:
    assert call().tolist() == expected


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pf.sum(), "missing 1 required positional argument: 'x'"),
        (lambda: pf.matmul(X, c=X), "unexpected keyword argument 'c'"),
        (lambda: pf.matmul(X, a=X), "multiple values for argument 'a'"),
        (lambda: pf.exp(X, None, 3), "takes from 1 to 2 positional arguments but 3 were given"),
        (lambda: pf.relu("a"), "expected a Tensor, got str"),
    ],
)
def test_wrong_calls_raise_what_the_function_raises(call: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call()


def test_they_are_functions_to_whoever_asks() -> None:
    assert str(inspect.signature(pf.matmul)).startswith("(a: 'Tensor', b: 'Tensor', out")
    assert (pf.exp.__name__, pf.exp.__module__) == ("exp", "pyflame.ops.exponential")
    assert inspect.isroutine(pf.exp) and "def exp(x" in inspect.getsource(pf.exp)
    assert "Compute e to the power" in pydoc.render_doc(pf.exp)
    assert "function exp" in repr(pf.exp)
    assert pickle.loads(pickle.dumps(pf.exp)) is pf.exp and copy.deepcopy(pf.exp) is pf.exp

    class Scaled:
        apply = pf.mul

    assert Scaled.apply is pf.mul
    with pytest.raises(TypeError, match="expected a Tensor, got Scaled"):
        Scaled().apply(X)


def test_errors_and_nodes_name_the_line_of_the_caller() -> None:
    y = pf.exp(X)
    location = pf.get_graph(y).nodes[-1].source_location
    assert location is not None and location.file == __file__


def test_parameters_that_the_record_does_not_take_are_refused() -> None:
    def softmax(dim: int, x: pf.Tensor) -> pf.Tensor:
        return x

    def add(x: pf.Tensor) -> pf.Tensor:
        return x

    for function in (softmax, add):
        with pytest.raises(TypeError, match="does not take"):
            direct(function)


def test_functions_of_records_are_not_taken_for_others() -> None:
    decorated = {name for name in dir(pf.ops) if isinstance(getattr(pf.ops, name), _core.Direct)}
    assert {"sum", "matmul", "reshape", "add", "exp", "linear"} <= decorated
    composites = {"linear", "class_cross_entropy", "update_params", "start_step", "forget_grads"}
    assert {name for name in decorated if hasattr(_core, name)} == composites
