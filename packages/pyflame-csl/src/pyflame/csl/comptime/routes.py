"""Color configurations: from the struct of `@set_color_config` to a `Route`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..ir import Direction, Filter, PopMode, Route, Span as IrSpan
from ..syntax.source import Span
from . import types as t
from .faults import Fault
from .literals import suggestion
from .values import Value

_SWAPS = {"color_swap_x": "swap_x", "color_swap_y": "swap_y"}
_TOP = ("routes", "switches", "teardown", "filter", *_SWAPS)
_SWITCHES = ("pos1", "pos2", "pos3", "ring_mode", "current_switch_pos", "pop_mode")
_POP = {
    "no_pop": PopMode.NO_POP,
    "always_pop": PopMode.ALWAYS_POP,
    "pop_on_advance": PopMode.POP_ON_ADVANCE,
    "pop_on_header": PopMode.POP_ON_HEADER,
}
_FILTERS = {
    "range": ("min_idx", "max_idx"),
    "counter": ("limit1", "limit2", "max_counter", "init_counter", "count_data", "count_control", "fast_mode"),
    "sparse_counter": ("limit1", "limit2", "max_counter", "init_counter", "count_data", "count_control", "fast_mode"),
}
OPPOSITE = {
    Direction.WEST: Direction.EAST,
    Direction.EAST: Direction.WEST,
    Direction.NORTH: Direction.SOUTH,
    Direction.SOUTH: Direction.NORTH,
}
STEP = {Direction.WEST: (-1, 0), Direction.EAST: (1, 0), Direction.NORTH: (0, -1), Direction.SOUTH: (0, 1)}


@dataclass(frozen=True)
class RouteConfig:
    """A configuration with the place where it was given; `route.span` is filled in when files have numbers."""

    route: Route
    span: Span = field(compare=False)

    def at(self, span: IrSpan) -> Route:
        return Route(**{**self.route.__dict__, "span": span})


def _struct(found: Any, name: str, span: Span) -> dict[str, Value]:
    if not isinstance(found, Value) or found.type != t.STRUCT:
        raise Fault("type-mismatch", span, f"{name} is a struct")
    return found.data


def _known(fields: dict[str, Value], allowed: tuple[str, ...], what: str, span: Span) -> None:
    for name in fields:
        if name not in allowed:
            raise Fault("unknown-field", span, f"{what} has no field {name!r}", suggestion(name, allowed))


def _flag(found: Value, name: str, span: Span) -> bool:
    if not isinstance(found, Value) or found.type != t.BOOL:
        raise Fault("type-mismatch", span, f"{name} is a bool")
    return bool(found.data)


def _number(found: Value, name: str, span: Span) -> int:
    if not isinstance(found, Value) or found.type not in t.INT_LIKE | {t.BOOL}:
        raise Fault("type-mismatch", span, f"{name} is an integer")
    return int(found.data)


def directions(found: Any, name: str, span: Span) -> Direction:
    """The mask of a direction, or of a struct or array of them."""
    if isinstance(found, Value):
        if found.type == t.DIRECTION:
            return Direction(found.data)
        entries = None
        if found.type == t.STRUCT:
            entries = list(found.data.values())
        elif isinstance(found.type, t.ArrayType) and found.type.element == t.DIRECTION:
            entries = [Value(t.DIRECTION, entry) for entry in found.data]
        if entries is not None and all(isinstance(e, Value) and e.type == t.DIRECTION for e in entries):
            mask = Direction(0)
            for entry in entries:
                mask |= Direction(entry.data)
            return mask
    raise Fault("type-mismatch", span, f"{name} takes directions, such as .{{ EAST, RAMP }}")


def _one_input(rx: Direction, span: Span) -> None:
    if rx.bit_count() > 1:
        raise Fault(
            "route-two-inputs",
            span,
            f"the color would be received from {len(list(rx))} directions",
            "a router takes a color from one direction at a time; use switch positions",
        )


def read_config(found: Value, span: Span) -> RouteConfig:
    """The configuration that a struct describes."""
    fields = _struct(found, "a color configuration", span)
    _known(fields, _TOP, "a color configuration", span)
    first = (Direction(0), Direction(0))
    routes: dict[str, Value] = {}
    if "routes" in fields:
        routes = _struct(fields["routes"], "routes", span)
        _known(routes, ("rx", "tx", *_SWAPS), "routes", span)
        rx, tx = (directions(routes[n], n, span) if n in routes else Direction(0) for n in ("rx", "tx"))
        first = (rx, tx)
    values: dict[str, Any] = {"positions": (first,)}
    if "switches" in fields:
        values |= _switches(_struct(fields["switches"], "switches", span), first, span)
    for rx, _ in values["positions"]:
        _one_input(rx, span)
    if "teardown" in fields:
        values["teardown"] = _flag(fields["teardown"], "teardown", span)
    for name, target in _SWAPS.items():
        given = routes.get(name, fields.get(name))
        if given is not None:
            values[target] = _flag(given, name, span)
    if "filter" in fields:
        values["filter"] = _filter(_struct(fields["filter"], "filter", span), span)
    return RouteConfig(Route(**values), span)


def _switches(fields: dict[str, Value], first: tuple[Direction, Direction], span: Span) -> dict[str, Any]:
    _known(fields, _SWITCHES, "switches", span)
    positions = [first]
    rx, tx = first  # each position changes what the one before it left
    for number in (1, 2, 3):
        name = f"pos{number}"
        if name not in fields:
            continue
        given = _struct(fields[name], name, span)
        _known(given, ("rx", "tx", "invalid"), name, span)
        if "invalid" in given and _flag(given["invalid"], "invalid", span):
            continue
        if "rx" in given:
            rx = directions(given["rx"], "rx", span)
        if "tx" in given:
            tx = directions(given["tx"], "tx", span)
        positions += [(Direction(0), Direction(0))] * (number - len(positions))
        positions.append((rx, tx))
    values: dict[str, Any] = {"positions": tuple(positions)}
    if "ring_mode" in fields:
        values["ring"] = _flag(fields["ring_mode"], "ring_mode", span)
    if "current_switch_pos" in fields:
        current = _number(fields["current_switch_pos"], "current_switch_pos", span)
        if not 0 <= current < len(positions):
            raise Fault("value-range", span, f"there is no switch position {current}")
        values["current"] = current
    if "pop_mode" in fields:
        for name, chosen in _struct(fields["pop_mode"], "pop_mode", span).items():
            if name not in _POP:
                raise Fault("unknown-field", span, f"there is no pop mode {name!r}", suggestion(name, _POP))
            if _flag(chosen, name, span):
                values["pop"] = _POP[name]
        if values.get("pop") == PopMode.POP_ON_HEADER:
            raise Fault("unsupported", span, "the simulator has no pop_on_header", "always_pop or pop_on_advance")
    return values


def _filter(fields: dict[str, Value], span: Span) -> Filter:
    kind = ""
    for name, chosen in _struct(fields.get("kind"), "the kind of a filter", span).items():
        if name not in _FILTERS:
            raise Fault("unknown-field", span, f"there is no filter {name!r}", suggestion(name, _FILTERS))
        if _flag(chosen, name, span):
            kind = name
    if not kind:
        raise Fault("missing-field", span, "the filter has no kind", "such as .kind = .{ .range = true }")
    allowed = _FILTERS[kind]
    _known(fields, ("kind", *allowed), f"a {kind} filter", span)
    return Filter(kind, {name: _number(found, name, span) for name, found in fields.items() if name != "kind"})
