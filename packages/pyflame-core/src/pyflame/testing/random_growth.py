"""The values of a random program, worked out by NumPy as it grows.

Operands are small whole numbers, so that float arithmetic is exact and floor, comparisons and arg-reductions agree to
the last bit. A few smooth ops (`tanh`, `softmax`, ...) break that on purpose; what depends on them is inexact: it is
compared with a tolerance and feeds smooth ops only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from ..dtypes import (
    DType,
    all_dtypes,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from .bridge import Array, rounded
from .programs import Instruction, Leaf, Number, Program
from .samples import by_name

DTYPES = (float32,) * 6 + (float64, float64, float16, bfloat16, int64, int64, int32, int16, int8, uint8, bool_)
LIMIT = 128  # operands stay below: the product of two fits every float dtype
SMOOTH_UNARY = ("tanh", "sigmoid", "sin", "cos")
LOGIC = ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor")
# The input that does not take part in promotion.
UNTYPED = {"gather": 1, "index_select": 1, "index_add": 1, "where": 0}


@dataclass(frozen=True)
class Expected:
    """What NumPy says about a slot."""

    values: Array
    dtype: DType
    exact: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape


def category(dtype: DType) -> int:
    return 2 if dtype.is_floating_point else 0 if dtype is bool_ else 1


def promoted(operands: Sequence[Expected]) -> DType:
    """PyTorch's rule: tensors without dimensions count only where their category is higher."""
    dtypes: dict[bool, DType] = {}
    for operand in operands:
        ranked = operand.values.ndim > 0
        both = (dtypes.get(ranked, operand.dtype), operand.dtype)
        dtypes[ranked] = all_dtypes[_core.promote_types(both[0].code, both[1].code)]
    if len(dtypes) == 1:
        return next(iter(dtypes.values()))
    return dtypes[False] if category(dtypes[False]) > category(dtypes[True]) else dtypes[True]


class Growth:
    """A program, what NumPy says about each slot, and which slots may become operands."""

    def __init__(self, seed: int, gradients: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.gradients = gradients
        self.program = Program()
        self.expected: list[Expected] = []
        self.usable: list[int] = []
        self.long = self.chance(0.12)  # some shapes go beyond one tile of the elementwise kernels

    # ---- drawing
    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def choice(self, items: Sequence[Any]) -> Any:
        return items[self.integer(0, len(items))]

    def pick(self, accept: Callable[[Expected], bool] = lambda _: True) -> int | None:
        """A usable slot, recent ones more often; None when six draws are not accepted."""
        for _ in range(6):
            slot = self.usable[int(len(self.usable) * self.rng.random() ** 0.6)]
            if accept(self.expected[slot]):
                return slot
        return None

    def shape(self) -> tuple[int, ...]:
        if self.long and self.chance(0.6):
            return self.choice([(2100,), (3, 1100), (1100, 2), (1, 1500), (40, 60)])
        sizes = [1, 2, 3, 3, 4, 4, 5] + [0] * self.chance(0.1)
        return tuple(self.choice(sizes) for _ in range(self.choice([0, 1, 2, 2, 2, 3, 4])))

    def draw(self, shape: tuple[int, ...], dtype: DType) -> Array:
        low = 0 if dtype in (uint8, bool_) else -4
        return rounded(self.rng.integers(low, 2 if dtype is bool_ else 5, shape), dtype)

    # ---- growing
    def leaf(
        self, shape: tuple[int, ...] | None = None, dtype: DType | None = None, values: Array | None = None
    ) -> int:
        dtype = dtype or self.choice(DTYPES)
        if values is None:
            values = self.draw(self.shape() if shape is None else shape, dtype)
        needs = self.gradients and dtype in (float32, float64) and self.chance(0.8)
        return self.add("leaf", (Leaf(values, dtype, needs),), {}, [Expected(values, dtype, True)])[0]

    def add(self, op: str, inputs: tuple[Any, ...], attrs: dict[str, Any], results: list[Expected]) -> tuple[int, ...]:
        slots = tuple(range(len(self.expected), len(self.expected) + len(results)))
        self.expected += results
        self.program.instructions.append(Instruction(op, inputs, attrs, slots))
        for slot, result in zip(slots, results, strict=True):
            self.bound(slot, result)
        return slots

    def bound(self, slot: int, result: Expected) -> None:
        """Admits a slot as an operand; what has grown too large is brought back by a remainder first."""
        values = result.values
        if values.dtype == np.bool_ or values.size == 0 or np.abs(values).max() <= LIMIT:
            self.usable.append(slot)
        elif np.isfinite(values).all() and result.exact and result.dtype not in (int8, uint8):
            self.record("remainder", (slot, Number(17)))

    def record(self, op: str, inputs: tuple[Any, ...], **attrs: Any) -> tuple[int, ...]:
        """Adds an op whose result NumPy computes from the slots, promoted as the op promotes them."""
        info = by_name[op]
        slots = [item for item in inputs if isinstance(item, int)]
        slots += [slot for item in inputs if isinstance(item, tuple) for slot in item]
        operands = [self.expected[slot] for slot in slots]
        typed = [operand for k, operand in enumerate(operands) if k != UNTYPED.get(op)]
        dtype = promoted(typed)
        numbers = [item.value for item in inputs if isinstance(item, Number)]
        if any(isinstance(number, float) for number in numbers) and not dtype.is_floating_point:
            dtype = float32
        if numbers and dtype is bool_:
            dtype = int64
        values = [
            operand.values if k == UNTYPED.get(op) else rounded(operand.values, dtype)
            for k, operand in enumerate(operands)
        ]
        queue = iter(values)
        arguments: list[Any] = []
        for item in inputs:
            if isinstance(item, tuple):
                arguments.append([next(queue) for _ in item])
            else:
                arguments.append(item.value if isinstance(item, Number) else next(queue))
        assert info.reference is not None
        with np.errstate(all="ignore"):
            results = info.reference(*arguments, **attrs)
        declared = self.result_dtypes(op, dtype, attrs)
        exact = all(operand.exact for operand in operands) and op not in (*SMOOTH_UNARY, "softmax")
        found = results if isinstance(results, tuple) else (results,)
        return self.add(op, inputs, attrs, [
            Expected(np.ascontiguousarray(rounded(value, kind)).reshape(np.shape(value)), kind, exact)
            for value, kind in zip(found, declared, strict=True)
        ])  # fmt: skip

    def result_dtypes(self, op: str, dtype: DType, attrs: dict[str, Any]) -> tuple[DType, ...]:
        if op in LOGIC or op in ("logical_not", "isnan", "any", "all"):
            return (bool_,)
        if op in ("argmax", "argmin"):
            return (int64,)
        if op == "sum" and not dtype.is_floating_point:
            return (int64,)
        if op == "cast":
            return (attrs["dtype"],)
        if op in SMOOTH_UNARY and not dtype.is_floating_point:
            return (float32,)
        return {"max_pool2d": (dtype, int64), "sgd_step": (dtype,) * 2}.get(op, (dtype,))

    def partner(self, slot: int, accept: Callable[[Expected], bool]) -> int | None:
        """Another slot that broadcasts with this one; a new leaf when none is found."""
        shape = self.expected[slot].shape

        def fits(other: Expected) -> bool:
            try:
                return int(np.prod(np.broadcast_shapes(shape, other.shape))) < 10_000 and accept(other)
            except ValueError:
                return False

        found = self.pick(fits)
        if found is None and self.chance(0.5):
            keep = self.integer(0, len(shape) + 1)
            found = self.leaf(tuple(1 if self.chance(0.3) else size for size in shape[keep:]))
            return found if accept(self.expected[found]) else None
        return found
