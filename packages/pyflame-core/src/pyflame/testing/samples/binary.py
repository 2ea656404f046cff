"""Samples of the elementwise ops of two inputs, and of `where`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from ...dtypes import DType, bool_, uint8
from ..bridge import Array
from .model import ALL, INTEGERS, NUMBERS, Operand, OpInfo, Sample, bool_dtype, draw, float_dtype, generator, same_dtype

Pair = tuple[tuple[int, ...], str, tuple[int, ...], str]
PAIRS: tuple[Pair, ...] = (
    ((2, 3), "dense", (2, 3), "dense"), ((2, 1, 4), "dense", (3, 1), "dense"), ((3,), "dense", (2, 3), "dense"),
    ((), "dense", (4,), "dense"), ((4,), "dense", (), "dense"), ((), "dense", (), "dense"),
    ((0, 3), "dense", (1, 3), "dense"), ((3, 4), "transposed", (3, 4), "dense"), ((3, 4), "dense", (3, 4), "sliced"),
    ((4, 3), "expanded", (4, 3), "transposed"), ((4, 1), "sliced", (4, 3), "expanded"),
    ((2059,), "dense", (1,), "dense"),
)  # fmt: skip
FLOAT_EDGES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 2.5]


def logic(function: Callable[[Array, Array], Array], on_bool: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Arithmetic on bool is logic."""
    return lambda a, b: on_bool(a, b) if np.asarray(a).dtype == np.bool_ else function(a, b)


def on_floats(function: Callable[..., Array]) -> Callable[..., Array]:
    """NumPy computes small integers and bool in half precision, PyTorch in the default dtype."""
    return lambda a, b: function(np.asarray(a, np.float64), np.asarray(b, np.float64))


def floor_divide(a: Array, b: Array) -> Array:
    return np.floor(a / b) if np.result_type(a, b) == np.float64 else np.floor_divide(a, b)


def xlogy(a: Array, b: Array) -> Array:
    return np.where((a == 0) & ~np.isnan(b), 0, a * np.log(b))


@partial(np.vectorize, otypes=[float])
def zeta(s: float, q: float) -> float:
    """The first thousand terms, the integral of the rest and its first two corrections."""
    if s == 1 or (s > 1 and q <= 0 and q == math.floor(q)):
        return math.inf
    if not s > 1 or math.isnan(q) or (q < 0 and s != math.floor(s)):
        return math.nan
    if math.isinf(s) or math.isinf(q):
        return math.nan
    head = math.fsum((q + k) ** -s for k in range(1000))
    far = q + 1000
    return head + far ** (1 - s) / (s - 1) + far**-s / 2 + s * far ** (-s - 1) / 12


def zeta_samples(dtype: DType) -> list[Sample]:
    """The derivative for s is not known, so s is a number where derivatives are checked."""
    rng = generator("zeta")
    result = []
    for a, left, b, right in PAIRS:
        s, q = draw(rng, a, dtype, 2, 5), draw(rng, b, dtype, 1, 5)
        result.append(Sample((Operand(s, dtype, left), Operand(q, dtype, right)), differentiable=False))
    result += [Sample((s, Operand(draw(rng, (2, 3), dtype, 1, 5), dtype))) for s in (2, 3, 2.5)]
    if dtype.is_floating_point:
        s, q = np.meshgrid([0.5, 1.0, 2.0, 3.0, 2.5], [-1.5, -0.25, 0.0, 0.25, 12.5, np.nan])
        result.append(Sample((Operand(s, dtype), Operand(q, dtype)), differentiable=False))
    return result


# name: reference, range of the second operand, dtypes
NUMBER: dict[str, tuple[Callable[..., Array], int, int, tuple[DType, ...]]] = {
    "add": (logic(np.add, np.logical_or), -4, 4, ALL), "sub": (np.subtract, -4, 4, NUMBERS),
    "mul": (logic(np.multiply, np.logical_and), -4, 4, ALL), "floor_divide": (floor_divide, 1, 4, NUMBERS),
    "remainder": (np.remainder, 1, 4, NUMBERS), "fmod": (np.fmod, 1, 4, NUMBERS), "pow": (np.power, 0, 3, NUMBERS),
    "maximum": (np.maximum, -4, 4, ALL), "minimum": (np.minimum, -4, 4, ALL),
}  # fmt: skip
FLOAT: dict[str, tuple[Callable[..., Array], int, int]] = {
    "div": (np.true_divide, 1, 4), "atan2": (np.arctan2, -4, 4), "hypot": (np.hypot, -4, 4),
    "copysign": (np.copysign, -4, 4), "logaddexp": (np.logaddexp, -4, 4), "logaddexp2": (np.logaddexp2, -4, 4),
    "xlogy": (xlogy, 0, 4),
}  # fmt: skip
BITS: dict[str, tuple[Callable[..., Array], int, int, tuple[DType, ...]]] = {
    "bitwise_and": (np.bitwise_and, -9, 9, (*INTEGERS, bool_)),
    "bitwise_or": (np.bitwise_or, -9, 9, (*INTEGERS, bool_)),
    "bitwise_xor": (np.bitwise_xor, -9, 9, (*INTEGERS, bool_)),
    "bitwise_left_shift": (np.left_shift, 0, 7, INTEGERS), "bitwise_right_shift": (np.right_shift, 0, 7, INTEGERS),
}  # fmt: skip
LOGIC: dict[str, Callable[..., Array]] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip
# Smooth only where a > 0 (pow), or where a / b is not near a multiple of 1/2 apart from kinks (the divisions).
FIRST = {"pow": (0, 3)}
# Where a special value makes NumPy and the C library disagree by design, none is drawn.
WITHOUT_EDGES = {"floor_divide", "remainder", "pow"}


def binary_samples(name: str, low: int, high: int) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        first_low, first_high = FIRST.get(name, (-4, 4))

        def operands(pair: Pair) -> tuple[Operand, Operand]:
            a = draw(rng, pair[0], dtype, first_low, first_high)
            b = draw(rng, pair[2], dtype, low, high)
            if name in ("floor_divide", "fmod", "remainder") and dtype.is_floating_point:
                a = away_from_multiples(a, b)
            return Operand(a, dtype, pair[1]), Operand(b, dtype, pair[3])

        pairs = [Sample(operands(pair), differentiable=math.prod(pair[0]) < 100) for pair in PAIRS]
        x = Operand(draw(rng, (2, 3), dtype, max(first_low, low), high), dtype)
        if dtype is not bool_:
            scalar = 2.25 if dtype.is_floating_point else 2
            pairs += [Sample((x, scalar)), Sample((scalar, x))]
        if dtype.is_floating_point and name not in WITHOUT_EDGES:
            a, b = np.meshgrid(FLOAT_EDGES, FLOAT_EDGES)
            pairs.append(Sample((Operand(a, dtype), Operand(b, dtype)), differentiable=False))
        return pairs

    return samples


def away_from_multiples(a: Array, b: Array) -> Array:
    """Moves a so that a / b is a quarter off the whole numbers, which are the kinks of division with a remainder."""
    if a.ndim < b.ndim or a.size < b.size:
        return a
    quotient: Array = np.floor(a / b) + 0.25
    return quotient * b if np.broadcast_shapes(a.shape, b.shape) == a.shape else a


def where_samples(dtype: DType) -> list[Sample]:
    rng = generator("where")

    def three(c: tuple[int, ...], x: tuple[int, ...], y: tuple[int, ...], memory: str = "dense") -> Sample:
        return Sample((
            Operand(rng.random(c) < 0.5, bool_, memory),
            Operand(draw(rng, x, dtype, -4, 4), dtype),
            Operand(draw(rng, y, dtype, -4, 4), dtype, memory if len(y) == 2 else "dense"),
        ))  # fmt: skip

    shapes = [
        three((2, 3), (2, 3), (2, 3)),
        three((2, 1), (3,), ()),
        three((), (2, 3), (1, 3)),
        three((0,), (1,), (0,)),
    ]
    memories = [three((3, 4), (3, 4), (3, 4), memory) for memory in ("transposed", "sliced", "expanded")]
    return [*shapes, *memories, three((), (), ())]


def wraps(name: str, low: int, high: int) -> Callable[[DType], list[Sample]]:
    """Adds the ends of the integer range: results wrap around as in two's complement."""
    plain = binary_samples(name, low, high)

    def samples(dtype: DType) -> list[Sample]:
        if dtype.is_floating_point or dtype is bool_:
            return plain(dtype)
        limits = np.iinfo(dtype.to_numpy())
        ends = Operand(np.array([limits.min, limits.max, limits.max]), dtype)
        ones = Operand(np.array([1, 1, 3]) if dtype is uint8 else np.array([-1, 1, 3]), dtype)
        return [*plain(dtype), Sample((ends, ones))]

    return samples


BINARY = [
    *(OpInfo(name, (wraps if name in ("add", "sub", "mul") else binary_samples)(name, low, high), reference, dtypes,
             same_dtype) for name, (reference, low, high, dtypes) in (NUMBER | BITS).items()),
    *(OpInfo(name, binary_samples(name, low, high), on_floats(reference), ALL, float_dtype)
      for name, (reference, low, high) in FLOAT.items()),
    *(OpInfo(name, binary_samples(name, -2, 2), reference, ALL, bool_dtype) for name, reference in LOGIC.items()),
    OpInfo("zeta", zeta_samples, on_floats(zeta), ALL, float_dtype),
    OpInfo("where", where_samples, np.where, ALL),
]  # fmt: skip
