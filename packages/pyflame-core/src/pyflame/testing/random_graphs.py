"""Random programs of every kind of op: what the runtime is tested with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import bool_, float32, float64, int64, uint8
from .bridge import rounded
from .programs import Number, Program
from .random_growth import DTYPES, LOGIC, SMOOTH_UNARY, Expected, Growth

EXACT_UNARY = ("neg", "abs", "square", "relu", "sign", "floor", "positive", "logical_not", "isnan", "trunc")
ARITHMETIC = ("add", "sub", "mul", "maximum", "minimum", "add", "mul")


class Builder(Growth):
    """Grows one program. A step that does not fit what is there draws nothing, and another is tried."""

    def __init__(self, seed: int, num_ops: int, gradients: bool = False) -> None:
        super().__init__(seed, gradients)
        for _ in range(self.integer(1, 5)):
            self.leaf()
        steps = [
            self.unary, self.binary, self.binary, self.binary, self.scalar, self.scalar, self.where, self.cast,
            self.reduce, self.reduce, self.reshape, self.permute, self.slice, self.slice, self.expand, self.cat,
            self.flip, self.embed, self.index_select, self.gather, self.index_add, self.matmul, self.matmul, self.pool,
            self.triangle, self.source, self.smooth, self.softmax, self.alias,
        ]  # fmt: skip
        steps += [] if gradients else [self.update, self.update, self.logic, self.bits, self.arg_reduce]
        for _ in range(20 * num_ops):
            if len(self.program.instructions) >= num_ops:
                break
            steps[self.integer(0, len(steps))]()

    # ---- elementwise
    def unary(self) -> None:
        op = self.choice(EXACT_UNARY)
        on_bool = op in ("logical_not", "isnan", "sign")
        slot = self.pick(lambda e: e.exact and (on_bool or e.dtype is not bool_))
        if slot is not None:
            self.record(op, (slot,))

    def smooth(self) -> None:
        slot = self.pick()
        if slot is not None:
            self.record(self.choice(SMOOTH_UNARY), (slot,))

    def pair(self, op: str, accept: Callable[[Expected], bool]) -> None:
        left = self.pick(accept)
        right = None if left is None else self.partner(left, accept)
        if left is not None and right is not None:
            self.record(op, (left, right) if self.chance(0.5) else (right, left))

    def binary(self) -> None:
        op = self.choice(ARITHMETIC)
        self.pair(op, lambda e: (op not in ("maximum", "minimum") or e.exact) and (op != "sub" or e.dtype is not bool_))

    def logic(self) -> None:
        self.pair(self.choice(LOGIC), lambda e: e.exact)

    def bits(self) -> None:
        self.pair(self.choice(("bitwise_and", "bitwise_or", "bitwise_xor")), lambda e: not e.dtype.is_floating_point)

    def scalar(self) -> None:
        op = self.choice(("add", "sub", "mul", "maximum", "gt", "floor_divide", "remainder"))
        slot = self.pick(lambda e: e.dtype is not bool_ and (e.exact or op in ("add", "sub", "mul")))
        if slot is None or (self.gradients and op == "gt"):
            return
        number = Number(self.integer(1, 5) if self.chance(0.6) else float(self.integer(1, 4)))
        left = self.chance(0.3) and op in ("add", "sub", "mul", "maximum")
        self.record(op, (number, slot) if left else (slot, number))

    def where(self) -> None:
        x = self.pick()
        y = None if x is None else self.partner(x, lambda _: True)
        condition = None if x is None else self.partner(x, lambda e: e.dtype is bool_)
        if x is None or y is None or condition is None:
            return
        try:
            np.broadcast_shapes(*(self.expected[slot].shape for slot in (condition, x, y)))
        except ValueError:
            return
        self.record("where", (condition, x, y))

    def cast(self) -> None:
        slot = self.pick(lambda e: e.exact)
        if slot is None:
            return
        target = self.choice(DTYPES)
        negative = self.expected[slot].values.size and self.expected[slot].values.min() < 0
        # Out of range, a float has no defined integer value.
        if not (target is uint8 and negative and self.expected[slot].dtype.is_floating_point):
            self.record("cast", (slot,), dtype=target)

    # ---- reductions
    def dims(self, ndim: int) -> tuple[int, ...] | None:
        if ndim == 0 or self.chance(0.25):
            return None
        chosen = [d for d in range(ndim) if self.chance(0.5)] or [self.integer(0, ndim)]
        return tuple(d - ndim if self.chance(0.3) else d for d in chosen)

    def reduce(self) -> None:
        op = self.choice(("sum", "sum", "amax", "amin", "any", "all"))
        if self.gradients and op in ("any", "all"):
            return
        slot = self.pick(lambda e: (e.exact or op == "sum") and (e.values.size > 0 or op == "sum"))
        if slot is not None:
            self.record(op, (slot,), dim=self.dims(len(self.expected[slot].shape)), keepdim=self.chance(0.5))

    def arg_reduce(self) -> None:
        slot = self.pick(lambda e: e.exact and e.values.size > 0 and e.dtype is not bool_)
        if slot is not None:
            ndim = len(self.expected[slot].shape)
            dim = None if ndim == 0 or self.chance(0.3) else self.integer(-ndim, ndim)
            self.record(self.choice(("argmax", "argmin")), (slot,), dim=dim, keepdim=self.chance(0.5))

    def softmax(self) -> None:
        slot = self.pick(lambda e: e.dtype.is_floating_point and e.values.ndim > 0)
        if slot is not None:
            self.record("softmax", (slot,), dim=self.integer(0, len(self.expected[slot].shape)))

    # ---- shapes
    def reshape(self) -> None:
        slot = self.pick()
        if slot is None:
            return
        size = self.expected[slot].values.size
        shapes = [(size,), (1, size), (size, 1)]
        shapes += [(k, size // k) for k in (2, 3, 4, 5) if size and size % k == 0]
        shapes += [(2, size // 4, 2), (size // 4, 4, 1)] if size and size % 4 == 0 else []
        self.record("reshape", (slot,), shape=self.choice(shapes))

    def permute(self) -> None:
        slot = self.pick(lambda e: e.values.ndim > 1)
        if slot is not None:
            self.record("permute", (slot,), dims=tuple(self.rng.permutation(len(self.expected[slot].shape)).tolist()))

    def slice(self) -> None:
        slot = self.pick(lambda e: e.values.ndim > 0)
        if slot is None:
            return
        dim = self.integer(0, len(self.expected[slot].shape))
        size, step = self.expected[slot].shape[dim], self.choice((1, 1, 1, 2, 3))
        start = self.choice((0, self.integer(0, size + 1)))
        most = max(0, (size - start + step - 1) // step)
        length = most if self.chance(0.4) else self.integer(0 if self.chance(0.1) else min(1, most), most + 1)
        self.record("slice", (slot,), dim=dim, start=start, step=step, length=length)

    def expand(self) -> None:
        slot = self.pick(lambda e: e.values.size < 500)
        if slot is not None:
            shape = tuple(self.integer(1, 4) if size == 1 else size for size in self.expected[slot].shape)
            lead = (self.integer(1, 4),) if self.chance(0.4) else ()
            self.record("expand", (slot,), shape=lead + shape)

    def alias(self) -> None:
        slot = self.pick()
        if slot is not None:
            self.record("alias", (slot,))

    def cat(self) -> None:
        first = self.pick(lambda e: 0 < e.values.ndim and e.values.size < 5000)
        if first is None:
            return
        ndim = len(self.expected[first].shape)
        dim, parts = self.integer(0, ndim), [first]

        def joins(other: Expected) -> bool:
            pairs = zip(other.shape, self.expected[first].shape, strict=False)
            return len(other.shape) == ndim and all(d == dim or a == b for d, (a, b) in enumerate(pairs))

        for _ in range(self.integer(0, 5)):
            other = self.pick(joins)
            parts += [] if other is None else [other]
        self.record("cat", (tuple(parts),), dim=dim)

    def flip(self) -> None:
        slot = self.pick(lambda e: e.values.ndim > 0)
        if slot is not None:
            self.record("flip", (slot,), dims=self.dims(len(self.expected[slot].shape)))

    def embed(self) -> None:
        slot = self.pick(lambda e: 0 < e.values.ndim and e.values.size < 2000)
        if slot is not None:
            dim, start, step = self.integer(0, len(self.expected[slot].shape)), self.integer(0, 3), self.integer(1, 3)
            size = start + step * self.expected[slot].shape[dim] + self.integer(0, 3)
            self.record("embed", (slot,), dim=dim, start=start, step=step, size=size)

    def triangle(self) -> None:
        slot = self.pick(lambda e: e.values.ndim > 1)
        if slot is not None:
            self.record(self.choice(("tril", "triu")), (slot,), diagonal=self.integer(-2, 3))

    # ---- indices, matrices, windows, sources
    def index(self, bound: int, shape: tuple[int, ...]) -> int:
        return self.leaf(shape, int64, self.rng.integers(0, bound, shape))

    def index_select(self) -> None:
        slot = self.pick(lambda e: e.values.ndim > 0 and e.values.size > 0)
        if slot is not None:
            dim = self.integer(0, len(self.expected[slot].shape))
            index = self.index(self.expected[slot].shape[dim], (self.integer(0, 5),))
            self.record("index_select", (slot, index), dim=dim)

    def gather(self) -> None:
        slot = self.pick(lambda e: e.values.ndim > 0 and e.values.size > 0)
        if slot is not None:
            shape = self.expected[slot].shape
            dim = self.integer(0, len(shape))
            wanted = tuple(self.integer(1, 6 if d == dim else size + 1) for d, size in enumerate(shape))
            self.record("gather", (slot, self.index(shape[dim], wanted)), dim=dim)

    def index_add(self) -> None:
        base = self.pick(lambda e: 0 < e.values.ndim and e.values.size > 0 and e.dtype is not bool_)
        if base is not None:
            shape = list(self.expected[base].shape)
            dim = self.integer(0, len(shape))
            index = self.index(shape[dim], (self.integer(1, 4),))
            shape[dim] = self.expected[index].shape[0]
            src = self.leaf(tuple(shape), self.expected[base].dtype)
            self.record("index_add", (base, index, src), dim=dim)

    def matmul(self) -> None:
        left = self.pick(lambda e: e.values.ndim > 0 and e.dtype is not bool_)
        if left is None:
            return
        inner = self.expected[left].shape[-1]
        right = self.pick(lambda e: e.dtype is not bool_ and e.shape[-2 if e.values.ndim > 1 else -1 :][:1] == (inner,))
        if right is None or self.chance(0.3):
            right = self.leaf((inner, self.integer(1, 5)), self.expected[left].dtype)
        a, b = self.expected[left], self.expected[right]
        try:
            np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            return
        # Sums of products stay exact in float32.
        peak = inner * np.abs(a.values).max(initial=0) * np.abs(b.values).max(initial=0)
        if b.dtype is not bool_ and peak < 2**22 and a.values.size * b.values.size < 4_000_000:
            self.record("matmul", (left, right))

    def pool(self) -> None:
        slot = self.pick(lambda e: e.exact and e.values.ndim > 2 and min(e.shape) > 1 and e.dtype is not bool_)
        if slot is not None:
            attrs = {"kernel": (2, 2), "stride": (self.integer(1, 3), 1), "padding": (0, 0), "dilation": (1, 1)}
            self.record("max_pool2d", (slot,), **attrs, ceil_mode=False)

    def source(self) -> None:
        dtype, shape = self.choice(DTYPES), self.shape()
        if self.chance(0.6):
            value: Any = self.chance(0.5) if dtype is bool_ else self.integer(0, 5)
            values = np.broadcast_to(rounded(value, dtype), shape).copy()
            self.add("full", (), {"value": value, "dtype": dtype, "shape": shape}, [Expected(values, dtype, True)])
        else:
            length = self.integer(0, 6)
            attrs: dict[str, Any] = {
                "start": self.integer(-2, 3),
                "step": self.integer(1, 3),
                "length": length,
                "dtype": int64,
            }
            values = attrs["start"] + attrs["step"] * np.arange(length)
            self.add("arange_int", (), attrs, [Expected(values, int64, True)])

    def update(self) -> None:
        """An optimizer step, which may overwrite a parameter nobody else can see."""
        param = self.pick(lambda e: e.dtype in (float32, float64) and e.exact)
        if param is None or self.chance(0.3):
            param = self.leaf(dtype=self.choice((float32, float64)))
        wanted = self.expected[param]
        grad = self.pick(lambda e: e.shape == wanted.shape and e.dtype is wanted.dtype and e.exact)
        grad = self.leaf(wanted.shape, wanted.dtype) if grad is None else grad
        if self.chance(0.5):
            self.record("sgd_step_plain", (param, grad), lr=float(self.integer(1, 3)), weight_decay=0.0, maximize=False)
            return
        velocity = self.leaf(wanted.shape, wanted.dtype)
        settings = {"lr": 1.0, "momentum": 1.0, "dampening": 0.0, "weight_decay": 0.0}
        flags = {"nesterov": self.chance(0.3), "maximize": self.chance(0.3), "first": self.chance(0.2)}
        self.record("sgd_step", (param, grad, velocity), **settings, **flags)


def random_program(seed: int, num_ops: int, gradients: bool = False) -> tuple[Program, list[Expected]]:
    """A program of about `num_ops` ops, which slots stay alive, and when and in which order they are evaluated.

    Returns the program and, by slot, what NumPy says.
    """
    builder = Builder(seed, num_ops, gradients)
    program, rng = builder.program, np.random.default_rng(seed + 1)
    last = program.last_uses()
    produced = [slot for instruction in program.instructions for slot in instruction.slots]
    alive = rng.choice([0.1, 0.3, 0.9])
    unread = {slot for instruction in program.instructions[-3:] for slot in instruction.slots}
    program.kept = {slot for slot in produced if rng.random() < alive} | unread
    for position in range(len(program.instructions)):
        if not gradients and rng.random() < 0.04:
            living = [s for i in program.instructions[: position + 1] for s in i.slots if last[s] > position]
            program.evaluations[position] = [slot for slot in living if rng.random() < 0.3]
    order = [int(slot) for slot in rng.permutation(sorted(program.kept))]
    while order:
        size = int(rng.choice([1, 1, 2, len(order)]))
        program.order.append(order[:size])
        order = order[size:]
    return program, builder.expected
