"""Tensors made from shapes, ranges and draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, Carried, carry, check_count, element_type, host, ints, lift
from .registry import maps


@maps("ConstantOfShape", 9, 20, 21, 23, 24, 25, host="shape", carried="own")
def constant_of_shape(shape: Any, *, value: Array | None = None) -> Any:
    one = lift(np.zeros(1, np.float32) if value is None else value.reshape(1))
    sizes = ints(shape)
    if isinstance(one, Carried):
        return Carried(pf.broadcast_to(one.tensor, sizes), one.type)
    return pf.full(sizes, one.item(), dtype=one.dtype)


@maps("Range", 11, host=("start", "limit", "delta"))
def range_(start: Any, limit: Any, delta: Any) -> Tensor:
    first, end, step = (host(value).reshape(()) for value in (start, limit, delta))
    if step == 0:
        raise ValueError("[Range] a delta of 0 leads nowhere")
    count = max(math.ceil((end - first) / step), 0)
    check_count(count, "Range")
    # Exactly start + i * delta, in the type of the inputs.
    return lift_tensor(first + np.arange(count).astype(first.dtype) * step, first.dtype)


@maps("Range", 27, host=("start", "limit", "delta"))
def range_with_stash(start: Any, limit: Any, delta: Any, *, stash_type: int = 1) -> Tensor:
    kind = host(start).dtype
    if not element_type(stash_type).dtype.is_floating_point or kind.kind in "iu" or kind.itemsize > 2:
        return range_(start, limit, delta)
    wide = element_type(stash_type).array
    first, end, step = (host(value).reshape(()).astype(wide) for value in (start, limit, delta))
    if step == 0:
        raise ValueError("[Range] a delta of 0 leads nowhere")
    count = max(math.ceil((end - first) / step), 0)
    check_count(count, "Range")
    return lift_tensor(first + np.arange(count).astype(wide) * step, kind)


def lift_tensor(array: Array, dtype: np.dtype[Any]) -> Tensor:
    lifted = lift(np.asarray(array).astype(dtype))
    assert isinstance(lifted, Tensor)
    return lifted


@maps("EyeLike", 9, 22)
def eye_like(x: Tensor, *, dtype: int | None = None, k: int = 0) -> Tensor:
    rows, columns = x.shape
    kind = x.dtype if dtype is None else element_type(dtype).dtype
    square = np.eye(rows, columns, k)
    return pf.cast(pf.from_numpy(square), kind)


def generator_of(seed: float | None) -> pf.Generator | None:
    """Return a generator of its own for a node that gives a seed."""
    if seed is None:
        return None
    generator = pf.Generator()
    generator.manual_seed(int.from_bytes(np.float32(seed).tobytes(), "little"))
    return generator


@maps("RandomNormal", 1, 22, random=True)
def random_normal(
    *, shape: Sequence[int], dtype: int = 1, mean: float = 0.0, scale: float = 1.0, seed: float | None = None
) -> Tensor:
    drawn = pf.randn(tuple(shape), generator=generator_of(seed)) * scale + mean
    return pf.cast(drawn, element_type(dtype).dtype)


@maps("RandomUniform", 1, 22, random=True)
def random_uniform(
    *, shape: Sequence[int], dtype: int = 1, high: float = 1.0, low: float = 0.0, seed: float | None = None
) -> Tensor:
    drawn = pf.rand(tuple(shape), generator=generator_of(seed)) * (high - low) + low
    return pf.cast(drawn, element_type(dtype).dtype)


@maps("RandomNormalLike", 1, 22, random=True)
def random_normal_like(
    x: Tensor, *, dtype: int | None = None, mean: float = 0.0, scale: float = 1.0, seed: float | None = None
) -> Tensor:
    drawn = pf.randn(tuple(x.shape), generator=generator_of(seed)) * scale + mean
    return pf.cast(drawn, x.dtype if dtype is None else element_type(dtype).dtype)


@maps("RandomUniformLike", 1, 22, random=True)
def random_uniform_like(
    x: Tensor, *, dtype: int | None = None, high: float = 1.0, low: float = 0.0, seed: float | None = None
) -> Tensor:
    drawn = pf.rand(tuple(x.shape), generator=generator_of(seed)) * (high - low) + low
    return pf.cast(drawn, x.dtype if dtype is None else element_type(dtype).dtype)


@maps("Bernoulli", 15, 22, random=True)
def bernoulli(x: Tensor, *, dtype: int | None = None, seed: float | None = None) -> Any:
    drawn = pf.cast(pf.bernoulli(pf.cast(x, pf.float32), generator=generator_of(seed)), x.dtype)
    return drawn if dtype is None else carry(drawn, element_type(dtype))


@maps("Multinomial", 7, 22, random=True)
def multinomial(x: Tensor, *, dtype: int = 6, sample_size: int = 1, seed: float | None = None) -> Tensor:
    drawn = pf.multinomial(pf.softmax(x, 1), sample_size, True, generator=generator_of(seed))
    return pf.cast(drawn, element_type(dtype).dtype)
