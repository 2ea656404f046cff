"""Scalar code against NumPy: every typed instruction on random and on extreme values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pyflame.csl.ir import NO_REG, SCALARS, Instr

INTEGERS = [name for name in SCALARS if name[0] in "iu"]
FLOATS = ["f16", "f32"]
DTYPES = {name: np.dtype(f"{'int' if name[0] == 'i' else 'uint'}{name[1:]}") for name in INTEGERS}
DTYPES |= {"f16": np.dtype(np.float16), "f32": np.dtype(np.float32), "bool": np.dtype(np.uint8)}
SPECIAL = [0.0, -0.0, 1.0, -1.5, 65504.0, 6e-8, -6.1e-5, 3e38, math.inf, -math.inf, math.nan]


def evaluate(kit: Any, op: str, operands: list[np.ndarray], types: list[str], result: str) -> np.ndarray:
    """Apply one instruction to all rows of the operands in a loop of simulated code."""
    tile = kit.Tile()
    addresses = [
        tile.var(f"x{k}", name, values, align=8) for k, (values, name) in enumerate(zip(operands, types, strict=True))
    ]
    count = operands[0].size
    out = tile.var("out", result, np.zeros(count, DTYPES[result]), align=8)
    code = [kit.const(0, 0), kit.const(1, count), kit.const(8, 1)]
    start = len(code)
    for k, name in enumerate(types):
        code += [
            kit.const(2, SCALARS[name]),
            Instr("mul.u32", 2, 0, 2),
            Instr(f"load.{name}", 3 + k, 2, imm=addresses[k]),
        ]
    code += [Instr(op, 5, 3, 4), kit.const(2, SCALARS[result]), Instr("mul.u32", 2, 0, 2)]
    code += [Instr(f"store.{result}", a=2, b=5, imm=out), Instr("add.u32", 0, 0, 8)]
    code += [Instr("lt.u32", 6, 0, 1), Instr("branch", a=6, imm=start), Instr("unblock_cmd_stream")]
    tile.fn("main", code)
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    simulator.stop()
    return simulator.get_symbol(0, 0, "out").view(DTYPES[result])


def samples(name: str, seed: int, count: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if name == "bool":
        return rng.integers(0, 2, count).astype(np.uint8)
    if name in FLOATS:
        values = np.concatenate(
            [rng.standard_normal(count), rng.standard_normal(count) * 1e4, rng.permutation(SPECIAL * 3)]
        )
        with np.errstate(over="ignore"):
            return values.astype(DTYPES[name])
    info = np.iinfo(DTYPES[name])
    values = rng.integers(info.min, info.max, count, dtype=DTYPES[name], endpoint=True)
    return np.concatenate([values, np.array([0, 1, info.min, info.max, info.max - 1, 3] * 3, DTYPES[name])])


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_arithmetic_wraps(kit: Any, name: str) -> None:
    a, b = samples(name, 1), samples(name, 2)
    with np.errstate(over="ignore"):
        expected = {"add": a + b, "sub": a - b, "mul": a * b, "and": a & b, "or": a | b, "xor": a ^ b}
        expected |= {"not": ~a, "neg": (0 - a.astype(object)), "min": np.minimum(a, b), "max": np.maximum(a, b)}
    expected["neg"] = np.array([int(v) & ((1 << 8 * a.itemsize) - 1) for v in expected["neg"]], np.uint64).astype(
        a.dtype
    )
    for op, values in expected.items():
        np.testing.assert_array_equal(evaluate(kit, f"{op}.{name}", [a, b], [name, name], name), values, err_msg=op)


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_division_truncates_and_shifts_saturate(kit: Any, name: str) -> None:
    a, b = samples(name, 3), samples(name, 4)
    b[b == 0] = 1
    mask = (1 << 8 * a.itemsize) - 1
    quotients = [abs(int(x)) // abs(int(y)) * (-1 if (x < 0) != (y < 0) else 1) for x, y in zip(a, b, strict=True)]
    rest = [int(x) - q * int(y) for x, y, q in zip(a, b, quotients, strict=True)]
    for op, values in (("div", quotients), ("rem", rest)):
        expected = np.array([v & mask for v in values], np.uint64).astype(a.dtype)
        np.testing.assert_array_equal(evaluate(kit, f"{op}.{name}", [a, b], [name, name], name), expected, err_msg=op)
    by = np.arange(a.size).astype(np.uint8) % 70
    left = np.array([(int(x) << int(n)) & mask for x, n in zip(a, by, strict=True)], np.uint64).astype(a.dtype)
    right = np.array([(int(x) >> int(n)) & mask for x, n in zip(a, by, strict=True)], np.uint64).astype(a.dtype)
    np.testing.assert_array_equal(evaluate(kit, f"shl.{name}", [a, by], [name, "u8"], name), left)
    np.testing.assert_array_equal(evaluate(kit, f"shr.{name}", [a, by], [name, "u8"], name), right)


@pytest.mark.parametrize("name", FLOATS)
def test_float_arithmetic_rounds_once(kit: Any, name: str) -> None:
    a, b = samples(name, 5), samples(name, 6)
    with np.errstate(all="ignore"):
        for op, expected in {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "sqrt": np.sqrt(a)}.items():
            assert expected.dtype == a.dtype
            np.testing.assert_array_equal(
                evaluate(kit, f"{op}.{name}", [a, b], [name, name], name), expected, err_msg=op
            )
        for op, function in {"exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tanh": np.tanh}.items():
            expected = function(a.astype(np.float64)).astype(a.dtype)
            found = evaluate(kit, f"{op}.{name}", [a, b], [name, name], name)
            np.testing.assert_allclose(found, expected, rtol=np.finfo(a.dtype).eps, atol=0, err_msg=op)


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS, "bool"])
def test_comparisons(kit: Any, name: str) -> None:
    a, b = samples(name, 7), samples(name, 8)
    b[::5] = a[::5]
    for op, expected in {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b}.items():
        np.testing.assert_array_equal(evaluate(kit, f"{op}.{name}", [a, b], [name, name], "bool"), expected, err_msg=op)


def cast(values: np.ndarray, source: str, target: str) -> np.ndarray:
    if target == "bool":
        return (values != 0).astype(np.uint8)
    if target in FLOATS:
        with np.errstate(over="ignore"):
            return values.astype(DTYPES[target])
    if source not in FLOATS:
        return values.astype(DTYPES[target])
    info = np.iinfo(DTYPES[target])
    exact = [
        0 if math.isnan(v) else info.max if v >= info.max else info.min if v <= info.min else int(v)
        for v in map(float, values)
    ]
    return np.array(exact, dtype=DTYPES[target])


@pytest.mark.parametrize("source", [*INTEGERS, *FLOATS, "bool"])
def test_casts(kit: Any, source: str) -> None:
    values = samples(source, 9)
    for target in SCALARS:
        found = evaluate(kit, f"cast.{source}.{target}", [values, values], [source, source], target)
        np.testing.assert_array_equal(found, cast(values, source, target), err_msg=target)


def test_every_half_survives_conversion(kit: Any) -> None:
    values = np.arange(1 << 12, dtype=np.uint16) * 16 + 5
    halves = values.view(np.float16)
    wide = evaluate(kit, "cast.f16.f32", [halves, halves], ["f16", "f16"], "f32")
    np.testing.assert_array_equal(wide, halves.astype(np.float32))
    singles = np.random.default_rng(0).uniform(-24, 16, 2000)
    singles = (np.exp2(singles) * np.where(np.arange(2000) % 2, 1, -1)).astype(np.float32)
    np.testing.assert_array_equal(
        evaluate(kit, "cast.f32.f16", [singles, singles], ["f32", "f32"], "f16"), singles.astype(np.float16)
    )


def test_calls_pass_arguments_and_results(kit: Any) -> None:
    tile = kit.Tile()
    out = tile.var("out", "u32", [0])
    code = [kit.const(2, 2), Instr("lt.u32", 3, 0, 2), Instr("branch_not", a=3, imm=4), Instr("ret", a=0)]
    code += [kit.const(4, 1), Instr("sub.u32", 5, 0, 4), Instr("call", 6, 5, imm=0)]
    code += [Instr("sub.u32", 5, 5, 4), Instr("call", 7, 5, imm=0), Instr("add.u32", 8, 6, 7), Instr("ret", a=8)]
    tile.fn("fibonacci", code, ["u32"], "u32", export=False)
    tile.fn(
        "main",
        [Instr("call", 1, 0, imm=0), Instr("store.u32", a=NO_REG, b=1, imm=out), Instr("unblock_cmd_stream")],
        ["u32"],
    )
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main", 15)
    simulator.stop()
    assert simulator.get_symbol(0, 0, "out")[0] == 610
