"""Tracing, snapshots of pending graphs, and running graphs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core


class Linear:
    """A module as tracing knows it: something with named parameters and buffers."""

    def __init__(self) -> None:
        self.weight = pf.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)
        self.bias = pf.tensor([0.5, -0.5], requires_grad=True)
        self.unused = pf.zeros(3)
        self.count = pf.zeros(())
        self.training = True

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        yield from (("weight", self.weight), ("bias", self.bias), ("tied", self.weight), ("unused", self.unused))

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        yield "count", self.count

    def forward(self, x: Any) -> Any:
        if self.training:
            _core.assign(self.count, self.count + 1.0)
        return pf.relu(pf.matmul(x, self.weight) + self.bias)

    __call__ = forward


def test_function() -> None:
    traced = pf.trace(lambda x, y: x * y + 1.0, (pf.ones(2), pf.ones(2)))
    assert [node.name for node in traced.graph.inputs] == ["x", "y"]
    assert [node.op_type for node in traced.graph if node.is_operation] == ["mul", "full", "add"]
    assert traced(pf.tensor([2.0, 3.0]), pf.tensor([4.0, 5.0])).tolist() == [9.0, 16.0]
    assert traced.input_specs == (pf.TensorSpec((2,), pf.float32),) * 2
    traced.graph.validate()


def test_single_argument_and_specs() -> None:
    assert pf.trace(pf.exp, pf.ones(3)).graph.num_ops == 1
    traced = pf.trace(lambda x: x.exp(), pf.TensorSpec((3,), pf.float64))
    assert traced(pf.zeros(3, dtype=pf.float64)).tolist() == [1.0, 1.0, 1.0]


class Pair(NamedTuple):
    first: Any
    second: Any


def test_structures_of_arguments_and_results() -> None:
    def function(a: Any, pair: tuple[Any, int], *, scale: Any = None, flag: bool = False) -> Any:
        return {"sum": a + pair[0], "rest": [pair[1], (a * scale, None)], "pair": Pair(a, 3)}

    a, b, c = pf.ones(2), pf.ones(2) * 2, pf.ones(2) * 3
    traced = pf.trace(function, (a, (b, 7)), {"scale": c, "flag": True})
    assert [node.name for node in traced.graph.inputs] == ["a", "pair_0", "scale"]
    result = traced(a, (b, 7), scale=c, flag=True)
    assert result["sum"].tolist() == [3.0, 3.0] and result["rest"][0] == 7
    assert result["rest"][1][0].tolist() == [3.0, 3.0] and result["rest"][1][1] is None
    assert isinstance(result["pair"], Pair) and result["pair"].second == 3
    with pytest.raises(TypeError, match="another structure"):
        traced(a, (b, 8), scale=c, flag=True)
    with pytest.raises(TypeError, match="another structure"):
        traced(a, [b, 7], scale=c, flag=True)


def test_names_of_inputs() -> None:
    assert [n.name for n in pf.trace(pf.add, (pf.ones(1), pf.ones(1)), example_names=["p", "q"]).graph.inputs] == [
        "p",
        "q",
    ]
    with pytest.raises(pf.TraceError, match="1 names"):
        pf.trace(pf.add, (pf.ones(1), pf.ones(1)), example_names=["p"])


def test_module() -> None:
    module = Linear()
    module.training = False
    traced = pf.trace(module, pf.ones(3, 2))
    assert [node.name for node in traced.graph.parameters] == ["weight", "bias"]
    assert list(traced.parameters) == ["weight", "bias", "unused"] and list(traced.buffers) == ["count"]
    x = pf.tensor([[1.0, 1.0], [0.0, 2.0], [-1.0, 0.0]])
    np.testing.assert_array_equal(traced(x).detach().numpy(), module(x).detach().numpy())
    bound = traced.graph.parameters[0].value
    np.testing.assert_array_equal(bound, [[1, -2], [3, 4]])


def test_module_is_left_as_it_was() -> None:
    module = Linear()
    before = [(t, t.is_leaf, t.requires_grad) for _, t in module.named_parameters()]
    (module(pf.ones(1, 2)).sum()).backward()
    gradient = module.weight.grad
    pf.trace(module, pf.ones(1, 2))
    for tensor, leaf, needs in before:
        assert (tensor.is_leaf, tensor.requires_grad) == (leaf, needs)
    assert module.weight.grad is gradient and module.count.item() == 1.0
    module.bias.grad = None
    (module(pf.ones(1, 2)).sum()).backward()
    assert module.bias.grad is not None


def test_module_is_left_as_it_was_when_tracing_fails() -> None:
    module = Linear()

    def failing(x: Any) -> Any:
        module(x)
        raise KeyError("stop")

    failing.named_parameters = module.named_parameters
    with pytest.raises(KeyError):
        pf.trace(failing, pf.ones(1, 2))
    assert module.weight.tolist() == [[1.0, -2.0], [3.0, 4.0]] and module.weight.is_leaf


def test_calls_read_parameters_anew() -> None:
    module = Linear()
    traced = pf.trace(module, pf.ones(1, 2))
    with pf.no_grad():
        module.weight.copy_(pf.zeros(2, 2))
    assert traced(pf.ones(1, 2)).tolist() == [[0.5, 0.0]]


def test_calls_update_buffers() -> None:
    module = Linear()
    traced = pf.trace(module, pf.ones(1, 2))
    assert traced.graph.metadata["updates"] == {"count": 1} and module.count.item() == 0.0
    traced(pf.ones(1, 2))
    traced(pf.ones(1, 2))
    assert module.count.item() == 2.0


def test_calls_update_arguments_changed_in_place() -> None:
    def function(x: Any) -> Any:
        x += 1.0
        return x * 2.0

    traced = pf.trace(function, pf.zeros(2))
    x = pf.zeros(2)
    assert traced(x).tolist() == [2.0, 2.0] and x.tolist() == [1.0, 1.0]


def test_gradients_flow_through_calls() -> None:
    module = Linear()
    traced = pf.trace(module, pf.ones(1, 2))
    x = pf.tensor([[1.0, 2.0]], requires_grad=True)
    traced(x).sum().backward()
    got = (x.grad.tolist(), module.weight.grad.tolist())
    x.grad = module.weight.grad = None
    module(x).sum().backward()
    assert got == (x.grad.tolist(), module.weight.grad.tolist())


def test_gradients_can_be_traced() -> None:
    def gradient(x: Any) -> Any:
        return pf.autograd.grad((x * x * x).sum(), x)[0]

    traced = pf.trace(gradient, pf.tensor([1.0, 2.0], requires_grad=True))
    assert traced(pf.tensor([3.0, 4.0], requires_grad=True)).tolist() == [27.0, 48.0]


def test_detached_parts_stay_detached() -> None:
    traced = pf.trace(lambda x: x * x.detach(), pf.ones(1))
    x = pf.tensor([3.0], requires_grad=True)
    traced(x).sum().backward()
    assert x.grad.tolist() == [3.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x * float(x.sum()),
        lambda x: x.numpy(),
        lambda x: [x for _ in range(int(x.sum()))],
    ],
)
def test_needing_a_value_is_an_error(function: Callable[[Any], Any]) -> None:
    with pytest.raises(pf.TraceError, match="not known"):
        pf.trace(function, pf.ones(2))


def test_tracing_works_in_eager_mode() -> None:
    with pf.eager():
        traced = pf.trace(lambda x: (x + 1.0).exp(), pf.ones(2))
    assert traced.graph.num_ops == 3


def test_long_functions_are_not_evaluated_on_the_way() -> None:
    def function(x: Any) -> Any:
        for _ in range(300):
            x = x + 1.0
        return x

    limit = _core.graph_limit()
    _core.set_graph_limit(50)
    try:
        traced = pf.trace(function, pf.zeros(1))
    finally:
        _core.set_graph_limit(limit)
    assert traced(pf.zeros(1)).tolist() == [300.0]


def test_traces_nest() -> None:
    inner = pf.trace(lambda x: x.exp(), pf.ones(2))
    outer = pf.trace(lambda x: inner(x) + 1.0, pf.ones(2))
    assert [n.op_type for n in outer.graph if n.is_operation] == ["exp", "full", "add"]


def test_values_from_outside_are_constants() -> None:
    outside = pf.eval(pf.ones(2) * 3)
    traced = pf.trace(lambda x: x + outside, pf.ones(2))
    assert traced.graph.constants[0].value is not None
    assert traced.graph.constants[0].value.tolist() == [3.0, 3.0]


def test_source_locations_are_the_callers() -> None:
    def function(x: Any) -> Any:
        return pf.softmax(x, dim=0)

    node = pf.trace(function, pf.ones(2)).graph.nodes[-1]
    assert node.source_location is not None
    assert node.source_location.file == __file__ and node.source_location.function == "function"


def test_get_graph_of_several_tensors() -> None:
    x = pf.ones(2)
    graph = pf.get_graph(x.exp(), x.sin())
    assert len(graph.outputs) == 2
    graph.validate()


def test_get_graph_is_a_snapshot() -> None:
    x = pf.eval(pf.ones(2))
    y = x.exp()
    graph = pf.get_graph(y)
    pf.eval(y)
    assert graph.num_ops == 1 and pf.get_graph(y).num_ops == 0


def test_get_graph_of_a_gradient() -> None:
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    (x.tanh() ** 2).sum().backward()
    graph = pf.get_graph(x.grad)
    graph.validate()
    np.testing.assert_allclose(pf.execute_graph(graph, ()).numpy(), x.grad.numpy(), rtol=1e-6)


def test_debug_mode_keeps_provenance() -> None:
    pf.set_debug_mode(True)
    try:
        x = pf.eval(pf.eval(pf.ones(2) * 2).exp())
        y = pf.eval(x.reshape(2, 1).sum())
        assert [n.op_type for n in pf.get_graph(y) if n.op_type != "full"] == ["mul", "exp", "reshape", "sum"]
        assert pf.trace(lambda a: a + y, pf.ones(1)).graph.num_ops == 1
    finally:
        pf.set_debug_mode(False)
    assert pf.get_graph(y).num_ops == 0


def test_get_node() -> None:
    node = pf.get_node(pf.ones(2).exp())
    assert node.op_type == "exp" and node.output_shape == (2,)


def test_print_graph() -> None:
    x = pf.eval(pf.ones(2))
    out = io.StringIO()
    pf.print_graph(x.exp().sin(), file=out, depth=1)
    lines = out.getvalue().splitlines()
    assert lines[1] == "  ... 1 node above" and "exp(...)" in lines[2] and lines[3].lstrip().startswith("%2 = sin(%1)")
    assert "test_trace.py:" in lines[3]
    with pytest.raises(pf.GraphError, match="depth"):
        pf.print_graph(x, depth=-1)


def graph_of_two() -> pf.Graph:
    graph = pf.Graph()
    x = graph.create_input((2,), pf.float32, name="x")
    w = graph.create_parameter((2,), pf.float32, name="w", value=np.array([2, 3], np.float32))
    v = graph.create_parameter((2,), pf.float32, name="v")
    graph.mark_output(graph.create_op("mul", [x, w]))
    graph.mark_output(graph.create_op("add", [x, v]))
    return graph


def test_execute_graph_takes_weights_by_name() -> None:
    graph = graph_of_two()
    x = pf.tensor([1.0, 1.0])
    first, second = pf.execute_graph(graph, x, {"v": pf.tensor([5.0, 6.0])})
    assert (first.tolist(), second.tolist()) == ([2.0, 3.0], [6.0, 7.0])
    first, _ = pf.execute_graph(graph, [x], {"v": x, "w": pf.tensor([7.0, 8.0])})
    assert first.tolist() == [7.0, 8.0]


def test_execute_graph_is_lazy_and_differentiable() -> None:
    x = pf.tensor([1.0, 1.0], requires_grad=True)
    v = pf.tensor([5.0, 6.0], requires_grad=True)
    first, second = pf.execute_graph(graph_of_two(), x, {"v": v})
    assert pf.is_lazy(first)
    (first + second).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0] and v.grad.tolist() == [1.0, 1.0]


def test_execute_graph_refuses_what_does_not_fit() -> None:
    graph, x = graph_of_two(), pf.ones(2)
    with pytest.raises(pf.GraphError, match="v has no value"):
        pf.execute_graph(graph, x)
    with pytest.raises(pf.GraphError, match="no parameter named u"):
        pf.execute_graph(graph, x, {"v": x, "u": x})
    with pytest.raises(pf.GraphError, match="takes 1 arguments"):
        pf.execute_graph(graph, (x, x), {"v": x})
    with pytest.raises(pf.GraphError, match=r"x is float32 \(2,\), the tensor given is float32 \(3,\)"):
        pf.execute_graph(graph, pf.ones(3), {"v": x})
    with pytest.raises(pf.GraphError, match="float64"):
        pf.execute_graph(graph, pf.ones(2, dtype=pf.float64), {"v": x})


def test_execute_graph_on_another_backend() -> None:
    class Doubling:
        def compile(self, graph: pf.Graph) -> pf.Graph:
            return graph

        def run(self, plan: pf.Graph, inputs: dict[str, Any]) -> list[Any]:
            assert sorted(inputs) == ["v", "w", "x"]
            return [inputs["x"] * 2, inputs["w"]]

    first, second = pf.execute_graph(graph_of_two(), pf.ones(2), {"v": pf.ones(2)}, backend=Doubling())
    assert (first.tolist(), second.tolist()) == ([2.0, 2.0], [2.0, 3.0])


def test_running_a_graph_again_finds_its_plan() -> None:
    traced = pf.trace(lambda x: (x * 2.0).exp() + 1.0, pf.ones(4))
    pf.eval(traced(pf.ones(4)))
    misses = _core.stats()["plan_misses"]
    pf.eval(traced(pf.zeros(4)))
    assert _core.stats()["plan_misses"] == misses


def test_nothing_is_left_behind() -> None:
    def once() -> None:
        module = Linear()
        traced = pf.trace(module, pf.ones(1, 2))
        pf.eval(traced(pf.ones(1, 2)))
        pf.Graph.from_json(traced.graph.to_json())

    import gc

    once()
    gc.collect()
    before = _core.stats()["live_nodes"]
    for _ in range(3):
        once()
    gc.collect()
    assert _core.stats()["live_nodes"] == before
