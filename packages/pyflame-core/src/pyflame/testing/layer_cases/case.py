"""One call: its expression, its operands, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..._types import Array

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """An expression over `F`, `R` and operands; gradients are asked of the operands named in `grads`.

    `F` is the library's `nn.functional`, `R` the module of its recurrent networks. Operands named in `changed` are
    written to by the call.
    """

    expression: str
    operands: Mapping[str, Array]
    grads: Sequence[str] = ()
    changed: Sequence[str] = ()


class Draw:
    """A source of random options and operands."""

    def __init__(self, seed: int, family: str = "") -> None:
        self.rng = np.random.default_rng([seed, *family.encode()])

    def one(self, choices: Sequence[T]) -> T:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def size(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def sizes(self, count: int, low: int, high: int) -> tuple[int, ...]:
        return tuple(self.size(low, high) for _ in range(count))

    def extent(self, count: int, low: int, high: int) -> int | tuple[int, ...]:
        """One number, or one for each of `count` dimensions."""
        return self.size(low, high) if self.chance(0.5) else self.sizes(count, low, high)

    def values(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Array:
        return self.rng.uniform(low, high, shape)

    def distinct(self, *shape: int) -> Array:
        """Numbers no two of which are near each other, for what picks the largest."""
        count = int(np.prod(shape))
        return (self.rng.permutation(count).reshape(shape) - count / 2) / 4.0

    def integers(self, low: int, high: int, *shape: int) -> Array:
        return self.rng.integers(low, high, shape)

    def batch(self, channels: int) -> tuple[int, ...]:
        """(batch, channels) or (channels,)"""
        return (self.size(1, 3), channels) if self.chance(0.75) else (channels,)


def call(name: str, *operands: str, **options: Any) -> str:
    """Write a call; options at None are left out."""
    named = [f"{key}={value!r}" for key, value in options.items() if value is not None]
    return f"F.{name}({', '.join([*operands, *named])})"


def outcome(case: Case, scope: Mapping[str, Any], tensor: Any, dtype: Any = None) -> list[Array]:
    """Run a case with a library's functions; return results, gradients and what was changed.

    Args:
        scope: the library's `F` and `R`.
        tensor: the library's function from an array to a tensor; `dtype` is for its floats.
    """
    operands = {}
    for name, array in case.operands.items():
        floating = array.dtype.kind == "f"
        operands[name] = tensor(array, dtype=dtype) if floating and dtype is not None else tensor(array)
        if name in case.grads:
            operands[name].requires_grad_()
    result = eval(case.expression, {**scope, **operands})
    listed = [y for y in (result if isinstance(result, (tuple, list)) else [result]) if y is not None]
    found = [np.asarray(y.detach().numpy()) for y in listed]
    total = None
    for place, (y, array) in enumerate(zip(listed, found)):
        if y.requires_grad:
            weights = np.cos(np.arange(array.size) + place).reshape(array.shape)
            part = (y * tensor(weights, dtype=y.dtype)).sum()
            total = part if total is None else total + part
    if total is not None:
        total.backward()
    for name in case.grads:
        gradient = operands[name].grad
        shape = case.operands[name].shape
        found.append(np.zeros(shape) if gradient is None else np.asarray(gradient.numpy()))
    return [*found, *(np.asarray(operands[name].detach().numpy()) for name in case.changed)]
