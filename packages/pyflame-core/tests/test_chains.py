"""Chains of elementwise ops: one value, to the bit, whether fused or not, whatever the size, memory and threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.bridge import bits
from pyflame.testing.contract import mode

Array = np.ndarray[Any, np.dtype[Any]]
Tensors = list[pf.Tensor]

# Around blocks of 16 to 128 elements, tiles of 1024 and what threads share.
SIZES = [1, 3, 31, 64, 65, 127, 128, 129, 1000, 1025, 2049, 40_000]
DTYPES = [pf.float32, pf.float64, pf.bfloat16, pf.float16]

CHAINS: dict[str, Callable[[pf.Tensor, pf.Tensor], Tensors]] = {
    "numbers": lambda x, y: [pf.relu(pf.sqrt(pf.abs((x * 1.1 + 0.5) * x) + 1.0) * 0.3 - x) * 2.0 + 1.0],
    "numbers on the left": lambda x, y: [2.0 / (3.0 - (1.0 - x) * y)],
    "the same twice": lambda x, y: [(x * x + x) * (x * x + x) - (y - y)],
    "two branches": lambda x, y: [(x * y + 1.0) * (x - y) / ((x + y) * (x + y) + 2.0)],
    "several results": lambda x, y: [x * 2.0, x * 2.0 + y, (x * 2.0 + y) * (x * 2.0), y - 1.0],
    "masks": lambda x, y: [
        pf.where((x > y) & (y < 0.5) | (x == 0.0), x * 2.0, -y),
        x > y,
        ~(x >= y),
        (x > 0) != (y > 0),
    ],
    "mask as number": lambda x, y: [(x > y).to(x.dtype) * x, (x != 0.0) & (y.to(pf.bool))],
    "selected numbers": lambda x, y: [pf.where(x > 0.0, 1.0, y), pf.where(x > 0.0, y, 0.0), pf.where(x < y, x, x + y)],
    "extremes": lambda x, y: [pf.maximum(pf.minimum(x, y), 0.25), pf.maximum(0.5 * x, y)],
    "functions": lambda x, y: [
        pf.tanh(pf.exp(x) * 0.1) + pf.sigmoid(y) * pf.log(pf.abs(x) + 1.0),
        pf.erf(x) - pf.rsqrt(y * y + 1.0),
    ],
    "without instruction": lambda x, y: [
        pf.floor(x * 3.0) + pf.pow(pf.abs(y) + 0.5, x),
        pf.hypot(x, y) * pf.sin(x),
        pf.pow(x, 2.5),
    ],
}


def operands(size: int, dtype: pf.DType) -> tuple[pf.Tensor, pf.Tensor]:
    rng = np.random.default_rng(size)
    x, y = (rng.standard_normal(size, dtype=np.float32) for _ in range(2))
    x[:: max(size // 3, 1)] = 0.0
    y[::5] = x[::5]
    return pf.tensor(x).to(dtype), pf.tensor(y).to(dtype)


def evaluated(chain: Callable[..., Tensors], *arguments: pf.Tensor) -> Tensors:
    results = chain(*arguments)
    pf.eval(*results)
    return results


def same_by_threads(chain: Callable[[], Tensors]) -> None:
    """The chain has the bits of its single operations, on any number of threads."""
    with mode(eager=True):
        single = [bits(t) for t in evaluated(chain)]
    before = pf.get_num_threads()
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            assert [bits(t) for t in evaluated(chain)] == single
    finally:
        pf.set_num_threads(before)


@pytest.mark.parametrize("name", CHAINS)
def test_fused_chain_has_the_bits_of_single_ops(name: str) -> None:
    for dtype in DTYPES:
        for size in SIZES:
            x, y = operands(size, dtype)
            pf.eval(x, y)
            fused = evaluated(CHAINS[name], x, y)
            with mode(eager=True):
                single = evaluated(CHAINS[name], x, y)
            for found, expected in zip(fused, single, strict=True):
                assert found.dtype is expected.dtype
                assert bits(found) == bits(expected), f"{name}, {dtype}, {size} elements"


def test_chain_of_exact_ops_equals_numpy() -> None:
    for size in SIZES:
        x, y = (t.numpy() for t in operands(size, pf.float32))
        two, three = np.float32(2.0), np.float32(3.0)
        found = pf.where(pf.tensor(x) > pf.tensor(y), (pf.tensor(x) * 2.0 + pf.tensor(y)) * 3.0, -pf.tensor(y)).numpy()
        np.testing.assert_array_equal(found, np.where(x > y, (x * two + y) * three, -y))


def test_special_values_pass_through() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4e38], dtype=np.float32)
    x, y = (np.tile(part, 5) for part in (np.repeat(values, 8), np.tile(values, 8)))
    a, b = pf.tensor(x), pf.tensor(y)
    with np.errstate(all="ignore"):
        expected = {
            "relu": (pf.relu(a) + 0.0, np.where(x < 0, np.float32(0), x) + np.float32(0)),
            "maximum": (pf.maximum(a, b) * 1.0, np.where((x > y) | (x != x), x, y)),
            "minimum": (pf.minimum(a, b) * 1.0, np.where((x < y) | (x != x), x, y)),
            "abs": (-pf.abs(a), -np.abs(x)),
            "division": (1.0 / a * b, np.float32(1) / x * y),
            "where": (pf.where(a == b, 1.0, b), np.where(x == y, np.float32(1), y)),
        }
    for name, (found, wanted) in expected.items():
        np.testing.assert_array_equal(found.numpy(), wanted, err_msg=name)
        np.testing.assert_array_equal(
            np.signbit(found.numpy()) | (wanted != wanted), np.signbit(wanted) | (wanted != wanted)
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_operands_that_repeat_or_lie_apart(dtype: pf.DType) -> None:
    rng = np.random.default_rng(0)
    x = pf.tensor(rng.standard_normal((37, 130), dtype=np.float32)).to(dtype)
    row, column, one = x[3], x[:, 5:6], x[7, 7]
    matrix = pf.tensor(rng.standard_normal((130, 37), dtype=np.float32)).to(dtype)

    def chain(*_: pf.Tensor) -> Tensors:
        return [(x * row + column) * one - matrix.T, pf.where(x > one, row, column)]

    fused = evaluated(chain)
    with mode(eager=True):
        single = evaluated(chain)
    assert [bits(t) for t in fused] == [bits(t) for t in single]


# Long rows are read where they lie: whole blocks, a rest, several lengths in one chain, more than one share of threads.
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 5, 512), (2, 7, 1000), (4, 3, 28, 28), (40, 2049), (2, 30, 45, 32)])
def test_operands_that_repeat_along_long_rows(shape: tuple[int, ...], dtype: pf.DType) -> None:
    rng = np.random.default_rng(0)

    def drawn(*sizes: int) -> pf.Tensor:
        return pf.tensor(rng.standard_normal(sizes, dtype=np.float32)).to(dtype)

    x, swapped = drawn(*shape), drawn(shape[1], shape[0], *shape[2:]).transpose(0, 1)
    column, row, line = drawn(shape[0], *[1] * (len(shape) - 1)), drawn(*shape[1:]), drawn(shape[-1])
    mask = drawn(*shape[:2], *[1] * (len(shape) - 2)) > 0.0
    pf.eval(x, swapped, column, row, line, mask)

    def chain() -> Tensors:
        scaled = pf.where(mask, x - column, row) * swapped
        return [x * row, x * column + column, pf.relu(scaled + line), mask & (scaled > column), (scaled * line).sum(-1)]

    same_by_threads(chain)


def test_rows_of_a_result_that_takes_an_operands_memory() -> None:
    x, column = (np.random.default_rng(0).standard_normal(s, dtype=np.float32) for s in ((30, 1100), (30, 1)))
    a, b, expected = pf.tensor(x), pf.tensor(column), x.copy()
    for _ in range(3):
        a = (a * b + 1.0) * b - a
        pf.eval(a)
        expected = (expected * column + np.float32(1)) * column - expected
    np.testing.assert_array_equal(a.numpy(), expected)


def test_result_that_takes_an_operands_memory() -> None:
    x = operands(5000, pf.float32)[0]
    expected = x.numpy().copy()
    for _ in range(3):
        x = (x * 2.0 + 1.0) * x - x
        pf.eval(x)
        expected = (expected * np.float32(2) + np.float32(1)) * expected - expected
    np.testing.assert_array_equal(x.numpy(), expected)


def test_numbers_change_without_a_new_plan() -> None:
    x = operands(300, pf.float32)[0]
    for number in (0.5, 1.5, 2.5):
        found = (pf.exp(x) * number + number).numpy()
        np.testing.assert_array_equal(found, pf.exp(x).numpy() * np.float32(number) + np.float32(number))


# Shape, and the dimensions that are reduced: short rows, long ones, few and split ones, one number.
ROWS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((300, 16), (1,)),
    ((7, 100), (1,)),
    ((3, 1, 1025), (2,)),
    ((2, 30, 40), (1, 2)),
    ((40, 3000), (1,)),
    ((3, 100_001), (1,)),
    ((130_000,), (0,)),
]
REDUCTIONS: list[Callable[..., pf.Tensor]] = [pf.sum, pf.mean, pf.prod, pf.amax, pf.amin, pf.any, pf.all]


def reduced(x: pf.Tensor, dims: tuple[int, ...]) -> Tensors:
    return [reduction((x * 1.1 - 0.2) * x, dims) for reduction in REDUCTIONS] + [pf.any(x > 3.0, dims)]


@pytest.mark.parametrize("dtype", [pf.float32, pf.float64, pf.bfloat16])
@pytest.mark.parametrize(("shape", "dims"), ROWS)
def test_chain_that_ends_in_a_reduction(shape: tuple[int, ...], dims: tuple[int, ...], dtype: pf.DType) -> None:
    x = pf.tensor(np.random.default_rng(0).standard_normal(shape, dtype=np.float32)).to(dtype)
    pf.eval(x)
    with mode(eager=True):
        expected = [bits(t) for t in evaluated(lambda: reduced(x, dims))]
    before = pf.get_num_threads()
    try:
        for threads in (1, 2, 7):
            pf.set_num_threads(threads)
            assert [bits(t) for t in evaluated(lambda: reduced(x, dims))] == expected
    finally:
        pf.set_num_threads(before)


def test_reduction_and_what_else_is_read_of_its_chain() -> None:
    x, y = operands(5000, pf.float32)

    def chain() -> Tensors:
        double = x * 2.0
        return [(double * y).sum(), double, pf.exp(double) - (double - y).mean()]

    fused = evaluated(chain)
    with mode(eager=True):
        single = evaluated(chain)
    assert [bits(t) for t in fused] == [bits(t) for t in single]


def test_only_rows_nobody_else_reads_are_fused() -> None:
    x, whole = pf.ones(64, 64), pf.ones(64, 64, dtype=pf.int32)
    pf.eval(x, whole)

    def kernels(*results: pf.Tensor) -> tuple[str, ...]:
        return pf.compile_graph(list(results)).kernels

    # Not within assert, whose rewriting by pytest would hold the products.
    found = [kernels((x * x).sum(1)), kernels((x * x).sum()), kernels((x * x).sum(0)), kernels((whole * whole).sum(1))]
    assert found == [("mul+sum",), ("mul+sum",), ("mul", "sum"), ("mul", "sum")]
    squares = x * x
    assert kernels(squares.sum(1)) == ("mul", "sum")


INTEGERS = [pf.uint8, pf.int8, pf.int16, pf.int32, pf.int64]


@pytest.mark.parametrize("whole", INTEGERS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_integers_are_read_and_written_by_chains(whole: pf.DType, dtype: pf.DType) -> None:
    def chain(x: pf.Tensor, n: pf.Tensor) -> Tensors:
        scaled = n.to(dtype) * x - 0.5
        return [
            scaled,
            (x * 100.0).to(whole),
            (scaled * 2.0).round().to(whole),
            pf.where(x > 0.0, n.to(dtype), scaled),
            (scaled + 1.0).to(pf.int16),
            (n.to(dtype) / 3.0).sum(),
        ]

    for size in SIZES:
        x, n = operands(size, dtype)[0], operands(size, pf.float32)[1]
        n = (n * 40.0).abs().to(whole)
        pf.eval(x, n)
        fused = evaluated(chain, x, n)
        with mode(eager=True):
            single = evaluated(chain, x, n)
        for found, expected in zip(fused, single, strict=True):
            assert found.dtype is expected.dtype
            assert bits(found) == bits(expected), f"{size} elements"


@pytest.mark.parametrize("whole", INTEGERS, ids=str)
@pytest.mark.parametrize("shape", [(37, 130), (3, 5, 512), (2, 7, 1000), (40, 2049)])
def test_integers_that_repeat_or_lie_apart(shape: tuple[int, ...], whole: pf.DType) -> None:
    values = np.random.default_rng(0).integers(0, 128, (shape[1], shape[0], *shape[2:]))
    n = pf.tensor(values).to(whole).transpose(0, 1)
    apart, row, one = n.contiguous(), n.contiguous()[-1], n.contiguous()[(0,) * len(shape)]
    column = n[(slice(None), *[slice(3, 4)] * (len(shape) - 1))]

    def chain() -> Tensors:
        x = n.to(pf.float32) / 7.0 - row.to(pf.float32) * column.to(pf.float32)
        return [
            x,
            (x + apart.to(pf.float32)).to(whole),
            (x * one.to(pf.float32)).to(pf.int32),
            (x * 0.1).to(whole).sum(-1),
        ]

    pf.eval(n, apart, row, one, column)
    same_by_threads(chain)


@pytest.mark.parametrize("whole", [pf.int32, pf.int64], ids=str)
def test_integers_that_take_an_operands_memory(whole: pf.DType) -> None:
    real = pf.float32 if whole is pf.int32 else pf.float64
    n = pf.arange(5000, dtype=whole)
    expected = np.arange(5000, dtype=whole.name)
    for _ in range(5):
        n = (n.to(real) * 1.5 + 1.0).to(whole)
        pf.eval(n)
        expected = (expected.astype(real.name) * 1.5 + 1).astype(whole.name)
    np.testing.assert_array_equal(n.numpy(), expected)
