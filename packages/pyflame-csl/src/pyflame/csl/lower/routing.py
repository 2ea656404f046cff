"""Checks of the routes between the PEs of a rectangle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..comptime.routes import OPPOSITE, STEP
from ..ir import Direction, Route
from ..syntax.source import Span

if TYPE_CHECKING:
    from ..comptime.session import Session
    from ..ir import Span as IrSpan

Routes = dict[tuple[int, int], dict[int, Route]]
_SIDES = tuple(STEP)


def check_routes(
    session: Session, routes: Routes, width: int, height: int, fabric: tuple[int, int], offsets: tuple[int, int]
) -> None:
    """Report routes that leave the fabric, end at a neighbour that does not take them, or turn in a circle."""
    taken: dict[int, Direction] = {}
    for (x, y), here in routes.items():
        for color, route in here.items():
            _check_outputs(session, routes, (x, y), color, route, taken, (width, height), fabric, offsets)
    for color in sorted({color for here in routes.values() for color in here}):
        _check_loops(session, routes, color)


def _received(route: Route, taken: dict[int, Direction]) -> Direction:
    """The sides that a route receives from in any of its positions."""
    found = taken.get(id(route))
    if found is None:
        found = Direction(0)
        for rx, _ in route.positions:
            found |= rx
        taken[id(route)] = found
    return found


def _span(session: Session, span: IrSpan) -> Span:
    source = session.sources[span.file]
    start = source.lines[span.line - 1] + span.column - 1
    return Span(source, start, start)


def _check_outputs(
    session: Session,
    routes: Routes,
    at: tuple[int, int],
    color: int,
    route: Route,
    taken: dict[int, Direction],
    size: tuple[int, int],
    fabric: tuple[int, int],
    offsets: tuple[int, int],
) -> None:
    outputs = Direction(0)
    for _, tx in route.positions:
        outputs |= tx
    for side in _SIDES:
        if not outputs & side:
            continue
        x, y = at[0] + STEP[side][0], at[1] + STEP[side][1]
        if not (0 <= x < size[0] and 0 <= y < size[1]):
            if fabric != (0, 0) and not (0 <= x + offsets[0] < fabric[0] and 0 <= y + offsets[1] < fabric[1]):
                session.report.error(
                    "route-off-fabric",
                    _span(session, route.span),
                    f"PE {at} sends color {color} to the {side.name}, where the fabric ends",
                    "route it into the fabric or give a larger --fabric-dims",
                )
            continue
        other = routes[x, y].get(color)
        if other is None or not (_received(other, taken) & OPPOSITE[side] or other.teardown or route.teardown):
            session.report.warning(
                "route-not-received",
                _span(session, route.span),
                f"PE {at} sends color {color} to the {side.name}, but PE ({x}, {y}) does not receive it from there",
                f"configure the color there with .rx = .{{ {OPPOSITE[side].name} }}",
            )


def _check_loops(session: Session, routes: Routes, color: int) -> None:
    """Report a circle of PEs that only pass a color on: wavelets in it would turn for ever."""
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for at, colors in routes.items():
        route = colors.get(color)
        if route is None or len(route.positions) > 1 or route.teardown:
            continue
        rx, tx = route.positions[0]
        if rx & Direction.RAMP:
            continue
        following[at] = [(at[0] + dx, at[1] + dy) for side, (dx, dy) in STEP.items() if tx & side]
    done: set[tuple[int, int]] = set()
    for start in following:
        path: dict[tuple[int, int], None] = {}
        pe: tuple[int, int] | None = start
        while pe is not None and pe in following and pe not in done and pe not in path:
            path[pe] = None
            here = pe
            pe = next((to for to in following[here] if to in following and _feeds(routes, color, here, to)), None)
        if pe is not None and pe in path:
            circle = [*list(path)[list(path).index(pe) :], pe]
            session.report.error(
                "route-loop",
                _span(session, routes[pe][color].span),
                f"color {color} goes in a circle: {' -> '.join(map(str, circle))}",
                "let one of these PEs receive it from its RAMP",
            )
        done |= path.keys()


def _feeds(routes: Routes, color: int, at: tuple[int, int], to: tuple[int, int]) -> bool:
    side = next(side for side, step in STEP.items() if (at[0] + step[0], at[1] + step[1]) == to)
    return bool(routes[to][color].positions[0][0] & OPPOSITE[side])
