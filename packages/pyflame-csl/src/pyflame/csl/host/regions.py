"""Code regions of a layout made in Python: rectangles of PEs with parameters, routes and ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .geometry import IntRectangle, IntVector

Place: TypeAlias = tuple[int, int]


class Route(Enum):
    """A side of a router."""

    RAMP = "RAMP"
    NORTH = "NORTH"
    SOUTH = "SOUTH"
    EAST = "EAST"
    WEST = "WEST"


class Edge(Enum):
    """A side of a region; `value` is the step that leaves it there, and the side of the router."""

    LEFT = (-1, 0, Route.WEST)
    RIGHT = (1, 0, Route.EAST)
    TOP = (0, -1, Route.NORTH)
    BOTTOM = (0, 1, Route.SOUTH)

    @property
    def side(self) -> Route:
        """The side of a router that points over this edge."""
        return self.value[2]

    def beyond(self, place: Place) -> Place:
        """The PE over this edge from a PE at it."""
        return place[0] + self.value[0], place[1] + self.value[1]


@dataclass(eq=False)
class Color:
    """A color of a region; its number is chosen when the layout is compiled."""

    name: str


@dataclass
class RoutingPosition:
    """What a router does with a color in one position of its switch. A port fills in the side of its edge."""

    inputs: list[Route] = field(default_factory=list)
    outputs: list[Route] = field(default_factory=list)

    def set_input(self, sides: Sequence[Route]) -> RoutingPosition:
        """Set where wavelets come from; returns itself."""
        self.inputs = list(sides)
        return self

    def set_output(self, sides: Sequence[Route]) -> RoutingPosition:
        """Set where they go to; returns itself."""
        self.outputs = list(sides)
        return self


@dataclass
class EdgeRouting:
    """Positions for the PEs at one edge of a region."""

    edge: Edge
    positions: Sequence[RoutingPosition]


def get_edge_routing(edge: Edge, positions: Sequence[RoutingPosition]) -> EdgeRouting:
    """Positions that `paint_all` uses at one edge."""
    return EdgeRouting(edge, positions)


@dataclass(eq=False)
class Port:
    """An edge of a region where wavelets of a color come in or go out, `size` of them in all."""

    region: CodeRegion
    color: Color
    edge: Edge
    size: int
    incoming: bool

    def places(self) -> list[Place]:
        """The PEs at the edge, in the whole layout."""
        x, y = self.region.origin
        return [(x + dx, y + dy) for dx, dy in self.region.at_edge(self.edge)]


class CodeRegion:
    """PEs of `width` x `height` that run one CSL file."""

    def __init__(self, path: str, name: str, width: int, height: int) -> None:
        self.path, self.name, self.width, self.height = path, name, width, height
        self.origin: Place = (0, 0)
        self.params: dict[Place, dict[str, Any]] = {place: {} for place in self._all()}
        self.routes: dict[Place, dict[Color, list[RoutingPosition]]] = {place: {} for place in self._all()}
        self.symbols: dict[Place, dict[str, NDArray[Any]]] = {}

    def _all(self) -> Iterator[Place]:
        return ((x, y) for y in range(self.height) for x in range(self.width))

    def at_edge(self, edge: Edge) -> list[Place]:
        """The PEs at an edge, within the region."""
        if edge in (Edge.LEFT, Edge.RIGHT):
            return [(0 if edge is Edge.LEFT else self.width - 1, y) for y in range(self.height)]
        return [(x, 0 if edge is Edge.TOP else self.height - 1) for x in range(self.width)]

    def _inside(self, rectangle: IntRectangle) -> list[Place]:
        low, high = rectangle.origin, rectangle.corner
        return [(x, y) for x, y in self._all() if low.x <= x < high.x and low.y <= y < high.y]

    def place(self, x: int, y: int) -> None:
        """Put the region's corner at (x, y)."""
        self.origin = (x, y)

    def color(self, name: str) -> Color:
        """A color of this region."""
        return Color(name)

    def set_param_all(self, param: str | Color, value: Any = None) -> None:
        """Set a parameter of all PEs: by name, or the color of that name."""
        self._set_param(self._all(), param, value)

    def set_param(self, at: IntVector, param: str | Color, value: Any = None) -> None:
        """Set a parameter of one PE."""
        self._set_param([(at.x, at.y)], param, value)

    def set_param_range(self, rectangle: IntRectangle, param: str | Color, value: Any = None) -> None:
        """Set a parameter of the PEs in a rectangle."""
        self._set_param(self._inside(rectangle), param, value)

    def _set_param(self, places: Iterable[Place], param: str | Color, value: Any) -> None:
        name, value = (param.name, param) if isinstance(param, Color) else (param, value)
        for place in places:
            self.params[place][name] = value

    def set_symbol_all(self, name: str, array: NDArray[Any], width: int, height: int) -> None:
        """Give each PE its block of an array of `height` x `width` elements as the initial value of a variable."""
        if width % self.width or height % self.height:
            raise ValueError(
                f"[csl] {name} of {width} x {height} does not divide into {self.width} x {self.height} PEs"
            )
        blocks = np.asarray(array).reshape(self.height, height // self.height, self.width, width // self.width)
        for x, y in self._all():
            self.symbols.setdefault((x, y), {})[name] = np.ascontiguousarray(blocks[y, :, x, :])

    def paint(self, at: IntVector, color: Color, positions: Sequence[RoutingPosition]) -> None:
        """Set the route of a color on one PE."""
        self.routes[at.x, at.y][color] = list(positions)

    def paint_range(self, rectangle: IntRectangle, color: Color, positions: Sequence[RoutingPosition]) -> None:
        """Set the route of a color on the PEs in a rectangle."""
        for place in self._inside(rectangle):
            self.routes[place][color] = list(positions)

    def paint_all(self, color: Color, positions: Sequence[RoutingPosition], edges: Sequence[EdgeRouting] = ()) -> None:
        """Set the route of a color on all PEs, with others at some edges."""
        for place in self._all():
            self.routes[place][color] = list(positions)
        for routing in edges:
            for place in self.at_edge(routing.edge):
                self.routes[place][color] = list(routing.positions)

    def create_input_port(
        self, color: Color, edge: Edge, positions: Sequence[RoutingPosition], size: int, suffix: str = ""
    ) -> Port:
        """Let wavelets of a color come in over an edge."""
        filled = [RoutingPosition([edge.side], position.outputs) for position in positions]
        return self._port(color, edge, filled, size, incoming=True)

    def create_output_port(
        self, color: Color, edge: Edge, positions: Sequence[RoutingPosition], size: int, suffix: str = ""
    ) -> Port:
        """Let wavelets of a color go out over an edge."""
        filled = [RoutingPosition(position.inputs, [edge.side]) for position in positions]
        return self._port(color, edge, filled, size, incoming=False)

    def _port(self, color: Color, edge: Edge, positions: list[RoutingPosition], size: int, *, incoming: bool) -> Port:
        for place in self.at_edge(edge):
            self.routes[place][color] = positions
        return Port(self, color, edge, size, incoming)
