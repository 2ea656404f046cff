"""Moving elements: shapes, views, joining and cutting."""

from __future__ import annotations

from collections.abc import Sequence

import pyflame as pf

from .dims import Dim, Varying, combine, product
from .emitter import INT64_MAX
from .table import Context, exports


@exports("reshape")
def reshape(c: Context, x: str) -> str:
    before, after = c.shape(0), c.shape()
    if before == after:
        return x
    if flattens(before, after):
        return c.e.op("Flatten", x, axis=1)
    return c.e.reshaped(x, before, after)


def flattens(before: Sequence[Dim], after: Sequence[Dim]) -> bool:
    """Whether everything but the first axis becomes one."""
    return len(after) == 2 < len(before) and after[0] == before[0] and product(before[1:]) == after[1]


@exports("expand")
def expand(c: Context, x: str) -> str:
    before, after = c.shape(0), c.shape()
    if before == after:
        return x
    padded = [1] * (len(after) - len(before)) + list(before)
    return c.e.op("Expand", x, c.e.ints([1 if have == want else want for have, want in zip(padded, after)]))


@exports("permute")
def permute(c: Context, x: str) -> str:
    rank = c.rank(0)
    order = [one % rank for one in c.attr("dims")]
    return x if order == list(range(rank)) else c.e.op("Transpose", x, perm=order)


@exports("slice")
def slice_(c: Context, x: str) -> str:
    axis, start, step, length = c.axis(), c.size("start"), c.attr("step"), c.size("length")
    size = c.shape(0)[axis]
    reached = combine(lambda n, first: len(range(first, n, step)) if step > 0 else -1, size, start)
    if start == 0 and step == 1 and length == size:
        return x
    if step < 0:
        raise NotImplementedError(f"[onnx] slice with step {step} has no map")
    last: Dim
    if reached == length:
        last = INT64_MAX
    else:
        last = combine(lambda first, count: first + max(count - 1, 0) * step + (count > 0), start, length)
    behind = combine(lambda first, n: first - n, start, size)
    if isinstance(start, Varying) and not isinstance(behind, Varying) and behind < 0:
        start = behind  # counted from the end
    from_end = combine(lambda end, n: end - n, last, size)
    if isinstance(last, Varying) and not isinstance(from_end, Varying) and from_end < 0:
        last = from_end
    return c.e.slice(x, axis, start, last, step)


@exports("embed")
def embed(c: Context, x: str) -> str:
    """Zeros around the elements, and between them for steps."""
    e, axis, start, step = c.e, c.axis(), c.size("start"), c.attr("step")
    shape, rank = c.shape(0), c.rank(0)
    size, count = c.size("size"), shape[axis]
    zero = e.const(False if c.dtype is pf.bool else 0, c.dtype)
    if step > 1:
        x = e.unsqueeze(x, [axis + 1])
        pads = [0] * (2 * (rank + 1))
        pads[rank + 1 + axis + 1] = step - 1
        x = e.op("Pad", x, e.ints(pads), zero)
        spread = [*shape[:axis], combine(lambda n: n * step, count), *shape[axis + 1 :]]
        x = e.reshaped(x, [*shape[: axis + 1], step, *shape[axis + 1 :]], spread)
        x = e.slice(x, axis, 0, combine(lambda n: max((n - 1) * step + 1, 0), count))
        count = combine(lambda n: max((n - 1) * step + 1, 0), count)
    after = combine(lambda total, first, n: total - first - n, size, start, count)
    amounts: list[Dim] = [0] * (2 * rank)
    amounts[axis], amounts[rank + axis] = start, after
    if start == 0 and after == 0:
        return x
    return e.op("Pad", x, e.ints(amounts), zero)


@exports("cat")
def cat(c: Context, *tensors: str) -> str:
    return tensors[0] if len(tensors) == 1 else c.e.op("Concat", *tensors, axis=c.axis())


@exports("flip")
def flip(c: Context, x: str) -> str:
    rank, dims = c.rank(0), c.attr("dims", None)
    axes = list(range(rank)) if dims is None else [one % rank for one in dims]
    if not axes:
        return x
    e, n = c.e, len(axes)
    return e.op("Slice", x, e.ints([-1] * n), e.ints([-INT64_MAX] * n), e.ints(axes), e.ints([-1] * n))
