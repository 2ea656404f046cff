"""Passes: the graph they get stays, the one they make computes the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import optimize
from pyflame.graph.ir import Graph, Node
from pyflame.optimize import PassManager
from pyflame.testing.graphs import random_arguments, random_graph

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "fold_constants": optimize.fold_constants,
    "eliminate_dead_code": optimize.eliminate_dead_code,
    "eliminate_common_subexpressions": optimize.eliminate_common_subexpressions,
    "simplify_algebra": optimize.simplify_algebra,
    "fuse_operations": optimize.fuse_operations,
    "fold_batch_norm": optimize.fold_batch_norm,
    "optimize_layouts": optimize.optimize_layouts,
    "fused and expanded": lambda g: optimize.expand_fused(optimize.fuse_operations(g)),
    "level 3": lambda g: PassManager(optimize.default_passes(3), validate=True).run(g),
}
IDEMPOTENT = [name for name in PASSES if name not in ("level 3", "fused and expanded")]


def values_of(graph: Graph, arguments: list[Any]) -> list[Any]:
    tensors = [pf.tensor(array) for array in arguments]
    results = pf.execute_graph(graph, tensors)
    return [result.numpy() for result in (results if isinstance(results, tuple) else (results,))]


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("seed", range(25))
def test_results_stay(name: str, seed: int) -> None:
    graph = random_graph(seed, 25)
    before, arguments = graph.fingerprint(), random_arguments(graph, seed)
    made = PASSES[name](graph)
    made.validate()
    assert graph.fingerprint() == before
    assert [node.output_spec for node in made.inputs] == [node.output_spec for node in graph.inputs]
    for got, expected in zip(values_of(made, arguments), values_of(graph, arguments), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    if name in IDEMPOTENT:
        assert PASSES[name](made).fingerprint() == made.fingerprint()


@pytest.mark.parametrize("name", ["eliminate_dead_code", "eliminate_common_subexpressions", "simplify_algebra"])
def test_results_stay_to_the_last_bit(name: str) -> None:
    for seed in range(25, 50):
        graph = random_graph(seed, 25)
        arguments = random_arguments(graph, seed)
        for got, expected in zip(values_of(PASSES[name](graph), arguments), values_of(graph, arguments), strict=True):
            np.testing.assert_array_equal(got, expected)


class Builder:
    """Short graphs: x and y are inputs of two floats, i of two integers."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.x = self.graph.create_input((2, 3), pf.float32, name="x")
        self.y = self.graph.create_input((2, 3), pf.float32, name="y")
        self.i = self.graph.create_input((2, 3), pf.int32, name="i")

    def op(self, name: str, *inputs: Node, **attrs: Any) -> Node:
        return self.graph.create_op(name, inputs, attrs)

    def number(self, value: float, dtype: pf.DType = pf.float32) -> Node:
        return self.op("full", value=value, dtype=dtype, shape=())

    def result(self, *nodes: Node) -> Graph:
        for node in nodes:
            self.graph.mark_output(node)
        return self.graph


def ops_of(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.topological_order() if node.is_operation]


def test_dead_code_goes_and_inputs_stay() -> None:
    b = Builder()
    b.op("exp", b.op("sin", b.x))
    made = optimize.eliminate_dead_code(b.result(b.op("neg", b.y)))
    assert ops_of(made) == ["neg"] and [node.name for node in made.inputs] == ["x", "y", "i"]


def test_common_subexpressions() -> None:
    b = Builder()
    one = b.op("add", b.op("exp", b.x), b.number(1.0))
    two = b.op("add", b.op("exp", b.x), b.number(1.0))
    three = b.op("add", b.op("exp", b.x), b.number(2.0))
    made = optimize.eliminate_common_subexpressions(b.result(one, two, three))
    assert sorted(ops_of(made)) == ["add", "add", "exp", "full", "full"]
    assert made.outputs[0] == made.outputs[1] != made.outputs[2]


def test_constants_fold_and_parameters_do_not() -> None:
    b = Builder()
    c = b.graph.create_constant(np.ones((2, 3), np.float32))
    w = b.graph.create_parameter((2, 3), pf.float32, name="w", value=np.ones((2, 3), np.float32))
    made = optimize.fold_constants(b.result(b.op("mul", b.op("exp", b.op("neg", c)), b.op("exp", w))))
    assert ops_of(made) == ["exp", "mul"]
    np.testing.assert_allclose(made.constants[0].value, np.full((2, 3), np.exp(-1)), rtol=1e-6)


def test_broadcasts_and_draws_are_not_stored() -> None:
    b = Builder()
    wide = b.op("expand", b.graph.create_constant(np.float32(1.0)), shape=(1000, 1000))
    draw = b.op("uniform", seed=1, offset=0, shape=(2, 3), dtype=pf.float32)
    made = optimize.fold_constants(b.result(b.op("sum", wide, dim=(0,)), b.op("neg", draw)))
    assert "uniform" in ops_of(made) and all(node.output_spec.size_bytes() < 1e6 for node in made.constants)


@pytest.mark.parametrize(
    "build",
    [
        lambda b: b.op("add", b.x, b.number(0.0)),
        lambda b: b.op("add", b.number(0.0), b.x),
        lambda b: b.op("sub", b.x, b.number(0.0)),
        lambda b: b.op("mul", b.x, b.number(1.0)),
        lambda b: b.op("div", b.x, b.number(1.0)),
        lambda b: b.op("pow", b.x, b.number(1.0)),
        lambda b: b.op("neg", b.op("neg", b.x)),
        lambda b: b.op("positive", b.x),
        lambda b: b.op("permute", b.op("permute", b.x, dims=(1, 0)), dims=(1, 0)),
        lambda b: b.op("reshape", b.op("reshape", b.x, shape=(6,)), shape=(2, 3)),
        lambda b: b.op("expand", b.x, shape=(2, 3)),
        lambda b: b.op("cast", b.op("cast", b.x, dtype=pf.float64), dtype=pf.float32),
        lambda b: b.op("mul", b.op("add", b.x, b.graph.create_constant(np.float32(0))), b.number(1.0)),
    ],
)
def test_algebra_that_gives_x(build: Callable[[Builder], Node]) -> None:
    b = Builder()
    made = optimize.simplify_algebra(b.result(build(b)))
    assert made.num_ops == 0 and made.outputs[0].node_id == made.inputs[0].id


@pytest.mark.parametrize(
    ("build", "ops"),
    [
        (lambda b: b.op("pow", b.x, b.number(2.0)), ["square"]),
        (lambda b: b.op("abs", b.op("neg", b.x)), ["abs"]),
        (lambda b: b.op("relu", b.op("relu", b.x)), ["relu"]),
        (lambda b: b.op("mul", b.i, b.number(0, pf.int32)), ["full"]),
        (lambda b: b.op("sub", b.i, b.i), ["full"]),
        (lambda b: b.op("reshape", b.op("reshape", b.x, shape=(6,)), shape=(3, 2)), ["reshape"]),
        (lambda b: b.op("abs", b.op("neg", b.op("abs", b.x))), ["abs"]),
    ],
)
def test_algebra_that_gives_less(build: Callable[[Builder], Node], ops: list[str]) -> None:
    b = Builder()
    assert ops_of(optimize.simplify_algebra(b.result(build(b)))) == ops


@pytest.mark.parametrize(
    "build",
    [
        lambda b: b.op("mul", b.x, b.number(0.0)),  # NaN
        lambda b: b.op("sub", b.x, b.x),
        lambda b: b.op("add", b.i, b.number(0.0)),  # another dtype
        lambda b: b.op("add", b.number(0.0), b.op("full", value=1.0, dtype=pf.float32, shape=(2, 3))),
        lambda b: b.op("cast", b.op("cast", b.x, dtype=pf.float16), dtype=pf.float32),  # rounds
        lambda b: b.op("abs", b.op("neg", b.op("cast", b.i, dtype=pf.uint8))),  # wraps around
        lambda b: b.op("cast", b.op("cast", b.i, dtype=pf.float32), dtype=pf.int32),  # large integers round
        lambda b: b.op("permute", b.x, dims=(1, 0)),
    ],
)
def test_algebra_that_must_stay(build: Callable[[Builder], Node]) -> None:
    b = Builder()
    graph = b.result(build(b))
    made = optimize.simplify_algebra(graph)
    floats = np.array([[np.nan, np.inf, 1], [2, 3, 4]], np.float32)
    arguments = [floats, floats, np.arange(6, dtype=np.int32).reshape(2, 3)]
    np.testing.assert_array_equal(values_of(made, arguments)[0], values_of(graph, arguments)[0])
    assert made.spec(made.outputs[0]) == graph.spec(graph.outputs[0])


def kinds_of(function: Callable[..., Any], *shapes: tuple[int, ...]) -> list[str]:
    specs = tuple(pf.TensorSpec(shape, pf.float32) for shape in shapes)
    made = optimize.fuse_operations(pf.trace(function, specs).graph)
    made.validate()
    return [node.attrs["kind"] if node.op_type == "fused" else node.op_type for node in made if node.is_operation]


def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
    centred = x - x.mean(-1, keepdim=True)
    return centred * pf.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5) * weight + bias


def softmax(x: Any) -> Any:
    powers = (x - x.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


@pytest.mark.parametrize(
    ("function", "shapes", "kinds"),
    [
        (lambda x: pf.relu(x + 1.0), [(3,)], ["add_relu"]),
        (lambda x: pf.sigmoid(x) * x, [(3,)], ["sigmoid_mul"]),
        (lambda x, y, z: x * y + z, [(3,)] * 3, ["fma"]),
        (lambda x: (x.exp() + 1.0).sin().tanh(), [(3,)], ["elementwise"]),
        (lambda x, w, b: pf.relu(pf.matmul(x, w) + b), [(2, 3), (3, 4), (4,)], ["matmul_add_relu"]),
        (lambda x, w: pf.relu(pf.matmul(x, w)), [(2, 3), (3, 4)], ["matmul_relu"]),
        (lambda x, w, b: pf.gelu(pf.matmul(x, w) + b), [(2, 3), (3, 4), (4,)], ["matmul_add_gelu"]),
        (lambda x: pf.gelu(x, approximate="tanh"), [(3,)], ["gelu"]),
        (layer_norm, [(2, 3), (3,), (3,)], ["layer_norm"]),
        (softmax, [(2, 3)], ["softmax"]),
        (lambda x, w: pf.matmul(pf.matmul(x, w).relu(), w), [(3, 3), (3, 3)], ["matmul_relu", "matmul"]),
        (lambda x: x.exp(), [(3,)], ["exp"]),
    ],
)
def test_fusion_patterns(function: Callable[..., Any], shapes: list[tuple[int, ...]], kinds: list[str]) -> None:
    assert kinds_of(function, *shapes) == kinds


def test_fusion_keeps_values_that_are_needed_elsewhere() -> None:
    b = Builder()
    middle = b.op("exp", b.x)
    graph = b.result(b.op("sin", b.op("neg", middle)), middle, b.op("sum", middle, dim=(0,)))
    made = optimize.fuse_operations(graph)
    assert sorted(ops_of(made)) == ["exp", "fused", "sum"]


def test_fusion_makes_no_circles() -> None:
    b = Builder()
    start = b.op("exp", b.x)
    around = b.op("softmax", start, dim=1)
    graph = b.result(b.op("add", b.op("neg", start), around))
    made = optimize.fuse_operations(graph)
    made.validate()
    assert sorted(ops_of(made)) == ["exp", "fused", "softmax"]


def test_fused_graphs_are_differentiable() -> None:
    traced = pf.trace(lambda x, w: pf.relu(pf.matmul(x, w) + 1.0), (pf.ones(2, 3), pf.ones(3, 4)))
    made = optimize.fuse_operations(traced.graph)
    x = pf.randn(2, 3, requires_grad=True)
    w = pf.randn(3, 4, requires_grad=True)
    pf.execute_graph(made, (x, w)).sum().backward()
    got = (x.grad.numpy(), w.grad.numpy())
    x.grad = w.grad = None
    traced(x, w).sum().backward()
    np.testing.assert_array_equal(got[0], x.grad.numpy())
    np.testing.assert_array_equal(got[1], w.grad.numpy())


def test_precision_keeps_the_types_outside() -> None:
    b = Builder()
    w = b.graph.create_parameter((3, 4), pf.float32, name="w", value=np.ones((3, 4), np.float32))
    graph = b.result(b.op("softmax", b.op("matmul", b.x, w), dim=1), b.op("add", b.i, b.number(1, pf.int32)))
    made = optimize.convert_precision(graph, pf.bfloat16, keep=["softmax"])
    made.validate()
    types = {node.op_type: node.output_dtype for node in made if node.op_type in ("matmul", "softmax", "add")}
    assert types == {"matmul": pf.bfloat16, "softmax": pf.float32, "add": pf.int32}
    assert [made.spec(value) for value in made.outputs] == [graph.spec(value) for value in graph.outputs]
    assert made.parameters[0].output_dtype is pf.float32
    arguments = [np.ones((2, 3), np.float32)] * 2 + [np.ones((2, 3), np.int32)]
    np.testing.assert_allclose(values_of(made, arguments)[0], values_of(graph, arguments)[0], rtol=1e-2)
    with pytest.raises(TypeError, match="no floating-point"):
        optimize.convert_precision(graph, pf.int32)


@pytest.mark.parametrize("seed", range(15))
def test_precision_of_random_graphs(seed: int) -> None:
    graph = random_graph(seed, 20)
    made = optimize.convert_precision(graph, pf.float64)
    made.validate()
    assert [made.spec(value) for value in made.outputs] == [graph.spec(value) for value in graph.outputs]
    same = optimize.convert_precision(made, pf.float64)
    assert same.num_ops <= made.num_ops


def conv_and_norm(bias: bool) -> Callable[..., Any]:
    def function(x: Any, w: Any, b: Any, mean: Any, var: Any, gamma: Any, beta: Any) -> Any:
        def channels(t: Any) -> Any:
            return t.reshape(1, 3, 1, 1)

        y = _conv(x, w)
        if bias:
            y = y + channels(b)
        return pf.relu((y - channels(mean)) * channels(pf.rsqrt(var + 1e-5)) * channels(gamma) + channels(beta))

    return function


def _conv(x: Any, w: Any) -> Any:
    from pyflame import _core

    return _core.ops.conv2d(x, w, (1, 1), (1, 1), (1, 1), 1)


@pytest.mark.parametrize("bias", [False, True])
def test_batch_norm_folds_into_the_convolution(bias: bool) -> None:
    rng = np.random.default_rng(0)
    graph = Graph()
    x = graph.create_input((2, 2, 5, 5), pf.float32, name="x")
    arrays = [rng.normal(size=(3, 2, 3, 3)), *rng.uniform(0.5, 2, (5, 3))]
    weights = [
        graph.create_parameter(a.shape, pf.float32, name=f"p{k}", value=a.astype(np.float32))
        for k, a in enumerate(arrays)
    ]
    traced = pf.trace(conv_and_norm(bias), tuple(node.output_spec for node in (x, *weights))).graph
    values = {place[0]: node[0] for place, node in zip(traced.inputs, (x, *weights))}
    for node in traced:
        if node.is_operation:
            made = graph._add_operation(node.op_type, tuple(values[v] for v in node.inputs), node.attrs, node.outputs)
            values[node[0]] = made[0]
    graph.mark_output(values[traced.outputs[0]])
    folded = optimize.fold_batch_norm(graph)
    folded.validate()
    big = [node for node in folded if node.is_operation and node.output_shape == (2, 3, 5, 5)]
    assert [node.op_type for node in big] == ["conv2d", "add", "relu"]
    arguments = [rng.normal(size=(2, 2, 5, 5)).astype(np.float32)]
    np.testing.assert_allclose(values_of(folded, arguments)[0], values_of(graph, arguments)[0], rtol=1e-4, atol=1e-5)


def test_batch_norm_of_inputs_stays() -> None:
    specs = tuple(pf.TensorSpec(s, pf.float32) for s in [(2, 2, 5, 5), (3, 2, 3, 3), (3,), (3,), (3,), (3,), (3,)])
    graph = pf.trace(conv_and_norm(False), specs).graph
    assert optimize.fold_batch_norm(graph).fingerprint() == graph.fingerprint()


def test_layouts_are_planned_and_followed() -> None:
    b = Builder()
    big = b.graph.create_input((256, 256), pf.float32)
    made = optimize.optimize_layouts(b.result(b.op("exp", b.op("matmul", big, big))))
    layout = made.spec(made.outputs[0]).layout
    assert layout is not None and layout.total_pes > 1
    assert [node.output_layout for node in made.inputs] == [None] * 4
    made.validate()


def test_memory_plan_shares_memory() -> None:
    b = Builder()
    x = b.x
    for _ in range(5):
        x = b.op("exp", x)
    plan = optimize.memory_plan(b.result(b.op("reshape", x, shape=(6,))))
    assert len(plan.buffers) == 5 and plan.peak_bytes == 48 and plan.arena_bytes == 64 + 24
    assert plan.buffers[-1].last == b.graph.num_nodes


@pytest.mark.parametrize("seed", range(20))
def test_memory_plan_overlaps_nothing_that_lives(seed: int) -> None:
    graph = random_graph(seed, 40)
    plan = optimize.memory_plan(graph)
    for k, a in enumerate(plan.buffers):
        for b in plan.buffers[:k]:
            apart = a.offset + a.size_bytes <= b.offset or b.offset + b.size_bytes <= a.offset
            assert apart or a.last < b.first or b.last < a.first or not (a.size_bytes and b.size_bytes)
    assert plan.arena_bytes >= plan.peak_bytes >= max((b.size_bytes for b in plan.buffers), default=0)


def test_manager_reports() -> None:
    b = Builder()
    graph = b.result(b.op("add", b.op("neg", b.op("neg", b.x)), b.number(0.0)))
    manager = PassManager(optimize.default_passes(2), validate=True)
    assert manager.run(graph).num_ops == 0
    assert [item.name for item in manager.report] == [item.name for item in optimize.default_passes(2)]
    assert manager.report[0].nodes_before == graph.num_nodes and manager.report[-1].nodes_after == 3
    assert all(item.seconds >= 0 for item in manager.report)


def test_passes_of_the_users_own() -> None:
    class Nothing(optimize.Pass):
        def run(self, g: Graph) -> Graph:
            return g

    optimize.register_pass("test nothing", Nothing())
    graph = random_graph(0)
    assert PassManager(["test nothing"]).run(graph) is graph
    with pytest.raises(ValueError, match="taken"):
        optimize.register_pass("test nothing", Nothing())
    with pytest.raises(ValueError, match="no pass named"):
        PassManager(["unheard of"])
    with pytest.raises(ValueError, match="no level 7"):
        optimize.default_passes(7)
    with pytest.raises(NotImplementedError):
        optimize.Pass().run(graph)


def test_optimizers_are_elsewhere() -> None:
    with pytest.raises(AttributeError, match=r"pyflame\.optim"):
        optimize.Adam  # noqa: B018
