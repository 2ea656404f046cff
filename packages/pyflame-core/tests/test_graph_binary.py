"""Graphs in files: JSON and the binary form, with their weights inside or beside."""

import json
import struct
import zlib

import numpy as np
import pytest

import pyflame as pf
from pyflame import optimize
from pyflame.testing.graphs import random_graph


@pytest.fixture
def model():
    graph = pf.Graph("model")
    x = graph.create_input((2, 3), pf.float32, name="x")
    w = graph.create_parameter((3, 4), pf.float32, name="w", value=np.arange(12, dtype=np.float32).reshape(3, 4))
    graph.mark_output(graph.create_op("matmul", [x, w]))
    return graph


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_round_trip_keeps_everything(seed, compress):
    graph = random_graph(seed, 25)
    again = pf.Graph.from_bytes(graph.to_bytes(compress=compress))
    assert again.to_json() == graph.to_json() and again.fingerprint() == graph.fingerprint()


def test_bodies_of_fused_nodes_have_values_too():
    graph = pf.Graph("odd", {"note": [1, None]})
    x = graph.create_input((4, 4), pf.bfloat16, layout=pf.MeshLayout.grid(2, 2))
    c = graph.create_constant(np.array(0x3F80, np.uint16), dtype=pf.bfloat16)
    for _ in range(3):
        x = graph.create_op("add", [graph.create_op("relu", [x]), c])
    graph.mark_output(x)
    fused = optimize.fuse_operations(graph)
    assert pf.Graph.from_bytes(fused.to_bytes()).to_json() == fused.to_json()


@pytest.mark.parametrize("name", ["g.json", "g.graph"])
@pytest.mark.parametrize("mmap", [False, True])
def test_files(tmp_path, model, name, mmap):
    model.save(tmp_path / name)
    again = pf.Graph.load(tmp_path / name, mmap=mmap)
    assert again.to_json() == model.to_json() and not again.parameters[0].value.flags.writeable
    if name == "g.graph":
        assert pf.detect_format(tmp_path / name) == "graph"
        info = pf.inspect_file(tmp_path / name)
        assert info.tensors["w"].shape == (3, 4) and info.metadata == {"name": "model", "nodes": 3}
        with pytest.raises(ValueError, match="Graph.load"):
            pf.load(tmp_path / name)


def test_weights_beside_the_graph(tmp_path, model):
    model.save(tmp_path / "g.graph", weights="external")
    assert pf.load(tmp_path / "g.safetensors")["w"].shape == (3, 4)
    assert pf.Graph.load(tmp_path / "g.graph").to_json() == model.to_json()
    pf.save({"w": pf.ones(3, 4)}, tmp_path / "g.safetensors")
    assert pf.Graph.load(tmp_path / "g.graph").parameters[0].value.sum() == 12
    pf.save({"w": pf.zeros(3, 4)}, tmp_path / "other.pf")
    assert not pf.Graph.load(tmp_path / "g.graph", weights=tmp_path / "other.pf").parameters[0].value.any()
    with pytest.raises(pf.SerializationError, match=r"parameter w is float32 \(3, 4\), its weight float32 \(4, 3\)"):
        pf.Graph.load(tmp_path / "g.graph", weights={"w": pf.ones(4, 3)})
    (tmp_path / "g.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="g.safetensors"):
        pf.Graph.load(tmp_path / "g.graph")


def test_bytes_without_weights(model):
    data = model.to_bytes(weights="external")
    assert pf.Graph.from_bytes(data).parameters[0].value is None
    bound = pf.Graph.from_bytes(data, weights={"w": np.ones((3, 4), np.float32)})
    assert pf.execute_graph(bound, pf.ones(2, 3)).tolist() == [[3.0] * 4] * 2


def reseal(data, **changes):
    """The binary form with other metadata and right checksums."""
    (place,) = struct.unpack_from("<Q", data, 24)
    text = json.dumps({**json.loads(data[place + 16 :]), **changes}).encode()
    return data[:place] + struct.pack("<QI4x", len(text), zlib.crc32(text)) + text


@pytest.mark.parametrize("name", ["../w.safetensors", "/etc/passwd", "..", "", "a\\b", 3, "c:x"])
def test_weights_are_never_looked_for_elsewhere(tmp_path, model, name):
    (tmp_path / "g.graph").write_bytes(reseal(model.to_bytes(weights="external"), weights_file=name))
    with pytest.raises(pf.SerializationError, match="without folders"):
        pf.Graph.load(tmp_path / "g.graph")


def test_hostile_and_other_data_is_refused(model):
    data = model.to_bytes()
    graph = json.loads(model.to_json())
    graph["nodes"][1]["data"] = {"tensor": 0}
    assert pf.Graph.from_bytes(reseal(data, graph=graph)).fingerprint() == model.fingerprint()
    for number in (1, -1, True, None, "0"):
        graph["nodes"][1]["data"] = {"tensor": number}
        with pytest.raises(pf.SerializationError):
            pf.Graph.from_bytes(reseal(data, graph=graph))
    for changes in ({"kind": "object"}, {"graph": None}, {"graph": {"format": "pyflame-graph", "ir_version": [2, 0]}}):
        with pytest.raises(pf.SerializationError):
            pf.Graph.from_bytes(reseal(data, **changes))
    for other in (b"", b"PFGRAPH\0", model.to_json().encode(), data[:-1], data + b"\0"):
        with pytest.raises(pf.SerializationError):
            pf.Graph.from_bytes(other)


def test_options(tmp_path, model):
    with pytest.raises(ValueError, match="'embedded' or 'external'"):
        model.to_bytes(weights="none")
    with pytest.raises(ValueError, match="JSON files hold their weights"):
        model.save(tmp_path / "g.json", weights="external")
    with pytest.raises(pf.SerializationError, match="cannot be written"):
        pf.Graph(metadata={"x": object()}).to_bytes()
