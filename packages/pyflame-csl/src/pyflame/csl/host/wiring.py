"""Numbers for the colors of a layout, and the way from port to port and to the host over PEs without code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from .regions import CodeRegion, Color, Edge, Place, Port, Route, RoutingPosition

LAST_COLOR = 20  # those above are reserved
_OPPOSITE = {Edge.LEFT: Edge.RIGHT, Edge.RIGHT: Edge.LEFT, Edge.TOP: Edge.BOTTOM, Edge.BOTTOM: Edge.TOP}


class Colors:
    """Color -> number; the two ends of a connection get the same one, all others different ones."""

    def __init__(self, regions: Sequence[CodeRegion], connections: Iterable[tuple[Port, Port]]) -> None:
        self._joined: dict[Color, Color] = {}
        for source, target in connections:
            self._joined[self._root(source.color)] = self._root(target.color)
        used = [color for region in regions for routes in region.routes.values() for color in routes]
        used += [value for region in regions for row in region.params.values() for value in row.values()]
        self._numbers: dict[Color, int] = {}
        for color in used:
            if isinstance(color, Color):
                self._numbers.setdefault(self._root(color), len(self._numbers))
        self._free = LAST_COLOR
        self._check()

    def _root(self, color: Color) -> Color:
        while self._joined.get(color, color) is not color:
            color = self._joined[color]
        return color

    def _check(self) -> None:
        if len(self._numbers) > self._free + 1:
            raise ValueError(
                f"[csl] the layout needs more than {LAST_COLOR + 1} colors: connect ports, or share colors"
            )

    def __getitem__(self, color: Color) -> int:
        return self._numbers[self._root(color)]

    def for_stream(self) -> int:
        """A number for the words between a PE and the host."""
        self._free -= 1
        self._check()
        return self._free + 1


class Wiring:
    """Routes of PEs outside of all regions: place -> color number -> position."""

    def __init__(self, regions: Sequence[CodeRegion], width: int, height: int) -> None:
        self.size = (width, height)
        self.taken = {
            (region.origin[0] + x, region.origin[1] + y): region for region in regions for x, y in region.params
        }
        self.routes: dict[Place, dict[int, RoutingPosition]] = {}

    def connect(self, source: Port, target: Port, color: int) -> None:
        """Lay the ways between the PEs of two ports.

        Raises:
            ValueError: they have different numbers of PEs, or other regions are in the way.
        """
        ends = list(zip(source.places(), target.places()))
        if len(source.places()) != len(target.places()):
            names = f"{source.region.name} and {target.region.name}"
            raise ValueError(f"[csl] the ports of {names} have {len(source.places())} and {len(target.places())} PEs")
        for start, goal in ends:
            if source.edge.beyond(start) != goal:
                self._lay(start, goal, source, target, color)

    def _lay(self, start: Place, goal: Place, source: Port, target: Port, color: int) -> None:
        first, last = source.edge.beyond(start), target.edge.beyond(goal)
        came: dict[Place, Edge | None] = {first: None}
        waiting = deque([first] if self._free(first, color) else [])
        while waiting and last not in came:
            place = waiting.popleft()
            for edge in Edge:
                other = edge.beyond(place)
                if other not in came and self._free(other, color):
                    came[other] = edge
                    waiting.append(other)
        if last not in came or not self._free(first, color):
            raise ValueError(f"[csl] there is no way from {source.region.name} to {target.region.name} at {start}")
        leaves = _OPPOSITE[target.edge].side
        place = last
        while True:
            step = came[place]
            enters = source.edge if step is None else step
            self._set(place, color, _OPPOSITE[enters].side, leaves)
            if step is None:
                return
            leaves = step.side
            place = _OPPOSITE[step].beyond(place)

    def end(self, port: Port, color: int) -> Place:
        """Let the PE beyond a port receive from it or send to it; returns that PE."""
        (place,) = port.places()
        beyond = port.edge.beyond(place)
        if beyond in self.taken:
            raise ValueError(f"[csl] {self.taken[beyond].name} leaves no room for a stream at {port.region.name}")
        side = _OPPOSITE[port.edge].side
        if port.incoming:
            self._set(beyond, color, Route.RAMP, side)
        else:
            self._set(beyond, color, side, Route.RAMP)
        return beyond

    def _free(self, place: Place, color: int) -> bool:
        x, y = place
        inside = 0 <= x < self.size[0] and 0 <= y < self.size[1]
        return inside and place not in self.taken and color not in self.routes.get(place, {})

    def _set(self, place: Place, color: int, enters: Route, leaves: Route) -> None:
        self.routes.setdefault(place, {})[color] = RoutingPosition([enters], [leaves])
