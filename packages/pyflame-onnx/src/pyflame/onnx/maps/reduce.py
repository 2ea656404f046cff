"""Reductions. Until opset 12 (ReduceSum) or 17 (the others) axes are an attribute, then an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyflame as pf
from pyflame import DType, Tensor

from ..values import Carried, ElementType, axes_of, axis_of, ints, number
from .registry import Map, add, maps
from .unsigned import ordered

Reduction = Callable[[Tensor, Sequence[int], bool], Tensor]


def sum_over(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return pf.sum(x, axes, keep, dtype=x.dtype)


def mean_over(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    if x.dtype.is_floating_point:
        return pf.mean(x, axes, keep)
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return pf.div(sum_over(x, axes, keep), count, rounding_mode="trunc")


def product_over(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = pf.prod(x, axis, keep, dtype=x.dtype)
    return x


def max_over(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return extreme(x, axes, keep, pf.amax, lowest(x.dtype))


def min_over(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    return extreme(x, axes, keep, pf.amin, highest(x.dtype))


def lowest(dtype: DType) -> Any:
    if dtype == pf.bool_:
        return False
    return float("-inf") if dtype.is_floating_point else pf.iinfo(dtype).min


def highest(dtype: DType) -> Any:
    if dtype == pf.bool_:
        return True
    return float("inf") if dtype.is_floating_point else pf.iinfo(dtype).max


def extreme(x: Tensor, axes: Sequence[int], keep: bool, reduction: Callable[..., Tensor], empty: Any) -> Tensor:
    """Reduce; the extreme of no elements is the type's outermost value."""
    if x.numel():
        return reduction(x, axes, keep)
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape) if keep or axis not in axes]
    return pf.full(shape, empty, dtype=x.dtype)


def log_sum_exp_over(x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    if not x.numel() or not x.dtype.is_floating_point:
        return pf.log(pf.sum(pf.exp(x), axes, keep))
    return pf.logsumexp(x, axes, keep)


# operator: (reduction, versions with axes as attribute, versions with axes as input)
REDUCTIONS: dict[str, tuple[Reduction, tuple[int, ...], tuple[int, ...]]] = {
    "ReduceL1": (lambda x, axes, keep: sum_over(pf.abs(x), axes, keep), (1, 11, 13), (18,)),
    "ReduceL2": (lambda x, axes, keep: root(sum_over(x * x, axes, keep)), (1, 11, 13), (18,)),
    "ReduceLogSum": (lambda x, axes, keep: pf.log(sum_over(x, axes, keep)), (1, 11, 13), (18, 28)),
    "ReduceLogSumExp": (log_sum_exp_over, (1, 11, 13), (18, 28)),
    "ReduceMax": (max_over, (1, 11, 12, 13), (18, 20)),
    "ReduceMean": (mean_over, (1, 11, 13), (18,)),
    "ReduceMin": (min_over, (1, 11, 12, 13), (18, 20)),
    "ReduceProd": (product_over, (1, 11, 13), (18,)),
    "ReduceSum": (sum_over, (1, 11), (13,)),
    "ReduceSumSquare": (lambda x, axes, keep: sum_over(x * x, axes, keep), (1, 11, 13), (18,)),
}


def root(x: Tensor) -> Tensor:
    return pf.sqrt(x) if x.dtype.is_floating_point else pf.cast(pf.sqrt(pf.cast(x, pf.float64)), x.dtype)


def _with_attribute(op: str, reduction: Reduction) -> Callable[..., Tensor]:
    def reduce(x: Tensor, *, axes: Sequence[int] | None = None, keepdims: int = 1) -> Tensor:
        chosen = range(x.ndim) if axes is None else axes_of(axes, x.ndim, op)
        return reduction(x, list(chosen), bool(keepdims)) if chosen else reduction_of_nothing(reduction, x)

    return reduce


def _with_input(op: str, reduction: Reduction) -> Callable[..., Tensor]:
    def reduce(x: Tensor, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Tensor:
        named = [] if axes is None else ints(axes)
        if not named and noop_with_empty_axes:
            return reduction_of_nothing(reduction, x)
        chosen = axes_of(named, x.ndim, op) if named else list(range(x.ndim))
        return reduction(x, chosen, bool(keepdims)) if chosen else reduction_of_nothing(reduction, x)

    return reduce


def reduction_of_nothing(reduction: Reduction, x: Tensor) -> Tensor:
    """Reduce over no axis: every element alone, which leaves for example its absolute value or square."""
    return reduction(pf.unsqueeze(x, 0), [0], False)


def _ordered_extreme(
    function: Callable[..., Tensor], values: Sequence[Any], kind: ElementType, attributes: dict[str, Any]
) -> Carried:
    return Carried(ordered(function(ordered(values[0], kind), *values[1:], **attributes), kind), kind)


for _op, (_reduction, _old, _new) in REDUCTIONS.items():
    _carried = _ordered_extreme if _op in ("ReduceMax", "ReduceMin") else "refuse"
    for _version in _old:
        add("", _version, Map(_op, _with_attribute(_op, _reduction), carried=_carried))
    for _version in _new:
        add("", _version, Map(_op, _with_input(_op, _reduction), ("axes",), carried=_carried))


def arg_extreme(find: Callable[..., Tensor], x: Tensor, axis: int, keepdims: int, last: int, op: str) -> Tensor:
    """Return where the extreme is; of equal ones the first, or the last."""
    axis = axis_of(axis, x.ndim, op)
    if not last:
        return find(x, axis, bool(keepdims))
    return x.shape[axis] - 1 - find(pf.flip(x, [axis]), axis, bool(keepdims))


@maps("ArgMax", 1, 11, 12, 13)
def argmax(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return arg_extreme(pf.argmax, x, axis, keepdims, select_last_index, "ArgMax")


@maps("ArgMin", 1, 11, 12, 13)
def argmin(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return arg_extreme(pf.argmin, x, axis, keepdims, select_last_index, "ArgMin")


def _topk_of_carried(
    function: Callable[..., Any], values: Sequence[Any], kind: ElementType, attributes: dict[str, Any]
) -> Any:
    chosen, places = function(ordered(values[0], kind), *values[1:], **attributes)
    return Carried(ordered(chosen, kind), kind), places


@maps("TopK", 1)
def topk_with_attribute(x: Tensor, *, k: int, axis: int = -1) -> tuple[Tensor, Tensor]:
    return topk(x, k, axis=axis)


@maps("TopK", 10, 11, 24, host="k", carried=_topk_of_carried)
def topk(x: Tensor, k: Any, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Tensor, Tensor]:
    # A stable sort: of equal elements the one with the lower index comes first.
    axis = axis_of(axis, x.ndim, "TopK")
    count = int(number(k))
    if not 0 <= count <= x.shape[axis]:
        raise ValueError(f"[TopK] k is {count}, axis {axis} has {x.shape[axis]} elements: too many")
    values, places = pf.sort(x, axis, descending=bool(largest), stable=True)
    return pf.narrow(values, axis, 0, count), pf.narrow(places, axis, 0, count)
