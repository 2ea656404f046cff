"""The wafer rectangle as one self-contained HTML page: code classes, memory, routes per color, and a trace to play."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from ..host.artifacts import route_text
from ..ir import MEMORY_BYTES, Program, TileClass

MOST_RECORDS = 20_000  # of a trace, so that the page stays usable


def map_page(program: Program, trace: Sequence[dict[str, Any]] = ()) -> str:
    """Return the page of `program`; `trace` is what `Simulator.trace` returns.

    Example:
        >>> from pyflame.csl.ir import TileClass
        >>> empty = TileClass("empty", b"", (), (), (), ())
        >>> page = map_page(Program("wse3", 1, 1, (empty,), ((0,),), (({},),), ()))
        >>> page.startswith("<!doctype html>")
        True
    """
    routes: dict[int, list[Any]] = {}
    for y, row in enumerate(program.routes):
        for x, colors in enumerate(row):
            for color, route in colors.items():
                positions = [(int(rx), int(tx)) for rx, tx in route.positions]
                routes.setdefault(color, []).append((x, y, {"positions": positions, "text": route_text(route)}))
    names = {color: f"{color} {name}" for name, color in {**program.colors, **program.streams}.items()}
    data = {
        "arch": program.arch,
        "width": program.width,
        "height": program.height,
        "memory": MEMORY_BYTES,
        "grid": program.grid,
        "classes": [_class(tile) for tile in program.classes],
        "routes": {color: routes[color] for color in sorted(routes)},
        "names": names,
        "trace": [_record(entry) for entry in trace[:MOST_RECORDS]],
    }
    # A script element ends at the first "</", wherever it stands.
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    template = files(__package__).joinpath("wafer_map.html").read_text(encoding="utf-8")
    return template.replace("@DATA@", text)


def _class(tile: TileClass) -> dict[str, Any]:
    symbols = sorted(tile.symbols, key=lambda symbol: -symbol.bytes)
    return {
        "name": tile.name,
        "bytes": max((symbol.address + symbol.bytes for symbol in tile.symbols), default=tile.base),
        "symbols": [(symbol.name, symbol.bytes, symbol.type) for symbol in symbols[:40]],
    }


def _record(entry: dict[str, Any]) -> tuple[Any, ...]:
    x, y = entry["pe"]
    return (entry["kind"], x, y, entry["start"], entry["end"], entry.get("side", ""), entry.get("color", 0))
