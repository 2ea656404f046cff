"""The CSL text of a layout made in Python."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .regions import CodeRegion, Color, Place, Route, RoutingPosition
from .wiring import Colors, Wiring

EMPTY = "empty.csl"
_QUEUE = 2  # of the first stream of a PE


def end_name(place: Place) -> str:
    """The file of a PE where streams end."""
    return f"streams_{place[0]}_{place[1]}.csl"


def layout(
    regions: Sequence[CodeRegion],
    colors: Colors,
    wiring: Wiring,
    ends: Mapping[Place, object],
    streams: Mapping[str, int],
) -> str:
    """The layout file: code, parameters and routes of every PE."""
    width, height = wiring.size
    named = "".join(f", .{name} = @get_color({number})" for name, number in streams.items())
    lines = [
        f'const streams = @import_module("<memcpy/get_params>", .{{ .width = {width}, .height = {height}{named} }});',
        "layout {",
        f"  @set_rectangle({width}, {height});",
    ]
    for y in range(height):
        for x in range(width):
            region = wiring.taken.get((x, y))
            if region is None:
                name = end_name((x, y)) if (x, y) in ends else EMPTY
                lines.append(f'  @set_tile_code({x}, {y}, "{name}", .{{}});')
                routes = {color: [position] for color, position in wiring.routes.get((x, y), {}).items()}
            else:
                inner = (x - region.origin[0], y - region.origin[1])
                fields = [f".{name} = {value_text(value, colors)}" for name, value in region.params[inner].items()]
                lines.append(f"  @set_tile_code({x}, {y}, {json.dumps(region.path)}, .{{ {', '.join(fields)} }});")
                routes = {colors[color]: positions for color, positions in region.routes[inner].items()}
            for color, positions in sorted(routes.items()):
                lines.append(f"  @set_color_config({x}, {y}, @get_color({color}), {config(positions)});")
    return "\n".join([*lines, "}", ""])


def value_text(value: Any, colors: Colors) -> str:
    """A parameter as CSL."""
    if isinstance(value, Color):
        return f"@get_color({colors[value]})"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) else repr(value)


def config(positions: Sequence[RoutingPosition]) -> str:
    """The configuration of a color: the first position as routes, the others as a switch.

    Raises:
        ValueError: a position changes both ends, or needs several sides.
    """
    first, *others = positions
    text = f".{{ .routes = .{{ .rx = {sides(first.inputs)}, .tx = {sides(first.outputs)} }}"
    fields = []
    for number, position in enumerate(others, 1):
        same_input = position.inputs == first.inputs
        changed = position.outputs if same_input else position.inputs
        if len(changed) != 1 or (not same_input and position.outputs != first.outputs):
            raise ValueError(f"[csl] position {number} of a switch must change one end of the route to one other side")
        fields.append(f".pos{number} = .{{ .{'tx' if same_input else 'rx'} = {changed[0].value} }}")
    return text + (f", .switches = .{{ {', '.join(fields)} }}" if fields else "") + " }"


def sides(routes: Iterable[Route]) -> str:
    return f".{{ {', '.join(route.value for route in routes)} }}"


def end(streams: Sequence[tuple[bool, int, int]]) -> str:
    """The program of a PE that passes words between the host and ports: (whether from the host, color, stream)."""
    lines, moves, queues = ["// Words between the host and ports."], [], []
    for number, (incoming, inner, outer) in enumerate(streams):
        source, target = (outer, inner) if incoming else (inner, outer)
        queue = _QUEUE + number
        lines += [
            f"const in_queue_{number} = @get_input_queue({queue});",
            f"const out_queue_{number} = @get_output_queue({queue});",
            f"const in_{number} = @get_dsd(fabin_dsd, .{{ .extent = 0x7fff, .fabric_color = @get_color({source}), "
            f".input_queue = in_queue_{number} }});",
            f"const out_{number} = @get_dsd(fabout_dsd, .{{ .extent = 0x7fff, .fabric_color = @get_color({target}), "
            f".output_queue = out_queue_{number} }});",
        ]
        moves.append(f"  @mov32(out_{number}, in_{number}, .{{ .async = true }});")
        queues += [
            f"    @initialize_queue(in_queue_{number}, .{{ .color = @get_color({source}) }});",
            f"    @initialize_queue(out_queue_{number}, .{{ .color = @get_color({target}) }});",
        ]
    lines += ["task start() void {", *moves, "}", "comptime {", "  const id = @get_local_task_id(8);"]
    lines += [
        "  @bind_local_task(start, id);",
        "  @activate(id);",
        '  if (@is_arch("wse3")) {',
        *queues,
        "  }",
        "}",
        "",
    ]
    return "\n".join(lines)
