"""Operators that move elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, axes_of, axis_of, ints, number
from .registry import EVERY, maps

MOVED = (21, 23, 24, 25)  # versions that only added element types


def shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.shape)


@maps("Shape", 1, 13, host=EVERY, carried="own")
def shape(x: Any) -> Array:
    return np.array(shape_of(x), np.int64)


@maps("Shape", 15, 19, *MOVED, host=EVERY, carried="own")
def shape_slice(x: Any, *, start: int = 0, end: int | None = None) -> Array:
    return np.array(shape_of(x)[start:end], np.int64)


@maps("Size", 1, 13, 19, *MOVED, host=EVERY, carried="own")
def size(x: Any) -> Array:
    return np.array(math.prod(shape_of(x)), np.int64)


@maps("Reshape", 5, 13, host="shape", carried="same")
def reshape(x: Tensor, shape: Any) -> Tensor:
    return reshape_allowing_zero(x, shape)


@maps("Reshape", 14, 19, *MOVED, host="shape", carried="same")
def reshape_allowing_zero(x: Tensor, shape: Any, *, allowzero: int = 0) -> Tensor:
    sizes = ints(shape)
    if not allowzero:
        if any(size == 0 and place >= x.ndim for place, size in enumerate(sizes)):
            raise ValueError(f"[Reshape] {list(x.shape)} to {sizes}: a 0 stands where the input has no dimension")
        copied = [place for place, size in enumerate(sizes) if size == 0]
        sizes = [x.shape[place] if size == 0 else size for place, size in enumerate(sizes)]
        if not x.numel() and sizes.count(-1) == 1:  # an empty batch: what is copied cancels out of what is left
            have = math.prod(size for place, size in enumerate(x.shape) if place not in copied)
            named = math.prod(size for place, size in enumerate(sizes) if place not in copied and size != -1)
            sizes[sizes.index(-1)] = have // named if named else 0
    return pf.reshape(x, sizes)


@maps("Flatten", 1, 9, 11, 13, *MOVED, carried="same")
def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    if not -x.ndim <= axis <= x.ndim:
        raise ValueError(f"[Flatten] axis {axis} of a tensor with {x.ndim} dimensions: it lies outside")
    axis = axis + x.ndim if axis < 0 else axis
    return pf.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@maps("Transpose", 1, 13, *MOVED, carried="same")
def transpose(x: Tensor, *, perm: Sequence[int] | None = None) -> Tensor:
    return pf.permute(x, tuple(reversed(range(x.ndim))) if perm is None else tuple(perm))


@maps("Squeeze", 1, 11, carried="same")
def squeeze_with_attribute(x: Tensor, *, axes: Sequence[int] | None = None) -> Tensor:
    return squeeze(x, axes)


@maps("Squeeze", 13, *MOVED, host="axes", carried="same")
def squeeze(x: Tensor, axes: Any = None) -> Tensor:
    if axes is None:
        return pf.reshape(x, [size for size in x.shape if size != 1])
    gone = axes_of(ints(axes), x.ndim, "Squeeze")
    for axis in gone:
        if x.shape[axis] != 1:
            raise ValueError(f"[Squeeze] axis {axis} of {list(x.shape)} has {x.shape[axis]} elements: only 1 can go")
    return pf.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in gone])


@maps("Unsqueeze", 1, 11, carried="same")
def unsqueeze_with_attribute(x: Tensor, *, axes: Sequence[int]) -> Tensor:
    return unsqueeze(x, axes)


@maps("Unsqueeze", 13, *MOVED, host="axes", carried="same")
def unsqueeze(x: Tensor, axes: Any) -> Tensor:
    wanted = ints(axes)
    new = axes_of(wanted, x.ndim + len(wanted), "Unsqueeze")
    sizes = iter(x.shape)
    return pf.reshape(x, [1 if axis in new else next(sizes) for axis in range(x.ndim + len(new))])


@maps("Expand", 8, 13, host="shape", carried="same")
def expand(x: Tensor, shape: Any) -> Tensor:
    return pf.broadcast_to(x, pf.broadcast_shapes(tuple(x.shape), tuple(ints(shape))))


@maps("Tile", 6, 13, host="repeats", carried="same")
def tile(x: Tensor, repeats: Any) -> Tensor:
    counts = ints(repeats)
    if len(counts) != x.ndim:
        raise ValueError(f"[Tile] {len(counts)} repeats for {x.ndim} dimensions: one for each is needed")
    return pf.tile(x, tuple(counts)) if counts else x


@maps("Concat", 4, 11, 13, carried="same")
def concat(*values: Tensor, axis: int) -> Tensor:
    axis = axis_of(axis, values[0].ndim, "Concat")
    # Empty tensors have their say on nothing; PyTorch's rule about one-dimensional empty ones is not ONNX's.
    return pf.cat(values, axis) if len(values) > 1 else values[0]


@maps("Split", 2, 11, carried="same", counts_outputs=True)
def split_with_attribute(
    x: Tensor, *, axis: int = 0, split: Sequence[int] | None = None, outputs: int = 1
) -> tuple[Tensor, ...]:
    return split_into(x, split, axis=axis, outputs=outputs)


@maps("Split", 13, host="split", carried="same", counts_outputs=True)
def split_into(x: Tensor, split: Any = None, *, axis: int = 0, outputs: int = 1) -> tuple[Tensor, ...]:
    return split_or_count(x, split, axis=axis, num_outputs=outputs)


@maps("Split", 18, host="split", carried="same", counts_outputs=True)
def split_or_count(
    x: Tensor, split: Any = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int = 1
) -> tuple[Tensor, ...]:
    axis = axis_of(axis, x.ndim, "Split")
    if split is None:
        return split_evenly(x, axis, outputs if num_outputs is None else num_outputs)
    sizes = ints(split)
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        raise ValueError(f"[Split] sizes {sizes} of axis {axis}, which has {x.shape[axis]}: they do not add up")
    return tuple(pf.split(x, sizes, axis))


def split_evenly(x: Tensor, axis: int, count: int) -> tuple[Tensor, ...]:
    """Split into equal parts; the last is smaller where they cannot be."""
    if not 1 <= count <= max(x.shape[axis], 1):
        raise ValueError(f"[Split] axis {axis} has {x.shape[axis]} elements: {count} parts cannot be made")
    step = -(-x.shape[axis] // count)
    starts = [min(step * part, x.shape[axis]) for part in range(count + 1)]
    return tuple(pf.narrow(x, axis, start, end - start) for start, end in zip(starts, starts[1:]))


@maps("Slice", 1, carried="same")
def slice_with_attributes(
    x: Tensor, *, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int] | None = None
) -> Tensor:
    return slice_(x, starts, ends, axes)


@maps("Slice", 10, 11, 13, host=("starts", "ends", "axes", "steps"), carried="same")
def slice_(x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Tensor:
    begin, end = ints(starts), ints(ends)
    along = axes_of(range(len(begin)) if axes is None else ints(axes), x.ndim, "Slice")
    stride = [1] * len(begin) if steps is None else ints(steps)
    if not len(begin) == len(end) == len(along) == len(stride):
        counts = f"{len(begin)} starts, {len(end)} ends, {len(along)} axes, {len(stride)} steps"
        raise ValueError(f"[Slice] {counts}: there must be equally many")
    if 0 in stride:
        raise ValueError("[Slice] a step of 0 leads nowhere")
    index: list[slice] = [slice(None)] * x.ndim
    backwards: list[int] = []
    for axis, first, last, step in zip(along, begin, end, stride):
        chosen = range(*slice(first, last, step).indices(x.shape[axis]))
        if step > 0:
            index[axis] = slice(chosen.start, max(chosen.stop, chosen.start), step)
        else:  # taken forwards and turned around
            index[axis] = slice(chosen[-1], chosen[0] + 1, -step) if chosen else slice(0, 0)
            backwards.append(axis)
    sliced = x[tuple(index)] if index else x
    return pf.flip(sliced, backwards) if backwards else sliced


PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@maps("Pad", 2, carried="same")
def pad_with_attributes(x: Tensor, *, pads: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    return pad_axes(x, pads, value, None, mode=mode)


@maps("Pad", 11, 13, host=("pads", "value"), carried="same")
def pad(x: Tensor, pads: Any, value: Any = None, *, mode: str = "constant") -> Tensor:
    return pad_axes(x, pads, value, None, mode=mode)


@maps("Pad", 18, 19, *MOVED, host=("pads", "value", "axes"), carried="same")
def pad_axes(x: Tensor, pads: Any, value: Any = None, axes: Any = None, *, mode: str = "constant") -> Tensor:
    amounts = ints(pads)
    along = list(range(x.ndim)) if axes is None else axes_of(ints(axes), x.ndim, "Pad")
    if len(amounts) != 2 * len(along):
        raise ValueError(f"[Pad] {len(amounts)} pads for {len(along)} axes: two for each are needed")
    if mode not in PAD_MODES:
        raise ValueError(f"[Pad] mode {mode!r} is none of {', '.join(PAD_MODES)}")
    before, after = [0] * x.ndim, [0] * x.ndim
    for place, axis in enumerate(along):
        before[axis], after[axis] = amounts[place], amounts[place + len(along)]
    for axis in range(x.ndim):  # negative pads take away
        start, end = max(-before[axis], 0), x.shape[axis] - max(-after[axis], 0)
        if end < start:
            raise ValueError(f"[Pad] {amounts} takes more from axis {axis} than its {x.shape[axis]} elements")
        if (start, end) != (0, x.shape[axis]):
            x = pf.narrow(x, axis, start, end - start)
    before, after = [max(n, 0) for n in before], [max(n, 0) for n in after]
    if not any(before) and not any(after):
        return x
    if mode != "constant":
        return pad_by_index(x, before, after, mode)
    ends = [amount for axis in reversed(range(x.ndim)) for amount in (before[axis], after[axis])]
    fill = 0 if value is None else number(value)
    return pf.pad(x, ends, value=bool(fill) if x.dtype == pf.bool_ else fill)


def pad_by_index(x: Tensor, before: Sequence[int], after: Sequence[int], mode: str) -> Tensor:
    """Pad with elements of the tensor itself: each new place says where its element comes from."""
    for axis in range(x.ndim):
        if not before[axis] and not after[axis]:
            continue
        size = x.shape[axis]
        if not size:
            raise ValueError(f"[Pad] axis {axis} has no element to pad with in mode {mode!r}")
        places = np.arange(-before[axis], size + after[axis])
        if mode == "edge":
            source = places.clip(0, size - 1)
        elif mode == "wrap":
            source = places % size
        else:
            period = max(2 * (size - 1), 1)
            source = (size - 1) - np.abs((places % period) - (size - 1))
        x = pf.index_select(x, axis, pf.from_numpy(source))
    return x


@maps("DepthToSpace", 1, carried="same")
def depth_to_space(x: Tensor, *, blocksize: int) -> Tensor:
    return depth_to_space_with_mode(x, blocksize=blocksize)


@maps("DepthToSpace", 11, 13, 28, carried="same")
def depth_to_space_with_mode(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    n, channels, *sizes = x.shape
    b, d = blocksize, len(sizes)
    if b < 1 or channels % b**d:
        raise ValueError(f"[DepthToSpace] {channels} channels in blocks of {b}: they cannot be divided")
    depth = channels // b**d
    if mode == "DCR":
        split = pf.reshape(x, (n, *[b] * d, depth, *sizes))
        blocks, first = list(range(1, d + 1)), d + 1
    else:
        split = pf.reshape(x, (n, depth, *[b] * d, *sizes))
        blocks, first = list(range(2, d + 2)), 1
    order = [0, first] + [axis for place in range(d) for axis in (d + 2 + place, blocks[place])]
    return pf.reshape(pf.permute(split, order), (n, depth, *(size * b for size in sizes)))


@maps("SpaceToDepth", 1, 13, carried="same")
def space_to_depth(x: Tensor, *, blocksize: int) -> Tensor:
    return space_to_depth_with_mode(x, blocksize=blocksize)


@maps("SpaceToDepth", 28, carried="same")
def space_to_depth_with_mode(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    n, channels, *sizes = x.shape
    b, d = blocksize, len(sizes)
    if b < 1 or any(size % b for size in sizes):
        raise ValueError(f"[SpaceToDepth] sizes {sizes} in blocks of {b}: they cannot be divided")
    split = pf.reshape(x, (n, channels, *(part for size in sizes for part in (size // b, b))))
    blocks, rows = [3 + 2 * place for place in range(d)], [2 + 2 * place for place in range(d)]
    order = [0, *blocks, 1, *rows] if mode == "DCR" else [0, 1, *blocks, *rows]
    return pf.reshape(pf.permute(split, order), (n, channels * b**d, *(size // b for size in sizes)))


@maps("CenterCropPad", 18, host="shape", carried="same")
def center_crop_pad(x: Tensor, shape: Any, *, axes: Sequence[int] | None = None) -> Tensor:
    along = list(range(x.ndim)) if axes is None else axes_of(axes, x.ndim, "CenterCropPad")
    for axis, size in zip(along, ints(shape)):
        have = x.shape[axis]
        if size < have:
            x = pf.narrow(x, axis, (have - size) // 2, size)
        elif size > have:
            start = (size - have) // 2
            x = pad_axes(x, [start, size - have - start], None, [axis])
    return x


@maps("Trilu", 14, host="k", carried="same")
def trilu(x: Tensor, k: Any = None, *, upper: int = 1) -> Tensor:
    diagonal = 0 if k is None else int(number(k))
    return pf.triu(x, diagonal) if upper else pf.tril(x, diagonal)


@maps("ReverseSequence", 10, 28, host="lengths", carried="same")
def reverse_sequence(x: Tensor, lengths: Any, *, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    count = x.shape[time_axis]
    ends = np.array(ints(lengths), np.int64)[:, None]
    steps = np.arange(count)[None, :]
    source = np.where(steps < ends, ends - 1 - steps, steps)
    if source.size and not 0 <= source.min() <= source.max() < count:
        raise ValueError(f"[ReverseSequence] lengths {ends.ravel().tolist()} of sequences of {count}: too long")
    if batch_axis > time_axis:
        source = source.T
    view = [x.shape[axis] if axis in (batch_axis, time_axis) else 1 for axis in range(x.ndim)]
    index = np.broadcast_to(source.reshape(view), x.shape)
    return pf.gather(x, time_axis, pf.from_numpy(np.ascontiguousarray(index)))


@maps("Identity", 1, 13, 14, 16, 19, *MOVED, host=EVERY, carried="own")
def identity(x: Any) -> Any:
    return x
