"""Traces: what tasks, DSD operations and links did, as dictionaries and as Chrome JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import _sim
from ..ir import IdSpace, Program

_KINDS = ("task", "operation", "link")
_SIDES = ("WEST", "EAST", "SOUTH", "NORTH", "RAMP")
_SYNCHRONOUS, _MAP = 8, 255
_LINK_TRACKS = 100  # thread ids of links start here in the Chrome trace, behind tasks and microthreads


def _task_name(program: Program, pe: int, space: int, id: int) -> str:
    if space == IdSpace.INPUT_QUEUE:
        return "launched function"
    if space == IdSpace.COLOR:
        return f"teardown of color {id}"
    tile = program.classes[program.grid[pe // program.width][pe % program.width]]
    for task in tile.tasks:
        if task.space == space and task.id == id:
            return tile.functions[task.function].name
    return f"task {id}"


def readable(rows: Iterable[Sequence[int]], program: Program, pe: int | None) -> list[dict[str, Any]]:
    """The records as dictionaries in the order of their start: kind, pe, start, end, name, and what the kind has."""
    found = []
    for kind, start, end, where, space, color, id, detail in rows:
        if pe is not None and where != pe:
            continue
        entry: dict[str, Any] = {
            "kind": _KINDS[kind],
            "pe": (where % program.width, where // program.width),
            "start": start,
            "end": end,
        }
        if kind == 0:
            entry |= {"name": _task_name(program, where, space, id), "id": id}
        elif kind == 1:
            name = "map" if detail == _MAP else _sim.DSD_OPS[detail]
            entry |= {"name": name, "microthread": None if id == _SYNCHRONOUS else id}
        else:
            entry |= {"name": f"color {color}", "side": _SIDES[space], "color": color, "payload": detail}
        found.append(entry)
    return sorted(found, key=lambda entry: (entry["start"], entry["pe"][::-1]))


def chrome_trace(entries: Sequence[dict[str, Any]], program: Program, path: Path, dropped: int) -> None:
    """Write `entries` as Chrome JSON: a process per PE, tracks for tasks, microthreads, links; a cycle is 1 us."""
    events: list[dict[str, Any]] = []
    tracks: set[tuple[int, int]] = set()
    for entry in entries:
        x, y = entry["pe"]
        process = y * program.width + x
        if entry["kind"] == "task":
            track, label = 0, "tasks"
        elif entry["kind"] == "operation":
            number = entry["microthread"]
            track, label = (1, "DSD operations") if number is None else (2 + number, f"microthread {number}")
        else:
            track, label = _LINK_TRACKS + _SIDES.index(entry["side"]), f"link {entry['side']}"
        if (process, track) not in tracks:
            tracks.add((process, track))
            name = {"ph": "M", "pid": process, "tid": track}
            events.append({**name, "name": "thread_name", "args": {"name": label}})
            events.append({**name, "name": "process_name", "args": {"name": f"PE ({x}, {y})"}})
        known = ("kind", "pe", "start", "end", "name")
        events.append(
            {
                "ph": "X",
                "pid": process,
                "tid": track,
                "name": entry["name"],
                "cat": entry["kind"],
                "ts": entry["start"],
                "dur": max(entry["end"] - entry["start"], 1),
                "args": {key: value for key, value in entry.items() if key not in known},
            }
        )
    document = {"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"arch": program.arch, "dropped": dropped}}
    path.write_text(json.dumps(document), encoding="utf-8")
