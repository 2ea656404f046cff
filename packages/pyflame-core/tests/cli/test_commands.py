"""The subcommands, on real files; what `--json` prints is of the declared type."""

import json
import types
import typing

import pytest

import pyflame as pf
from pyflame.cli.convert import Conversion
from pyflame.cli.doctor import Explanation, Report
from pyflame.cli.graph import GraphSummary
from pyflame.cli.info import Info
from pyflame.cli.inspect import Inspection
from pyflame.cli.plugins import Diagnoses, PluginList
from pyflame.cli.version import Version


def conforms(value, kind):
    """Whether JSON data is of a type written with TypedDict, list, dict and plain classes."""
    if kind is typing.Any:
        return True
    if typing.is_typeddict(kind):
        fields = typing.get_type_hints(kind)
        return value.keys() == fields.keys() and all(conforms(value[name], fields[name]) for name in fields)
    if isinstance(kind, types.UnionType):
        return any(conforms(value, one) for one in typing.get_args(kind))
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return isinstance(value, list) and all(conforms(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(conforms(item, arguments[1]) for item in value.values())
    return type(value) is kind


@pytest.fixture
def files(tmp_path):
    """A weight file and a graph."""
    pf.save(
        {"w": pf.ones(2, 3), "half": pf.zeros(4, dtype=pf.bfloat16)},
        tmp_path / "w.safetensors",
        metadata={"origin": "test"},
    )
    pf.save([pf.ones(2), "text"], tmp_path / "notes.pf", metadata={"loss": float("inf"), "shape": (2, 3)})
    graph = pf.trace(lambda x: pf.relu(x @ pf.ones(3, 2)) + 0, pf.ones(4, 3), example_names=["x"]).graph
    graph.save(tmp_path / "g.json")
    graph.save(tmp_path / "g.pfg")
    return tmp_path


@pytest.mark.parametrize(
    "line, kind",
    [
        ("version", Version),
        ("info", Info),
        ("doctor", Report),
        ("doctor PF0019", Explanation),
        ("plugins list", PluginList),
        ("plugins doctor", Diagnoses),
        ("inspect w.safetensors", Inspection),
        ("inspect notes.pf", Inspection),
        ("convert w.safetensors copy.safetensors", Conversion),
        ("convert w.safetensors copy.npz", Conversion),
        ("graph g.json", GraphSummary),
    ],
)
def test_json_is_of_its_declared_type(json_of, install, files, line, kind):
    add = "def add(commands): commands.add_parser('greet')"
    found = json_of(*line.split(), **install("greeting", add, cli=[("greet", "greeting:add")]))
    assert conforms(found, kind), found


def test_conformance_is_checked_in_depth():
    row = {"name": "w", "dtype": "float32", "shape": [2, "3"], "num_bytes": 8}
    good = {"file": "f", "format": "pf", "tensors": [row | {"shape": [2, 3]}], "metadata": {}}
    assert conforms(good, Inspection)
    assert not conforms(good | {"tensors": [row]}, Inspection)
    assert not conforms(good | {"more": 1}, Inspection)


def test_version_lists_what_is_installed(pyflame, json_of):
    assert f"pyflame-core {pf.__version__}\n" in pyflame("version").stdout
    assert json_of("version")["versions"] == pf.version_info()


def test_info_shows_the_environment_but_no_secret(json_of):
    found = json_of("info", PYFLAME_NUM_THREADS="1", PYFLAME_API_KEY="secret")
    assert found["runtime"]["num_threads"] == 1
    assert found["environment"] == {"PYFLAME_API_KEY": "(set)", "PYFLAME_NUM_THREADS": "1"}


def test_inspect_lists_tensors_and_metadata(pyflame, json_of, files):
    found = json_of("inspect", "w.safetensors")
    assert {row["name"]: (row["dtype"], row["shape"], row["num_bytes"]) for row in found["tensors"]} == {
        "w": ("float32", [2, 3], 24),
        "half": ("bfloat16", [4], 8),
    }
    assert found["metadata"] == {"origin": "test"}
    shown = pyflame("inspect", "w.safetensors").stdout
    assert "2 tensors, 10 elements, 32 B" in shown and "origin  test" in shown


def test_inspect_tells_what_is_wrong_with_a_damaged_file(pyflame, files):
    whole = (files / "w.safetensors").read_bytes()
    (files / "w.safetensors").write_bytes(whole[:-3])
    done = pyflame("inspect", "w.safetensors")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pyflame inspect: error: [") and done.stderr.endswith(" (PF0002)\n")
    assert "A file is damaged" in pyflame("doctor", "PF0002").stdout


def test_convert_keeps_values_and_does_not_overwrite_unasked(pyflame, files):
    assert pyflame("convert", "w.safetensors", "copy.safetensors").returncode == 0
    copy = pf.load(files / "copy.safetensors")
    assert copy["w"].tolist() == [[1.0] * 3] * 2 and copy["half"].dtype is pf.bfloat16
    again = pyflame("convert", "w.safetensors", "copy.safetensors")
    assert again.returncode == 1 and "give --force" in again.stderr
    assert pyflame("convert", "w.safetensors", "copy.safetensors", "--force").returncode == 0


def test_convert_into_a_folder_that_cannot_be_written_is_a_failure(pyflame, files):
    done = pyflame("convert", "w.safetensors", "/proc/copy.safetensors")
    assert done.returncode == 1 and "Traceback" not in done.stderr and "/proc" in done.stderr


def test_graph_summarises_and_lists_nodes(pyflame, json_of, files):
    found = json_of("graph", "g.json")
    assert found["ops"]["matmul"] == 1 and found["inputs"] == [{"name": "x", "dtype": "float32", "shape": [4, 3]}]
    shown = pyflame("graph", "g.json", "--nodes").stdout
    assert "matmul" in shown and "return %" in shown
    assert json_of("graph", "g.pfg") == found
    optimized = json_of("graph", "g.json", "--optimize")
    assert optimized["num_nodes"] < found["num_nodes"]


def test_graph_refuses_what_is_no_graph(pyflame, files):
    (files / "bad.json").write_text(json.dumps({"nodes": 3}))
    done = pyflame("graph", "bad.json")
    assert done.returncode == 1 and done.stderr.startswith("pyflame graph: error: [")
