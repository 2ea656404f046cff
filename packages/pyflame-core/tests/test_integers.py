"""Integers and bools of every width against NumPy: results of narrow ones are those of int64, wrapped after each op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, strategies as st

import pyflame as pf
from pyflame.testing.contract import mode

Array = npt.NDArray[Any]

INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
DTYPES = ["bool", *INTEGERS]
TILE = 1024


def extremes(dtype: str) -> list[int]:
    if dtype == "bool":
        return [0, 1]
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    edges = [low, low + 1, -8, -7, -3, -2, -1, 0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 63, 64, 100, high - 1, high]
    for bits in (24, 31, 53):  # where float, int32 and double end
        edges += [sign * (1 << bits) + offset for sign in (1, -1) for offset in (-1, 0, 1)]
    return sorted({edge for edge in edges if low <= edge <= high})


def pairs(dtype: str) -> tuple[Array, Array]:
    """All pairs of extreme values, then random ones: more than two tiles, and no whole number of them."""
    rng = np.random.default_rng(0)
    edges = np.array(extremes(dtype), dtype)
    a, b = np.repeat(edges, len(edges)), np.tile(edges, len(edges))
    high = 2 if dtype == "bool" else np.iinfo(dtype).max
    low = 0 if dtype == "bool" else np.iinfo(dtype).min
    more = rng.integers(low, high, (2, 2 * TILE + 77)).astype(dtype)
    near = rng.integers(0, 2 if dtype == "bool" else 20, (2, TILE)).astype(dtype)
    return np.concatenate([a, more[0], near[0]]), np.concatenate([b, more[1], near[1]])


def wrapped(function: Callable[..., Array], *operands: Array) -> Array:
    with np.errstate(all="ignore"):
        return function(*(operand.astype(np.int64) for operand in operands)).astype(operands[0].dtype)


def check(found: pf.Tensor, expected: Array) -> None:
    assert str(found.dtype) == f"pyflame.{expected.dtype}"
    np.testing.assert_array_equal(found.numpy(), expected)


ARITHMETIC: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum,
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift,
}  # fmt: skip
DIVISIONS: dict[str, Any] = {"floor_divide": np.floor_divide, "remainder": np.remainder, "fmod": np.fmod}
COMPARISONS: dict[str, Any] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip
UNARY: dict[str, Any] = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square, "positive": np.positive,
    "bitwise_not": np.invert, "relu": lambda x: np.maximum(x, 0), "floor": np.floor, "ceil": np.ceil, "round": np.round,
    "trunc": np.trunc,
}  # fmt: skip
QUESTIONS: dict[str, Any] = {
    "logical_not": np.logical_not, "signbit": np.signbit, "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
}  # fmt: skip


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_wraps_as_numpy(name: str, dtype: str) -> None:
    a, b = pairs(dtype)
    check(getattr(pf, name)(pf.tensor(a), pf.tensor(b)), wrapped(ARITHMETIC[name], a, b))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", DIVISIONS)
def test_divisions_equal_numpy(name: str, dtype: str) -> None:
    a, b = pairs(dtype)
    b[b == 0] = 5
    check(getattr(pf, name)(pf.tensor(a), pf.tensor(b)), wrapped(DIVISIONS[name], a, b))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", DIVISIONS)
@pytest.mark.parametrize("place", [0, 1500, -1])
def test_a_zero_divisor_is_named(name: str, dtype: str, place: int) -> None:
    a, b = pairs(dtype)
    b[b == 0] = 5
    b[place] = 0
    with pytest.raises(RuntimeError, match=rf"\[{name}\] integer division by zero"):
        pf.eval(getattr(pf, name)(pf.tensor(a), pf.tensor(b)))
    with pytest.raises(RuntimeError, match=rf"\[{name}\] integer division by zero"):
        pf.eval(getattr(pf, name)(pf.tensor(a), 0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_equal_numpy(name: str, dtype: str) -> None:
    a, b = pairs(dtype)
    check(getattr(pf, name)(pf.tensor(a), pf.tensor(b)), COMPARISONS[name](a, b))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", UNARY)
def test_unary_ops_equal_numpy(name: str, dtype: str) -> None:
    a, _ = pairs(dtype)
    check(getattr(pf, name)(pf.tensor(a)), wrapped(UNARY[name], a))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_equal_numpy(name: str, dtype: str) -> None:
    a, _ = pairs(dtype)
    check(getattr(pf, name)(pf.tensor(a)), QUESTIONS[name](a.astype(np.float64)))


@pytest.mark.parametrize("name", ["add", "mul", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"])
def test_bools_stay_bools(name: str) -> None:
    a, b = pairs("bool")
    check(getattr(pf, name)(pf.tensor(a), pf.tensor(b)), getattr(np, name.replace("mul", "multiply"))(a, b))
    check(~pf.tensor(a), ~a)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_powers_wrap(dtype: str) -> None:
    a, b = pairs(dtype)
    b = b & 7
    expected = np.array([pow(int(x), int(y)) % 2**64 for x, y in zip(a, b, strict=True)], np.uint64)
    check(pf.tensor(a) ** pf.tensor(b), expected.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_and_clamp_equal_numpy(dtype: str) -> None:
    a, b = pairs(dtype)
    condition = np.random.default_rng(1).integers(0, 2, a.shape).astype(bool)
    check(pf.where(pf.tensor(condition), pf.tensor(a), pf.tensor(b)), np.where(condition, a, b))
    check(pf.clamp(pf.tensor(a), pf.tensor(b)), np.maximum(a, b))
    if dtype != "bool":
        check(pf.clamp(pf.tensor(a), 3, 100), np.clip(a, 3, 100))


@pytest.mark.parametrize("dtype", INTEGERS[:4])
@pytest.mark.parametrize("number", [300, -300, 1 << 40, -(1 << 40), 255, -128])
def test_numbers_beyond_the_dtype_keep_their_value(dtype: str, number: int) -> None:
    a, _ = pairs(dtype)
    x = pf.tensor(a)
    for name in ARITHMETIC | DIVISIONS:
        function = (ARITHMETIC | DIVISIONS)[name]
        check(getattr(pf, name)(x, number), wrapped(lambda a, f=function: f(a, np.int64(number)), a))
    for name, function in COMPARISONS.items():
        check(getattr(pf, name)(x, number), function(a.astype(np.int64), number))
    check(number - x, wrapped(lambda a: number - a, a))
    for fits_or_not in (3, number, 3):  # in one plan
        raised = wrapped(lambda a, n=fits_or_not: a + n, a)
        check((x + fits_or_not) // 7, wrapped(lambda a: a // 7, raised))


@pytest.mark.parametrize("target", [*DTYPES, "float16", "float32", "float64"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_conversions_equal_numpy(dtype: str, target: str) -> None:
    a, _ = pairs(dtype)
    x, to = pf.tensor(a), getattr(pf, target)
    with np.errstate(over="ignore"):
        expected = a.astype(np.float32).astype(target) if target == "float16" else a.astype(target)
    check(x.to(to), expected)
    check(x.flip(0).to(to), expected[::-1])
    check(x[::3].to(to), expected[::3])
    square, wide = a[:1024].reshape(32, 32), expected[:1024].reshape(32, 32)
    check(pf.tensor(square).T.to(to), wide.T)
    check(pf.tensor(square[:, :1]).expand(32, 32).to(to), np.broadcast_to(wide[:, :1], (32, 32)))


@pytest.mark.parametrize("target", INTEGERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("largest", [100.0, 2.0**31, 2.0**40, 2.0**62])
def test_floats_truncate_then_wrap(dtype: str, target: str, largest: float) -> None:
    values = (np.random.default_rng(0).uniform(-1, 1, 2 * TILE + 77) * largest).astype(dtype)
    values[:5] = [-0.75, 0.75, largest, -largest, 0.0]
    expected = values.astype(np.int64).astype(target)
    check(pf.tensor(values).to(getattr(pf, target)), expected)
    values[7] = np.nan
    expected[7] = np.array(np.iinfo(np.int64).min).astype(target)
    check(pf.tensor(values).to(getattr(pf, target)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [None, 0, 1, (0, 2), (1, 2)])
def test_reductions_equal_numpy(dtype: str, dim: Any) -> None:
    a = np.resize(pairs(dtype)[0], (3, 1300, 40))
    for x, values in ((pf.tensor(a), a), (pf.tensor(a.transpose(2, 0, 1).copy()).permute(1, 2, 0), a)):
        with np.errstate(over="ignore"):
            check(x.sum(dim), np.asarray(values.sum(dim, dtype=np.int64)))
            if not isinstance(dim, tuple):
                check(pf.prod(x, dim), np.asarray(values.prod(dim, dtype=np.int64)))
        check(pf.amax(x, dim if dim is not None else ()), np.asarray(values.max(dim)))
        check(pf.amin(x, dim if dim is not None else ()), np.asarray(values.min(dim)))
        answer = "uint8" if dtype == "uint8" else "bool"  # as PyTorch's
        check(pf.any(x, dim), np.asarray(values.any(dim)).astype(answer))
        check(pf.all(x, dim), np.asarray(values.all(dim)).astype(answer))
        if dtype != "bool" and not isinstance(dim, tuple):
            check(x.argmax(dim), np.asarray(values.argmax(dim)))
            check(x.argmin(dim), np.asarray(values.argmin(dim)))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_long_columns_do_not_overflow(dtype: str) -> None:
    extreme = np.iinfo(dtype).max if dtype != "int64" else 1 << 40
    a = np.full((70_000, 9), extreme, dtype)
    check(pf.tensor(a).sum(0), a.sum(0, dtype=np.int64))
    check(pf.tensor(a).sum(), np.asarray(a.sum(dtype=np.int64)))
    check(pf.tensor(a.T.copy()).sum(1), a.sum(0, dtype=np.int64))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_running_sums_and_extremes_equal_numpy(dtype: str) -> None:
    a = np.resize(pairs(dtype)[0], (1100, 5))
    for dim in (0, 1):
        check(pf.tensor(a).cumsum(dim), a.cumsum(dim, dtype=np.int64))
        check(pf.tensor(a).cummax(dim).values, np.maximum.accumulate(a, dim))
        check(pf.tensor(a).cummin(dim).values, np.minimum.accumulate(a, dim))


@given(
    dtype=st.sampled_from(INTEGERS),
    data=st.data(),
    steps=st.lists(st.sampled_from([*ARITHMETIC, "floor_divide"]), min_size=1, max_size=12),
)
def test_fused_programs_equal_numpy(dtype: str, data: st.DataObject, steps: list[str]) -> None:
    """As one program and op by op; numbers beside the tensors may be beyond their dtype."""
    numbers = st.integers(np.iinfo(dtype).min, np.iinfo(dtype).max)
    a = np.array(data.draw(st.lists(numbers, min_size=1, max_size=70)), dtype)
    operands = [data.draw(st.integers(1 if step == "floor_divide" else -1000, 1000)) for step in steps]

    def program() -> list[pf.Tensor]:
        x = pf.tensor(a)
        shared = x
        for step, number in zip(steps, operands, strict=True):
            x = getattr(pf, step)(x, number)
            x = x ^ shared
        return [x, (x < 300).to(pf.float32) * x, pf.where(x > shared, x, shared).sum()]

    expected = a
    for step, number in zip(steps, operands, strict=True):
        function = (ARITHMETIC | DIVISIONS)[step]
        expected = wrapped(lambda x, f=function, n=number: f(x, np.int64(n)), expected) ^ a
    floats = (expected.astype(np.int64) < 300).astype(np.float32) * expected.astype(np.float32)
    total = np.asarray(np.maximum(expected, a).sum(dtype=np.int64))
    for debug in (False, True):
        with mode(debug=debug):
            for found, want in zip(program(), (expected, floats, total), strict=True):
                check(found, want)
