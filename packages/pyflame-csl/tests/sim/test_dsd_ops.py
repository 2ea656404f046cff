"""DSD builtins on memory against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyflame.csl.dsd import Dsd, DsdKind, pack_dsd
from pyflame.csl.ir import Descriptor, Fifo, Instr, Map, Operand, OperandKind
from pyflame.csl.sim.simulator import Simulator

F16, F32, I16, U16, I32, U32 = np.float16, np.float32, np.int16, np.uint16, np.int32, np.uint32
TYPES = {F16: "f16", F32: "f32", I16: "i16", U16: "u16", I32: "i32", U32: "u32"}
UNBLOCK = Instr("unblock_cmd_stream")


def values(dtype: Any, seed: int, count: int = 37) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype in (F16, F32):
        return (rng.standard_normal(count) * 8).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, count, dtype=dtype, endpoint=True)


def fused(a: np.ndarray, b: np.ndarray, c: Any) -> np.ndarray:
    """a + b * c in long double, rounded once to a's type; exact enough for the samples used here."""
    return (a.astype(np.longdouble) + b.astype(np.longdouble) * np.longdouble(c)).astype(a.dtype)


BINARY = {
    "add16": (U16, np.add),
    "sub16": (U16, np.subtract),
    "and16": (U16, np.bitwise_and),
    "or16": (U16, np.bitwise_or),
    "xor16": (U16, np.bitwise_xor),
    "add32": (U32, np.add),
    "sub32": (U32, np.subtract),
    "faddh": (F16, np.add),
    "fsubh": (F16, np.subtract),
    "fmulh": (F16, np.multiply),
    "fmaxh": (F16, np.maximum),
    "fadds": (F32, np.add),
    "fsubs": (F32, np.subtract),
    "fmuls": (F32, np.multiply),
    "fmaxs": (F32, np.maximum),
}
UNARY = {
    "mov16": (U16, U16, lambda a: a),
    "mov32": (U32, U32, lambda a: a),
    "fmovh": (F16, F16, lambda a: a),
    "fmovs": (F32, F32, lambda a: a),
    "fnegh": (F16, F16, np.negative),
    "fnegs": (F32, F32, np.negative),
    "fabsh": (F16, F16, np.abs),
    "fabss": (F32, F32, np.abs),
    "popcnt": (U16, U16, lambda a: np.bitwise_count(a).astype(U16)),
    "clz": (U16, U16, lambda a: np.array([16 - int(x).bit_length() for x in a], U16)),
    "ctz": (U16, U16, lambda a: np.array([((int(x) & -int(x)).bit_length() - 1) if x else 16 for x in a], U16)),
    "fs2h": (F32, F16, lambda a: a.astype(F16)),
    "fh2s": (F16, F32, lambda a: a.astype(F32)),
    "xp162fh": (I16, F16, lambda a: a.astype(F16)),
    "xp162fs": (I16, F32, lambda a: a.astype(F32)),
    "fs2xp16": (F32, I16, lambda a: a.astype(I16)),
    "fh2xp16": (F16, I16, lambda a: a.astype(I16)),
}


def run(kit: Any, name: str, arrays: list[np.ndarray], result: Any, constant: int | None = None) -> np.ndarray:
    tile = kit.Tile()
    count = arrays[0].size
    code = []
    operands = []
    out = tile.var("out", TYPES[result], np.zeros(count, result))
    for k, array in enumerate([np.zeros(count, result), *arrays]):
        address = out if k == 0 else tile.var(f"x{k}", TYPES[array.dtype.type], array)
        code.append(kit.mem(k, address, count, array.itemsize))
        operands.append(kit.reg(k))
    if constant is not None:
        code.append(kit.const(9, constant))
        operands.append(kit.scalar(9))
    tile.fn("main", [*code, tile.dsd(name, *operands), UNBLOCK])
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    simulator.stop()
    assert simulator.diagnostics == []
    return simulator.get_symbol(0, 0, "out", result)


@pytest.mark.parametrize("name", BINARY)
def test_binary_operations(kit: Any, name: str) -> None:
    dtype, function = BINARY[name]
    a, b = values(dtype, 1), values(dtype, 2)
    np.testing.assert_array_equal(run(kit, name, [a, b], dtype), function(a, b))


@pytest.mark.parametrize("name", UNARY)
def test_unary_operations(kit: Any, name: str) -> None:
    source, result, function = UNARY[name]
    a = values(source, 3)
    np.testing.assert_array_equal(run(kit, name, [a], result), function(a))


@pytest.mark.parametrize(("name", "function"), [("sll16", np.left_shift), ("slr16", np.right_shift)])
def test_logical_shifts(kit: Any, name: str, function: Any) -> None:
    a, by = values(U16, 4), (np.arange(37) % 20).astype(U16)
    expected = np.where(by < 16, function(a, np.minimum(by, 15)), 0)
    np.testing.assert_array_equal(run(kit, name, [a, by], U16), expected.astype(U16))


def test_arithmetic_shift(kit: Any) -> None:
    a, by = values(I16, 5), (np.arange(37) % 20).astype(U16)
    np.testing.assert_array_equal(run(kit, "sar16", [a, by], I16), a >> np.minimum(by, 15).astype(I16))


def test_multiply_add_rounds_once(kit: Any) -> None:
    a, b = values(F32, 6), values(F32, 7)
    factor = np.float32(1.1)
    np.testing.assert_array_equal(run(kit, "fmacs", [a, b], F32, int(factor.view(U32))), fused(a, b, factor))
    a, b, half = values(F16, 8), values(F16, 9), np.float16(1.1)
    found = run(kit, "fmach", [a, b], F16, int(half.view(U16)))
    np.testing.assert_array_equal(found, fused(a, b, half))
    assert (found != a + b * half).any()  # scalar code rounds twice
    wide = run(kit, "fmachs", [values(F32, 6), b], F32, int(half.view(U16)))
    np.testing.assert_array_equal(wide, fused(values(F32, 6), b, half))


def test_half_fused_multiply_add_is_not_rounded_through_double(kit: Any) -> None:
    # 2048 + (1 + 2**-10) * 2**-20: the exact sum lies just above a tie of halves only in far bits.
    a = np.array([2049.0, 2049.0], F16) * 0 + F16(2050)
    b, c = np.array([1 + 2**-10, -(1 + 2**-10)], F16), F16(2**-20)
    np.testing.assert_array_equal(run(kit, "fmach", [a, b], F16, int(c.view(U16))), fused(a, b, c))


def test_scale_takes_a_small_exponent(kit: Any) -> None:
    a, by = values(F32, 10), (np.arange(37) - 18).astype(I16)
    np.testing.assert_array_equal(run(kit, "fscales", [a, by], F32), np.ldexp(a, by.astype(I32)))


def launch(kit: Any, tile: Any) -> Simulator:
    simulator = kit.running(kit.grid([[tile]]))
    simulator.launch("main")
    simulator.stop()
    return simulator


def test_scalar_destination_reduces(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "f32", np.arange(10))
    total = tile.var("total", "f32", [100.0])
    start = int(np.float32(100).view(U32))
    code = [kit.const(0, total), kit.const(1, start), kit.mem(2, x, 10)]
    tile.fn("main", [*code, tile.dsd("fadds", kit.pointer(0), kit.scalar(1), kit.reg(2)), UNBLOCK])
    assert launch(kit, tile).get_symbol(0, 0, "total")[0] == 145


def test_strides_and_offsets(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "f32", np.arange(12))
    y = tile.var("y", "f32", np.zeros(4))
    code = [kit.mem(0, y, 4), kit.mem(1, x, 4, stride=-3), kit.const(2, 11), Instr("dsd_offset", 1, 1, 2, 4)]
    tile.fn("main", [*code, tile.dsd("fmovs", kit.reg(0), kit.reg(1)), UNBLOCK])
    np.testing.assert_array_equal(launch(kit, tile).get_symbol(0, 0, "y"), [11, 8, 5, 2])


def test_four_dimensional_access(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "f32", np.arange(24))
    y = tile.var("y", "f32", np.zeros(24))
    tile.extra = {"descriptors": (Descriptor((2, 4, 3), (12, 1, 4)),)}
    word = pack_dsd(Dsd(DsdKind.MEM4D, length=24, base=x, size=4, table=0))
    tile.fn("main", [kit.mem(0, y, 24), kit.const(1, word), tile.dsd("fmovs", kit.reg(0), kit.reg(1)), UNBLOCK])
    found = launch(kit, tile).get_symbol(0, 0, "y").reshape(2, 4, 3)
    np.testing.assert_array_equal(found, np.arange(24).reshape(2, 3, 4).transpose(0, 2, 1))


def test_circular_buffer_wraps(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "u32", np.arange(3))
    y = tile.var("y", "u32", np.zeros(8))
    tile.extra = {"descriptors": (Descriptor((), (), 3),)}
    word = pack_dsd(Dsd(DsdKind.CIRCBUF, length=8, base=x, size=4, table=0))
    tile.fn("main", [kit.mem(0, y, 8), kit.const(1, word), tile.dsd("mov32", kit.reg(0), kit.reg(1)), UNBLOCK])
    np.testing.assert_array_equal(launch(kit, tile).get_symbol(0, 0, "y"), np.arange(8) % 3)


def test_fifo_passes_elements_between_operations(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "f32", np.arange(20))
    y = tile.var("y", "f32", np.zeros(20))
    buffer = tile.var("buffer", "f32", np.zeros(3))
    tile.extra = {"fifos": (Fifo(buffer, 3, 4),)}
    word = pack_dsd(Dsd(DsdKind.FIFO, length=0, size=4, table=0))
    code = [kit.mem(0, x, 20), kit.mem(1, y, 20), kit.const(2, word)]
    code += [
        tile.dsd("fmovs", kit.reg(2), kit.reg(0), is_async=True),
        tile.dsd("fnegs", kit.reg(1), kit.reg(2), is_async=True),
    ]
    tile.fn("main", [*code, UNBLOCK])
    np.testing.assert_array_equal(launch(kit, tile).get_symbol(0, 0, "y"), -np.arange(20))


def test_map_calls_a_function_for_each_element(kit: Any) -> None:
    tile = kit.Tile()
    x = tile.var("x", "i16", np.arange(6) - 3)
    y = tile.var("y", "f32", np.zeros(6))
    body = [Instr("mul.i16", 2, 0, 0), Instr("add.i16", 2, 2, 1), Instr("cast.i16.f32", 2, 2), Instr("ret", a=2)]
    f = tile.fn("f", body, ["i16", "i16"], "f32", export=False)
    entry = Map(f, (kit.reg(1), Operand(OperandKind.SCALAR, 2)), ("i16", "i16"), kit.reg(0), "f32")
    tile.extra = {"maps": (entry,)}
    tile.fn("main", [kit.mem(0, y, 6), kit.mem(1, x, 6, 2), kit.const(2, 10), Instr("map", imm=0), UNBLOCK])
    np.testing.assert_array_equal(launch(kit, tile).get_symbol(0, 0, "y"), (np.arange(6) - 3.0) ** 2 + 10)


def test_random16_fills(kit: Any) -> None:
    tile = kit.Tile()
    y = tile.var("y", "u16", np.zeros(200))
    tile.fn("main", [kit.mem(0, y, 200, 2), tile.dsd("random16", kit.reg(0)), UNBLOCK])
    assert len(set(launch(kit, tile).get_symbol(0, 0, "y").tolist())) > 190
