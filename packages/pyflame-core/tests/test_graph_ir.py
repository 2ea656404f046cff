"""The IR itself: building, asking, editing, checking, showing."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.graph import IR_VERSION, SourceLocation
from pyflame.graph.ir import Graph, Node, NodeType, TensorSpec, Value
from pyflame.testing.graphs import random_graph


def small() -> tuple[Graph, Node, Node, Node]:
    graph = Graph("small")
    x = graph.create_input((2, 3), pf.float32, name="x")
    w = graph.create_parameter((3, 4), pf.float32, name="w", value=np.ones((3, 4), np.float32))
    y = graph.create_op("matmul", [x, w], name="y")
    graph.mark_output(graph.create_op("relu", [y]))
    return graph, x, w, y


def test_counts_and_memory_are_properties() -> None:
    graph, *_ = small()
    assert (graph.num_nodes, graph.num_ops, len(graph)) == (4, 2, 4)
    assert graph.estimated_memory_bytes == 4 * (6 + 12 + 8 + 8)
    assert IR_VERSION == (1, 0)


def test_kinds_of_nodes() -> None:
    graph, x, w, y = small()
    c = graph.create_constant(np.float32(2.0))
    assert (x.type, w.type, y.type, c.type) == (
        NodeType.INPUT,
        NodeType.PARAMETER,
        NodeType.OPERATION,
        NodeType.CONSTANT,
    )
    assert x.is_input and w.is_parameter and y.is_operation and c.is_constant
    assert not (y.is_input or y.is_parameter or y.is_constant)
    assert graph.inputs == (x,) and graph.parameters == (w,) and graph.constants == (c,)
    assert (x.op_type, y.op_type) == ("input", "matmul")


def test_types_follow_from_the_operands() -> None:
    graph, x, _, y = small()
    assert y.output_spec == TensorSpec((2, 4), pf.float32)
    assert (y.output_shape, y.output_dtype, y.output_layout, y.num_outputs) == ((2, 4), pf.float32, None, 1)
    assert graph.create_op("argmax", [x], {"dim": 1, "keepdim": False}).output_spec == TensorSpec((2,), pf.int64)


def test_promotion_becomes_casts() -> None:
    graph = Graph()
    a = graph.create_input((2,), pf.int32)
    b = graph.create_input((2,), pf.float32)
    node = graph.create_op("add", [a, b])
    assert [graph.node(value.node_id).op_type for value in node.inputs] == ["cast", "input"]
    graph.validate()


def test_users_and_order() -> None:
    graph, x, _, y = small()
    assert x.users == (y,) and y.users[0].op_type == "relu"
    twice = graph.create_op("add", [y, y])
    assert [user.op_type for user in y.users] == ["relu", "add"] and twice.users == ()
    order = [node.id for node in graph]
    assert order == sorted(order)


def test_several_outputs() -> None:
    graph = Graph()
    x = graph.create_input((1, 1, 4, 4), pf.float32)
    two = (2, 2)
    attrs = {"kernel": two, "stride": two, "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False}
    pool = graph.create_op("max_pool2d", [x], attrs)
    assert pool.num_outputs == 2 and pool.outputs[1].dtype is pf.int64
    flat = graph.create_op("reshape", [pool[1]], {"shape": (4,)})
    assert flat.inputs == (Value(pool.id, 1),) and flat.output_dtype is pf.int64
    with pytest.raises(IndexError, match="no output 2"):
        pool[2]
    graph.mark_output(flat)
    graph.validate()
    assert f"reshape(%{pool.id}.1" in graph.to_string()


def test_nodes_never_change() -> None:
    _, x, *_ = small()
    with pytest.raises(FrozenInstanceError):
        x.name = "other"


def test_constants_are_read_only_arrays_of_the_right_type() -> None:
    graph = Graph()
    node = graph.create_constant(np.array([1, 2], np.uint16), dtype=pf.bfloat16)
    assert node.output_dtype is pf.bfloat16 and node.value is not None and not node.value.flags.writeable
    with pytest.raises(TypeError, match="complex128"):
        graph.create_constant(np.ones(2, np.complex128))
    with pytest.raises(TypeError, match="held as uint16"):
        graph.create_constant(np.ones(2, np.float32), dtype=pf.bfloat16)


def test_parameter_value_must_fit() -> None:
    with pytest.raises(pf.GraphError, match="shape"):
        Graph().create_parameter((2,), pf.float32, name="w", value=np.ones(3, np.float32))


def test_names_are_unique() -> None:
    graph, *_ = small()
    with pytest.raises(pf.GraphError, match="taken"):
        graph.create_input((1,), pf.float32, name="x")
    names = [graph.create_constant(1.0).name for _ in range(3)]
    assert len(set(names)) == 3


def test_wrong_operations_are_refused() -> None:
    graph, x, w, _ = small()
    with pytest.raises(pf.GraphError, match="no operation"):
        graph.create_op("frobnicate", [x])
    with pytest.raises(RuntimeError, match=r"\[matmul\]"):
        graph.create_op("matmul", [w, x])
    with pytest.raises(pf.GraphError, match="another graph"):
        graph.create_op("relu", [small()[1]])


def test_aliases_become_canonical() -> None:
    graph, x, *_ = small()
    assert graph.create_op("concat", [x, x], {"dim": 0}).op_type == "cat"
    assert pf.ir.op("maxpool2d").name == "max_pool2d" and "concat" in pf.ir.op("cat").aliases


def test_registry_describes_every_operation() -> None:
    for info in pf.ir.ops():
        assert pf.ir.op(info.name) == info
        assert info.schema.startswith(info.name + "(") and info.category and info.gradient
    assert "output" not in {info.name for info in pf.ir.ops()}


def test_replace_node() -> None:
    graph, x, w, y = small()
    scaled = graph.create_op("mul", [y, graph.create_constant(np.float32(2.0))])
    graph.replace_node(y, scaled)
    relu = graph.node(graph.outputs[0].node_id)
    assert relu.inputs == (scaled[0],) and graph.node(scaled.id).inputs[0] == y[0]
    graph.validate()
    other = graph.create_op("matmul", [x, w])
    graph.replace_node(graph.node(y.id), other)
    with pytest.raises(pf.GraphError, match="no node"):
        graph.node(y.id)
    graph.validate()
    with pytest.raises(pf.GraphError, match="types differ"):
        graph.replace_node(relu, x)


def test_replacing_an_output() -> None:
    graph, *_ = small()
    end = graph.node(graph.outputs[0].node_id)
    other = graph.create_op("exp", [end.inputs[0]])
    graph.replace_node(end, other)
    assert graph.outputs == (other[0],)
    graph.validate()


def test_clone_is_apart() -> None:
    graph, x, *_ = small()
    other = graph.clone()
    assert other.fingerprint() == graph.fingerprint()
    other.create_op("exp", [other.node(x.id)])
    assert other.num_nodes == graph.num_nodes + 1 and x.users[0].graph is graph
    assert other.node(x.id).graph is other


def test_subgraph_holds_what_is_needed() -> None:
    graph, x, _, y = small()
    part = graph.subgraph([y])
    assert part.num_ops == 1 and part.outputs == (Value(y.id),)
    part.validate()
    assert graph.subgraph([x]).num_nodes == 1


def test_fingerprint_tells_structure_apart() -> None:
    def graph(op: str = "exp", number: float = 1.0, attr: Any = 0.0, shape: tuple[int, ...] = (2,)) -> str:
        g = Graph()
        x = g.create_input(shape, pf.float32, name="x")
        full = g.create_op("full", [], {"value": attr, "dtype": pf.float32, "shape": ()})
        c = g.create_constant(np.float32(number))
        g.mark_output(g.create_op("add", [g.create_op("add", [g.create_op(op, [x]), full]), c]))
        return g.fingerprint()

    same = graph()
    assert same == graph()
    others = [graph("sin"), graph(number=2.0), graph(attr=-0.0), graph(attr=1.0), graph(shape=(3,))]
    assert len({same, *others}) == 6


@pytest.mark.parametrize("seed", range(10))
def test_random_graphs_are_valid(seed: int) -> None:
    graph = random_graph(seed, 30)
    graph.validate()
    graph.clone().validate()
    assert len(graph.to_string().splitlines()) > 10


def broken(graph: Graph, node: Node, **changes: Any) -> Graph:
    graph._nodes[node.id] = replace(node, **changes)
    return graph


def test_validate_finds_what_is_wrong() -> None:
    graph, x, w, y = small()
    changes: list[tuple[Node, dict[str, Any], str]] = [
        (y, {"outputs": (TensorSpec((2, 5), pf.float32),)}, "by its operands"),
        (y, {"outputs": (TensorSpec((2, 4), pf.float64),)}, "by its operands"),
        (y, {"op_type": "nothing"}, "no operation"),
        (y, {"op_type": "concat"}, "canonical"),
        (y, {"inputs": (x[0],)}, "1 operands"),
        (y, {"attrs": {"dim": 1}}, "unknown"),
        (y, {"inputs": (x[0], Value(99))}, "no node 99"),
        (y, {"inputs": (x[0], Value(w.id, 1))}, "no output 1"),
        (y, {"inputs": (x[0], Value(3))}, "depends on its own result"),
        (y, {"name": "x"}, "two nodes are named x"),
        (x, {"value": np.ones((2, 3), np.float32)}, "an input has none"),
        (w, {"value": np.ones((3, 4), np.float64)}, "its type needs"),
        (w, {"inputs": (x[0],)}, "no inputs"),
    ]
    for node, change, message in changes:
        with pytest.raises(pf.GraphError, match=message):
            broken(graph.clone(), node, **change).validate()
    graph.validate()


def test_attributes_are_checked() -> None:
    graph, x, *_ = small()
    node = graph.create_op("sum", [x], {"dim": (1,), "keepdim": True})
    attrs = dict(node.attrs)
    changes: list[dict[str, Any]] = [{"dim": 1.5}, {"dim": ("a",)}, {"keepdim": 3}]
    for change in changes:
        with pytest.raises(pf.GraphError, match="is no"):
            broken(graph.clone(), node, attrs=attrs | change).validate()
    half = graph.create_op("cast", [x], {"dtype": pf.float16})
    with pytest.raises(pf.GraphError, match="is no"):
        broken(graph.clone(), half, attrs={"dtype": "float32"}).validate()
    with pytest.raises(pf.GraphError, match="unknown"):
        broken(graph.clone(), node, attrs=attrs | {"dtype": pf.float32}).validate()
    del attrs["dim"]
    with pytest.raises(pf.GraphError, match="missing"):
        broken(graph, node, attrs=attrs).validate()


def test_text_is_aligned_and_complete() -> None:
    graph, x, *_ = small()
    graph.mark_output(graph.create_op("sum", [x], {"dim": (0,)}, location=SourceLocation("/home/me/train.py", 12)))
    lines = graph.to_string().splitlines()
    assert lines[0] == "small: 5 nodes, 3 operations"
    assert [line.split(":")[0].rstrip() for line in lines[1:3]] == ['  %0 = input "x"', '  %1 = parameter "w"']
    assert "%4 = sum(%0, dim=(0,), keepdim=False) : float32 (3,)    train.py:12" in graph.to_string()
    assert len({line.index(" : ") for line in lines[1:-1]}) == 1
    assert graph.to_string(locations=False).splitlines()[-1] == "  return %3, %4"


def test_long_graphs_need_no_recursion() -> None:
    graph = Graph()
    node = graph.create_input((1,), pf.float32)
    for _ in range(3000):
        node = graph._add_operation("exp", (node[0],), {}, node.outputs)
    graph.mark_output(node)
    assert len(graph.topological_order()) == 3001
    assert graph.subgraph([node]).num_ops == 3000
