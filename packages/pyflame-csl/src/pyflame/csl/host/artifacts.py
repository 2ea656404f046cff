"""The folder that cslc writes and host scripts read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..ir import Direction, Export, Program, Route
from ..serial import dump, load

PROGRAM = "out.wse"


def write_artifacts(folder: str | os.PathLike[str], program: Program) -> None:
    """Write a compiled program with its metadata: out.json, bin/out_rpc.json, out_routes.txt and the program itself."""
    target = Path(folder)
    (target / "bin").mkdir(parents=True, exist_ok=True)
    (target / "out.json").write_text(json.dumps(metadata(program), indent=2) + "\n")
    symbols = [rpc_symbol(number, export) for number, export in enumerate(exports(program))]
    (target / "bin" / "out_rpc.json").write_text(json.dumps({"rpc_symbols": symbols}, indent=2) + "\n")
    (target / "out_routes.txt").write_text(routes_text(program))
    (target / PROGRAM).write_bytes(dump(program))


def read_program(folder: str | os.PathLike[str]) -> Program:
    """Return the program that `write_artifacts` wrote.

    Raises:
        FileNotFoundError: the folder holds no compiled program.
        ValueError: it is damaged, or of another version.
    """
    path = Path(folder, PROGRAM)
    if not path.is_file():
        raise FileNotFoundError(f"[csl] {path} does not exist: compile the program into {folder} first, with cslc -o")
    return load(path.read_bytes())


def metadata(program: Program) -> dict[str, Any]:
    """What out.json tells; parameters are text there, as host scripts expect."""
    return {
        "params": dict(program.params),
        "colors": {name: str(color) for name, color in program.colors.items()},
        "arch": program.arch,
        "fabric_dims": list(program.fabric),
        "fabric_offsets": list(program.offsets),
        "rectangle": {"width": program.width, "height": program.height},
        "streams": dict(program.streams),
    }


def exports(program: Program) -> list[Export]:
    """The exported names of all PEs, sorted; the place of one is its id."""
    found = {export.name: export for tile in program.classes for export in tile.exports}
    return [found[name] for name in sorted(found)]


def rpc_symbol(number: int, export: Export) -> dict[str, Any]:
    """The row of an export in out_rpc.json."""
    row: dict[str, Any] = {"id": number, "name": export.name, "sym_name": export.name}
    if export.function < 0:
        return row | {"kind": "Var", "type": export.type, "immutable": int(not export.writable)}
    inputs = [{"name": f"arg{place}", "type": kind} for place, kind in enumerate(export.params)]
    return row | {"kind": "Func", "type": "void"} | ({"inputs": inputs} if inputs else {})


def routes_text(program: Program) -> str:
    """A line for each PE and color: where wavelets come from and go to, in each switch position."""
    lines = [f"# {program.arch}, {program.width} x {program.height} PEs: x y color, then input -> outputs"]
    for y, row in enumerate(program.routes):
        for x, colors in enumerate(row):
            lines += [f"{x} {y} {color:2} {route_text(colors[color])}" for color in sorted(colors)]
    return "\n".join(lines) + "\n"


def route_text(route: Route) -> str:
    positions = [f"{sides(rx)} -> {sides(tx)}" for rx, tx in route.positions]
    extras = [f"position {route.current}"] if route.current else []
    extras += ["ring"] if route.ring else []
    extras += [route.pop.name.lower()] if route.pop else []
    extras += ["teardown"] if route.teardown else []
    extras += ["swap_x"] if route.swap_x else []
    extras += ["swap_y"] if route.swap_y else []
    extras += [f"{route.filter.kind} filter"] if route.filter else []
    return " | ".join(positions) + (f" ({', '.join(extras)})" if extras else "")


def sides(mask: Direction) -> str:
    """The names in a mask of directions."""
    return "+".join(side.name or "" for side in Direction if side & mask) or "none"
