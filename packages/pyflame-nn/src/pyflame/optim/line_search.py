"""A line search for the strong Wolfe conditions (Nocedal and Wright, 2006, algorithms 3.5 and 3.6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pyflame import Tensor

DECREASE, CURVATURE = 1e-4, 0.9


@dataclass(frozen=True)
class Point:
    """A place on the line: how far along, the value there, its gradient, and the slope along the line."""

    t: float
    value: float
    grad: Tensor
    slope: float


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Return where the cubic through two points and their slopes is smallest, kept within the bounds."""
    left, right = (a, b) if a.t <= b.t else (b, a)
    least, most = bounds or (left.t, right.t)
    first = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = first * first - a.slope * b.slope
    if square < 0:
        return (least + most) / 2
    second = math.sqrt(square)
    bend = right.slope - left.slope + 2 * second
    if bend == 0:  # a straight line
        return (least + most) / 2
    share = (right.slope + second - first) / bend
    return min(max(right.t - (right.t - left.t) * share, least), most)


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, reach: float, tolerance: float, limit: int
) -> tuple[Point, int]:
    """Return a point that satisfies the strong Wolfe conditions, or the best one found, and the number of evaluations.

    Args:
        evaluate: returns the point `t` along the line.
        start: the point at 0.
        t: where to look first.
        reach: the largest entry of the direction; a bracket shorter than `tolerance` in it is not divided.
        limit: how many more evaluations may follow the first.
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + DECREASE * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * start.slope

    before, point, count = start, evaluate(t), 0
    while count < limit:
        if too_high(point) or (count > 1 and point.value >= before.value):
            break
        if flat(point):
            return point, count + 1
        if point.slope >= 0:
            break
        t = cubic_minimum(before, point, (point.t + 0.01 * (point.t - before.t), point.t * 10))
        before, point, count = point, evaluate(t), count + 1
    else:
        before = start

    low, high = (before, point) if before.value <= point.value else (point, before)
    stuck = False
    while count < limit and abs(high.t - low.t) * reach >= tolerance and high.t != low.t:
        t, stuck = inside(low, high, stuck)
        point, count = evaluate(t), count + 1
        if too_high(point) or point.value >= low.value:
            low, high = (low, point) if low.value <= point.value else (point, low)
        elif flat(point):
            return point, count + 1
        else:
            if point.slope * (high.t - low.t) >= 0:
                high = low
            low = point
    return low, count + 1


def inside(low: Point, high: Point, stuck: bool) -> tuple[float, bool]:
    """Return the next place in the bracket, and whether it came close to an end without being moved away."""
    t = cubic_minimum(low, high)
    left, right = min(low.t, high.t), max(low.t, high.t)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if stuck or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True
