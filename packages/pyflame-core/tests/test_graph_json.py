"""Graphs as JSON: what is written comes back, and nothing hostile gets in."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import pyflame as pf
from pyflame import optimize
from pyflame.testing.graphs import random_graph


def text_of(seed: int) -> str:
    return random_graph(seed, 12).to_json()


@pytest.mark.parametrize("seed", range(20))
def test_round_trip_keeps_everything(seed: int) -> None:
    graph = random_graph(seed, 25)
    text = graph.to_json()
    again = pf.Graph.from_json(text)
    assert again.to_json() == text
    assert again.fingerprint() == graph.fingerprint()
    assert [node.name for node in again] == [node.name for node in graph]
    assert [node.source_location for node in again] == [node.source_location for node in graph]
    for a, b in zip(again.parameters, graph.parameters, strict=True):
        np.testing.assert_array_equal(a.value, b.value)


def test_round_trip_of_fused_layouts_and_odd_numbers() -> None:
    graph = pf.Graph("odd", {"note": [1, None]})
    x = graph.create_input((4, 4), pf.bfloat16, layout=pf.MeshLayout.grid(2, 2))
    c = graph.create_constant(np.array(0x3F80, np.uint16), dtype=pf.bfloat16)
    for value in (float("inf"), float("nan"), -0.0):
        full = graph.create_op("full", [], {"value": value, "dtype": pf.bfloat16, "shape": ()})
        x = graph.create_op("add", [graph.create_op("add", [x, full]), c])
    graph.mark_output(x)
    fused = optimize.fuse_operations(graph)
    again = pf.Graph.from_json(fused.to_json(indent=1))
    assert again.fingerprint() == fused.fingerprint()
    assert again.metadata == {"note": [1, None]}
    assert again.spec(again.outputs[0]).layout == pf.MeshLayout.grid(2, 2)


def test_inputs_keep_their_order() -> None:
    graph = pf.Graph()
    b = graph.create_input((1,), pf.float32, name="b")
    a = graph.create_input((2,), pf.float32, name="a")
    graph.mark_output(graph.create_op("add", [a, b]))
    data = json.loads(graph.to_json())
    data["nodes"].sort(key=lambda node: node["name"])
    again = pf.Graph.from_json(json.dumps(data))
    assert [node.name for node in again.inputs] == ["b", "a"]


def test_other_major_version_is_refused_with_advice() -> None:
    data = json.loads(text_of(0)) | {"ir_version": [2, 0]}
    with pytest.raises(pf.SerializationError, match=r"\[ir\] pyflame-core .*reads graph IR 1, this graph is IR 2"):
        pf.Graph.from_json(json.dumps(data))


def test_later_minor_version_is_read() -> None:
    data = json.loads(text_of(0)) | {"ir_version": [1, 9], "new_field": 3}
    assert pf.Graph.from_json(json.dumps(data)).num_nodes > 0


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "[" * 5000, b"\xff\xfe"])
def test_other_text_is_refused(text: Any) -> None:
    with pytest.raises(pf.SerializationError):
        pf.Graph.from_json(text)


def test_short_data_is_refused() -> None:
    data = json.loads(text_of(0))
    next(node for node in data["nodes"] if node.get("data"))["data"] = "AAAA"
    with pytest.raises(pf.SerializationError, match="bytes"):
        pf.Graph.from_json(json.dumps(data))


def test_metadata_that_is_no_data_is_refused() -> None:
    with pytest.raises(pf.SerializationError, match="cannot be written"):
        pf.Graph(metadata={"x": object()}).to_json()


ODD: list[Any] = [
    None, True, -1, 0, 1, 7, 2**31, 2**62, 2**63, 2**200, -(2**63), 1.5, "", "add", "cast", "conv2d", [], [[0, 0]],
    [1, 1], [-1], [2**40, 2**40], {}, {"dtype": "float32"}, {"float": "nan"}, {"layout": {"type": "grid"}},
    {"graph": {}},
]  # fmt: skip
OPS = [info.name for info in pf.ir.ops()]


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def mutated(data: Any, rng: random.Random) -> Any:
    data = json.loads(json.dumps(data))
    for _ in range(rng.choice([1, 1, 2, 4])):
        *path, last = rng.choice(places(data))
        target = data
        for key in path:
            target = target[key]
        action = rng.random()
        if action < 0.15:
            del target[last]
        elif action < 0.3 and last == "op":
            target[last] = rng.choice(OPS)
        elif isinstance(target[last], int) and action < 0.7:
            target[last] += rng.choice([-2, -1, 1, 2, 100, 2**62])
        else:
            target[last] = copy.deepcopy(rng.choice(ODD))
        if not places(data):
            break
    return data


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 15), st.integers(0, 2**32))
def test_mutated_graphs_are_valid_or_refused(seed: int, mutation: int) -> None:
    data = mutated(json.loads(text_of(seed)), random.Random(mutation))
    try:
        graph = pf.Graph.from_json(json.dumps(data))
    except (pf.SerializationError, pf.GraphError):
        return
    graph.to_string()
    assert pf.Graph.from_json(graph.to_json()).fingerprint() == graph.fingerprint()


WINDOWS = {
    "conv2d": [((1, 2, 5, 5), (2, 2, 3, 3))],
    "conv2d_grad_input": [((1, 2, 3, 3), (2, 2, 3, 3))],
    "conv2d_grad_weight": [((1, 2, 3, 3), (1, 2, 5, 5))],
    "max_pool2d": [((1, 2, 5, 5),)],
    "avg_pool2d": [((1, 2, 5, 5),)],
}


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(OPS), st.data())
def test_any_attributes_give_a_type_or_an_error(name: str, data: st.DataObject) -> None:
    info = pf.ir.op(name)
    if name == "fused":
        return
    numbers = st.sampled_from([-(2**63), -(2**40), -3, -1, 0, 1, 2, 3, 5, 2**31, 2**40, 2**62, 2**63 - 1])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": numbers,
        "bool": st.booleans(),
        "float": st.floats(),
        "scalar": numbers | st.floats(),
        "dtype": st.sampled_from([pf.float32, pf.int64, pf.bool_]),
        "ints": st.lists(numbers, max_size=10).map(tuple),
        "dim": numbers | st.none(),
        "dims": st.lists(numbers, max_size=10).map(tuple),
        "any": st.none() | st.booleans() | numbers | st.floats() | st.text(max_size=4),  # host ops
        "layout": st.none() | st.just(pf.MeshLayout.grid(2, 2)),
    }
    attrs = {attr.name: data.draw(kinds[attr.kind]) for attr in info.attrs}
    shapes = st.lists(st.integers(0, 5), max_size=5).map(tuple)
    given_shapes = data.draw(st.sampled_from(WINDOWS[name])) if name in WINDOWS else None
    count = len(given_shapes) if given_shapes else len(info.inputs)
    graph = pf.Graph()
    dtypes = st.sampled_from([pf.float32, pf.int64, pf.bool_])
    inputs = [
        graph.create_input(given_shapes[k] if given_shapes else data.draw(shapes), data.draw(dtypes))
        for k in range(count)
    ]
    try:
        graph.mark_output(graph.create_op(name, inputs, attrs))
    except (RuntimeError, ValueError, TypeError, IndexError, OverflowError):
        return
    graph.validate()
    pf.Graph.from_json(graph.to_json())
