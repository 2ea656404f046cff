"""The page that draws a program: complete, self-contained, safe against what names contain."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pyflame.cli import main
from pyflame.csl.host.artifacts import write_artifacts
from pyflame.csl.ir import Direction, Instr, Route
from pyflame.csl.sim.wafer_map import map_page

W, E, R = Direction.WEST, Direction.EAST, Direction.RAMP


def program(kit: Any, name: str = "tile") -> Any:
    tile = kit.Tile(name)
    tile.var("x", "f32", [1.0, 2.0])
    tile.fn("main", [Instr("unblock_cmd_stream")])
    return kit.grid([[tile, tile]], {(0, 0): {5: Route(((R, E), (W, E)))}, (1, 0): {5: kit.route(W, R)}})


def data_of(page: str) -> Any:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_page_has_classes_memory_routes_and_trace(kit: Any) -> None:
    simulator = kit.running(program(kit), trace=True)
    simulator.launch("main")
    simulator.stop()
    page = map_page(simulator.program, simulator.trace())
    data = data_of(page)
    assert data["grid"] == [[0, 0]]
    assert data["classes"] == [{"name": "tile", "bytes": 8, "symbols": [["x", 8, "[2]f32"]]}]
    assert [entry[:2] for entry in data["routes"]["5"]] == [[0, 0], [1, 0]]
    assert data["routes"]["5"][0][2]["positions"] == [[16, 2], [1, 2]]
    assert [entry[:3] for entry in data["trace"]] == [["task", 0, 0], ["task", 1, 0]]
    assert not re.findall(r'(?:src|href)="|@import|url\(', page)  # nothing is loaded from elsewhere


def test_names_cannot_end_the_script(kit: Any) -> None:
    page = map_page(program(kit, "</script><script>alert(1)</script>"))
    assert data_of(page)["classes"][0]["name"] == "</script><script>alert(1)</script>"
    assert page.count("</script>") == 2


def test_command_writes_the_page(kit: Any, tmp_path: Path) -> None:
    write_artifacts(tmp_path / "out", program(kit))
    assert main(["csl", "map", str(tmp_path / "out"), "-o", str(tmp_path / "map.html")]) == 0
    assert data_of((tmp_path / "map.html").read_text())["width"] == 2
