"""Reductions, scans, sorting, searching and scatter against PyTorch, over random shapes, dtypes and options.

A case is an expression that means the same in both libraries, in which `lib` is the library.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
import pytest

import pyflame as pf

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

ROUNDS = 12
FLOATS = ("float64", "float32", "float16", "bfloat16")
WIDE = ("float64", "float32")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
NUMBERS = FLOATS + INTEGERS
ALL = (*NUMBERS, "bool")
TOLERANCE = {"float64": 1e-9, "float32": 2e-5, "float16": 6e-3, "bfloat16": 5e-2}

# expression -> dtypes of x
LINES: dict[str, tuple[str, ...]] = {
    "lib.cumsum(x, d)": ALL,
    "lib.cumsum(x, d, dtype=lib.float64)": NUMBERS,
    "lib.cumprod(x, d)": ALL,
    "lib.cumprod(x, d, dtype=lib.int32)": INTEGERS,
    "lib.cummax(x, d)": ALL,
    "lib.cummin(x, d)": ALL,
    "lib.logcumsumexp(x, d)": FLOATS,
    "lib.diff(x, dim=d)": ALL,
    "lib.diff(x, n=2, dim=d)": NUMBERS,
    "lib.diff(x, n=0, dim=d)": NUMBERS,
    "lib.diff(x, dim=d, prepend=x, append=x)": NUMBERS,
    "lib.trapezoid(x, dim=d)": NUMBERS,
    "lib.trapezoid(x, dx=0.5, dim=d)": FLOATS,
    "lib.trapezoid(x, lib.cumsum(x, d), dim=d)": WIDE,
    "lib.sort(x, dim=d, stable=True)": ALL,
    "lib.sort(x, dim=d, descending=True, stable=True)": ALL,
    "x.sort(dim=d)[0]": ALL,
    "lib.argsort(x, dim=d, stable=True)": ALL,
    "lib.argsort(x, dim=d, descending=True, stable=True)": ALL,
    "lib.msort(x)": ALL,
    "chosen(lib, x, d, lib.topk(x, k, d))": NUMBERS,
    "chosen(lib, x, d, lib.topk(x, k, dim=d, largest=False))": NUMBERS,
    "chosen(lib, x, d, lib.kthvalue(x, max(k, 1), d, True))": NUMBERS,
    "lib.kthvalue(x, max(k, 1), dim=d).values": NUMBERS,
    "chosen(lib, x, d, lib.median(x, d, True))": NUMBERS,
    "lib.median(x, d).values": NUMBERS,
    "chosen(lib, x, d, lib.nanmedian(x, d, True))": NUMBERS,
    "lib.nanmedian(x, d)[0]": NUMBERS,
    "lib.mode(x, d)[0]": INTEGERS,
    "lib.mode(x, d, True).indices": INTEGERS,
    "lib.quantile(x, 0.3, d)": WIDE,
    "lib.quantile(x, lib.tensor([0.1, 0.5, 1.0], dtype=x.dtype), d, keepdim=True)": WIDE,
    "lib.quantile(x, 0.3, d, interpolation='lower')": WIDE,
    "lib.quantile(x, 0.3, d, interpolation='higher')": WIDE,
    "lib.quantile(x, 0.6, d, interpolation='midpoint')": WIDE,
    "lib.quantile(x, 0.6, d, interpolation='nearest')": WIDE,
    "lib.nanquantile(x, 0.7, d)": WIDE,
    "lib.nanquantile(x, lib.tensor([0.25, 0.75], dtype=x.dtype), d)": WIDE,
    "lib.max(x, d)": ALL,
    "lib.min(x, d, True)": ALL,
    "lib.aminmax(x, dim=d)": ALL,
    "lib.aminmax(x, dim=d, keepdim=True).max": NUMBERS,
    "lib.argmax(x, d)": NUMBERS,
    "lib.argmin(x, d, True)": NUMBERS,
    "lib.sum(x, d)": ALL,
    "lib.sum(x, d, True, dtype=lib.float64)": ALL,
    "lib.mean(x, d)": FLOATS,
    "lib.mean(x, d, dtype=lib.float64)": NUMBERS,
    "lib.prod(x, d)": ALL,
    "lib.prod(x, d, True, dtype=lib.float64)": INTEGERS,
    "lib.nansum(x, d)": ALL,
    "lib.nansum(x, d, True, dtype=lib.float64)": NUMBERS,
    "lib.nanmean(x, d)": FLOATS,
    "lib.amax(x, d)": ALL,
    "lib.amin(x, d, True)": ALL,
    "lib.any(x, d)": ALL,
    "lib.all(x, d, True)": ALL,
    "lib.count_nonzero(x, d)": ALL,
    "lib.var(x, d)": FLOATS,
    "lib.var(x, d, correction=0, keepdim=True)": FLOATS,
    "lib.var(x, d, unbiased=False)": WIDE,
    "lib.std(x, d)": FLOATS,
    "lib.std(x, d, correction=2)": WIDE,
    "lib.var_mean(x, d)": WIDE,
    "lib.std_mean(x, d, correction=0, keepdim=True)": WIDE,
    "lib.logsumexp(x, d)": FLOATS,
    "lib.logsumexp(x, d, True)": WIDE,
    "lib.norm(x, dim=d)": FLOATS,
    "lib.norm(x, 1, d)": FLOATS,
    "lib.norm(x, 3, d, True)": FLOATS,
    "lib.norm(x, 0.5, d)": WIDE,
    "lib.norm(x, 0, d)": WIDE,
    "lib.norm(x, math.inf, d)": FLOATS,
    "lib.norm(x, -math.inf, d)": WIDE,
    "lib.unique(x.detach())": ALL,
    "lib.unique(x.detach(), return_inverse=True, return_counts=True)": ALL,
    "lib.unique(x.detach(), dim=d)": INTEGERS,
    "lib.unique(x.detach(), return_inverse=True, return_counts=True, dim=d)": WIDE,
    "lib.unique_consecutive(x.detach(), return_inverse=True, return_counts=True)": ALL,
    "lib.unique_consecutive(x.detach(), return_inverse=True, return_counts=True, dim=d)": INTEGERS,
    "lib.nonzero(x)": ALL,
    "lib.nonzero(x, as_tuple=True)": NUMBERS,
    "lib.argwhere(x)": NUMBERS,
    "lib.where(x > 0)": NUMBERS,
    "lib.masked_select(x, x > 0)": NUMBERS,
    "lib.masked_scatter(x, x > 0, x * 2)": NUMBERS,
    "lib.isin(x, x[:1])": NUMBERS,
    "lib.isin(x, lib.tensor([1, 2, 3]), invert=True)": NUMBERS,
    "lib.bucketize(x, lib.tensor([-1, 0, 2]).to(x.dtype))": ("float64", "float32", "int64", "int32"),
    "lib.bucketize(x, lib.tensor([-1.0, 0.0, 2.0]).to(x.dtype), right=True, out_int32=True)": WIDE,
    "lib.searchsorted(lib.sort(x.reshape(-1)).values, x)": ALL[:-1],
    "lib.searchsorted(lib.sort(x, -1).values, x, right=True)": ALL[:-1],
    "lib.searchsorted(x, x, side='right', sorter=lib.sort(x, dim=-1, stable=True).indices)": WIDE,
    "lib.take(x, lib.tensor([[0, -1]]))": ALL,
    "lib.take_along_dim(x, lib.argsort(x, dim=d, stable=True), d)": NUMBERS,
}
# These reduce everything.
WHOLE: dict[str, tuple[str, ...]] = {
    "lib.median(x)": NUMBERS,
    "lib.nanmedian(x)": NUMBERS,
    "lib.quantile(x, 0.25)": WIDE,
    "lib.nanquantile(x, 0.25, keepdim=True)": WIDE,
    "lib.max(x)": ALL,
    "lib.min(x)": ALL,
    "lib.aminmax(x)": ALL,
    "lib.argmax(x)": NUMBERS,
    "lib.argmin(x)": NUMBERS,
    "lib.sum(x)": ALL,
    "lib.prod(x)": WIDE + INTEGERS,
    "lib.nansum(x)": NUMBERS,
    "lib.nanmean(x)": FLOATS,
    "lib.var(x)": FLOATS,
    "lib.std(x, correction=0)": FLOATS,
    "lib.var_mean(x, correction=0)": WIDE,
    "lib.logsumexp(x, tuple(range(x.ndim)))": WIDE,
    "lib.norm(x)": FLOATS,
    "lib.norm(x, 4)": WIDE,
    "lib.dist(x, x.flip(0))": WIDE,
    "lib.dist(x, x.flip(0), 1)": WIDE,
    "lib.dist(x, x.flip(0), math.inf)": WIDE,
    "lib.count_nonzero(x)": ALL,
    "lib.histc(x, 5, -2, 2)": WIDE,
    "lib.histc(x, 7)": WIDE,
}
# i: an index along d, of the shape of y; j: a 1-d index along d with z as source of its slices.
INDEXED: dict[str, tuple[str, ...]] = {
    "lib.gather(x, d, i)": ALL,
    "lib.scatter(x, d, i, 3)": NUMBERS,
    "lib.scatter(x, d, once(lib, i, d), y)": ALL,
    "lib.scatter_add(x, d, i, y)": NUMBERS,
    "x.scatter_reduce(d, i, y, 'sum')": NUMBERS,
    "x.scatter_reduce(d, i, y, 'sum', include_self=False)": NUMBERS,
    "x.scatter_reduce(d, i, y, 'prod')": NUMBERS,
    "x.scatter_reduce(d, i, y, 'prod', include_self=False)": WIDE,
    "x.scatter_reduce(d, i, y, 'mean')": NUMBERS,
    "x.scatter_reduce(d, i, y, 'mean', include_self=False)": NUMBERS,
    "x.scatter_reduce(d, i, y, 'amax')": NUMBERS,
    "x.scatter_reduce(d, i, y, 'amin')": NUMBERS,
    "x.scatter_reduce(d, i, y, 'amax', include_self=False)": INTEGERS,
    "x.scatter_reduce(d, i, y, 'amin', include_self=False)": INTEGERS,
    "lib.index_select(x, d, j)": ALL,
    "lib.index_add(x, d, j, z)": NUMBERS,
    "lib.index_add(x, d, j, z, alpha=2)": NUMBERS,
    "lib.index_copy(x, d, lib.unique(j), z.narrow(d, 0, len(lib.unique(j))))": ALL,
    "lib.index_fill(x, d, j, 2)": NUMBERS,
    "lib.index_put(x, (j0,), x[j0], accumulate=True)": NUMBERS,
    "lib.index_put(x, (lib.unique(j0),), x[:1])": NUMBERS,
    "lib.index_put(x, (x > 0,), lib.tensor(7).to(x.dtype))": NUMBERS,
    "x.put(j0, x.reshape(-1)[j0], accumulate=True)": NUMBERS,
    "x.put(lib.unique(j0), x.reshape(-1)[lib.unique(j0)] * 2)": NUMBERS,
    "lib.take_along_dim(x, i, d)": ALL,
    "lib.cdist(x.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])[:2])": WIDE,
    "lib.cdist(x.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])[:2], 1)": WIDE,
    "lib.cdist(x.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])[:2], p=3)": WIDE,
    "lib.cdist(x.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])[:2], p=0.5)": WIDE,
    "lib.cdist(x.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])[:2], p=math.inf)": WIDE,
    "lib.repeat_interleave(x, j.narrow(0, 0, 1), d)": ALL,
}


def chosen(lib: Any, x: Any, d: int, pair: Any) -> Any:
    """Which of several equal elements a function chooses is not specified: compare values and that they are there."""
    values, indices = pair
    found = lib.gather(x, d, indices) if x.ndim else x
    return values, ((found == values) | (found != found)).all()


def once(lib: Any, i: Any, d: int) -> Any:
    """An index of the shape of `i` that names no place twice."""
    return lib.argsort(i, dim=d, stable=True)


def values_for(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, special: bool, ties: bool = True
) -> np.ndarray:
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype not in FLOATS:
        return rng.integers(0 if dtype == "uint8" else -4, 5, shape).astype(dtype)
    x = rng.integers(-3, 4, shape) * 0.5 if ties and rng.random() < 0.2 else rng.uniform(-2, 2, shape)
    if special and x.size:
        x.reshape(-1)[rng.integers(0, x.size, max(1, x.size // 6))] = rng.choice([np.nan, np.nan, np.inf, -np.inf])
    return x.astype(np.float64 if dtype == "float64" else np.float32)


def make(lib: Any, array: np.ndarray, dtype: str, memory: str) -> Any:
    kind = getattr(lib, dtype)
    if memory == "transposed" and array.ndim > 1:
        return lib.tensor(np.ascontiguousarray(array.T)).to(kind).permute(*range(array.ndim)[::-1])
    if memory == "sliced" and array.ndim:
        return lib.tensor(np.repeat(array, 2, axis=0)).to(kind)[::2]
    return lib.tensor(array).to(kind)


def to_numpy(tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    name = str(tensor.dtype).rpartition(".")[2]
    return np.asarray((tensor.float() if name == "bfloat16" else tensor).numpy())


def flatten(result: Any) -> list[Any]:
    return [part for item in result for part in flatten(item)] if isinstance(result, (tuple, list)) else [result]


def outcome(lib: Any, expression: str, arguments: dict[str, Any], leaves: list[Any]) -> Any:
    """Results as (dtype, array), gradients of the leaves, or the exception's class."""
    scope = {"lib": lib, "math": math, "chosen": chosen, "once": once, **arguments}
    for leaf in leaves:
        leaf.requires_grad_(True)
    try:
        results = flatten(eval(expression, scope))
        found = [(str(part.dtype).rpartition(".")[2], to_numpy(part)) for part in results]
        smooth = [part for part in results if part.requires_grad]
        if smooth and leaves:
            rng = np.random.default_rng(3)
            weights = [lib.tensor(rng.uniform(0.5, 1.5, tuple(part.shape))).to(part.dtype) for part in smooth]
            sum(((part * weight).sum() for part, weight in zip(smooth, weights)), lib.tensor(0.0)).backward()
            found += [
                ("grad", np.zeros(tuple(leaf.shape)) if leaf.grad is None else to_numpy(leaf.grad)) for leaf in leaves
            ]
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as error:
        return error
    return found


def compare(expression: str, dtype: str, ours: Any, theirs: Any) -> None:
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        assert isinstance(ours, Exception) and isinstance(theirs, Exception), (ours, theirs)
        assert isinstance(ours, type(theirs)) or isinstance(theirs, type(ours)), (ours, theirs)
        return
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    for (_, mine), (_, other) in zip(ours, theirs):
        assert mine.shape == other.shape
        limit = TOLERANCE.get(dtype, 1e-6)
        np.testing.assert_allclose(mine.astype(np.float64), other.astype(np.float64), rtol=limit, atol=limit)


def check(expression: str, dtypes: tuple[str, ...], lowest_rank: int, indexed: bool = False) -> None:
    rng = np.random.default_rng(zlib.crc32(expression.encode()))
    for round_ in range(ROUNDS):
        rank = int(rng.integers(lowest_rank, 4))
        shape = tuple(int(n) for n in rng.integers(0 if not indexed and rng.random() < 0.15 else 1, 6, rank))
        dtype = str(rng.choice(dtypes))
        memory = str(rng.choice(["dense", "transposed", "sliced"]))
        d = int(rng.integers(-max(rank, 1), max(rank, 1)))
        grad = dtype == "float64"
        # PyTorch's single pass makes the mean NaN beside infinities; the median of no integers is undefined there.
        special = not grad and not indexed and "_mean" not in expression and rng.random() < 0.3
        if "median(x)" in expression and dtype in INTEGERS and 0 in shape:
            continue
        arrays = {"x": (values_for(rng, shape, dtype, special, not grad), dtype)}
        numbers: dict[str, Any] = {"d": d, "k": int(rng.integers(0, shape[d] + 1)) if shape else 1}
        if indexed:
            extent, at = (shape[d], d % rank) if rank else (1, 0)
            span = tuple(
                int(rng.integers(1, 7)) if a == at else int(rng.integers(1, n + 1)) for a, n in enumerate(shape)
            )
            if "once" in expression:
                span = tuple(min(s, n) for s, n in zip(span, shape))
            count = int(rng.integers(1, 5))
            slices = tuple(count if a == at else n for a, n in enumerate(shape))
            arrays |= {
                "i": (rng.integers(0, extent, span), "int64"),
                "j": (rng.integers(0, extent, count), "int64"),
                "j0": (rng.integers(0, shape[0], count), "int64"),
                "y": (values_for(rng, span, dtype, False), dtype),
                "z": (values_for(rng, slices, dtype, False), dtype),
            }
        results = []
        for lib in (pf, torch):
            tensors = {name: make(lib, array, kind, memory) for name, (array, kind) in arrays.items()}
            leaves = [tensor for name, tensor in tensors.items() if grad and name in "xyz"]
            leaves = [tensor.detach() for tensor in leaves]
            tensors |= dict(zip([name for name in tensors if name in "xyz"], leaves))
            results.append(outcome(lib, expression, tensors | numbers, leaves))
        note = f"round {round_}: x {dtype} {shape} {memory}, {numbers}, special {special}"
        try:
            compare(expression, dtype, *results)
        except AssertionError as error:
            raise AssertionError(f"{note}\n{arrays}\n{error}") from None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", LINES)
def test_along_a_dimension(expression: str) -> None:
    check(expression, LINES[expression], 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", WHOLE)
def test_over_everything(expression: str) -> None:
    check(expression, WHOLE[expression], 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", INDEXED)
def test_at_an_index(expression: str) -> None:
    check(expression, INDEXED[expression], 1, indexed=True)
