from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pyflame as pf
from pyflame.dtypes import all_dtypes


def test_names_and_aliases() -> None:
    assert (
        str(pf.float32) == "pyflame.float32" and pf.bool is pf.bool_ and pf.long is pf.int64 and pf.half is pf.float16
    )
    assert [pf.dtype_name(d) for d in (pf.double, pf.short, pf.int, pf.float)] == [
        "float64",
        "int16",
        "int32",
        "float32",
    ]
    assert pf.dtype_to_csl(pf.float16) == "f16" and pf.dtype_size(pf.int16) == 2 and pf.dtype_is_floating(pf.bfloat16)
    with pytest.raises(TypeError, match="CSL has no type for float64"):
        pf.dtype_to_csl(pf.float64)


@pytest.mark.parametrize("dtype", all_dtypes, ids=str)
def test_dtypes_are_singletons(dtype: pf.DType) -> None:
    assert pickle.loads(pickle.dumps(dtype)) is dtype and copy.deepcopy(dtype) is dtype


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_finfo_equals_numpy(name: str) -> None:
    ours, theirs = pf.finfo(getattr(pf, name)), np.finfo(name)
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal"):
        assert getattr(ours, field) == pytest.approx(float(getattr(theirs, field)), rel=1e-7)
    assert ours.resolution == pytest.approx(float(theirs.resolution), rel=1e-3)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo_equals_numpy(name: str) -> None:
    ours, theirs = pf.iinfo(getattr(pf, name)), np.iinfo(name)
    assert (ours.bits, ours.min, ours.max) == (theirs.bits, theirs.min, theirs.max)


def test_limits_refuse_the_other_kind() -> None:
    with pytest.raises(TypeError, match="iinfo"):
        pf.finfo(pf.int32)
    with pytest.raises(TypeError, match="finfo"):
        pf.iinfo(pf.float32)


@pytest.mark.parametrize("a", all_dtypes, ids=str)
@pytest.mark.parametrize("b", all_dtypes, ids=str)
def test_result_type_is_what_operations_give(a: pf.DType, b: pf.DType) -> None:
    for x, y in [
        (pf.ones(2, dtype=a), pf.ones(2, dtype=b)),
        (pf.ones(2, dtype=a), pf.ones((), dtype=b)),
        (pf.ones((), dtype=a), pf.ones((), dtype=b)),
    ]:
        assert (x + y).dtype is pf.result_type(x, y)
    assert pf.promote_types(a, b) is pf.promote_types(b, a) is pf.result_type(a, b)


@pytest.mark.parametrize("dtype", all_dtypes, ids=str)
@pytest.mark.parametrize("number", [True, 2, 2.5])
def test_python_numbers_rank_lowest(dtype: pf.DType, number: float) -> None:
    for shape in ((2,), ()):
        x = pf.ones(shape, dtype=dtype)
        assert (x + number).dtype is pf.result_type(x, number)


def test_rules_worth_naming() -> None:
    assert pf.promote_types(pf.float16, pf.bfloat16) is pf.float32 and pf.promote_types(pf.uint8, pf.int8) is pf.int16
    assert (pf.tensor([1]) / 2).dtype is pf.float32 and (pf.tensor([1]) == 1).dtype is pf.bool
    assert (pf.ones(1, dtype=pf.float16) + pf.tensor(1.0)).dtype is pf.float16
    assert pf.can_cast(pf.int64, pf.float16) and not pf.can_cast(pf.float32, pf.int64)


def test_default_dtype_must_float() -> None:
    with pytest.raises(TypeError, match=r"\[set_default_dtype\]"):
        pf.set_default_dtype(pf.int32)
