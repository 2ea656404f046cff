import json

import pytest

from pyflame.csl.host.artifacts import read_program


def test_metadata_has_parameters_as_text(compiled):
    data = json.loads((compiled / "out.json").read_text())
    assert data["params"] == {"size": "4"}
    assert (data["arch"], data["fabric_dims"], data["rectangle"]) == ("wse3", [9, 4], {"width": 2, "height": 2})


def test_functions_and_variables_have_rows(compiled):
    rows = json.loads((compiled / "bin" / "out_rpc.json").read_text())["rpc_symbols"]
    function, variable = rows
    assert (function["name"], function["kind"], [entry["type"] for entry in function["inputs"]]) == (
        *("scale", "Func", ["f32", "i16"]),
    )
    assert (variable["name"], variable["kind"], variable["type"], variable["immutable"]) == ("x", "Var", "[*]f32", 0)


def test_routes_are_readable(compiled):
    lines = (compiled / "out_routes.txt").read_text().splitlines()
    assert lines[1:] == ["0 0  3 RAMP -> EAST+RAMP", "1 0  3 WEST -> RAMP"]


def test_a_folder_without_a_program(tmp_path):
    with pytest.raises(FileNotFoundError, match="compile the program"):
        read_program(tmp_path)
