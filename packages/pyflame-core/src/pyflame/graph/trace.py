"""Tracing: a Python function becomes a graph by being called once on tensors without values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from .. import _core
from ..errors import GraphError, TraceError
from .ir import Graph, Node, TensorSpec, Value
from .modes import recording
from .records import import_tensors, placeholder, spec_of
from .run import run_graph
from .text import graph_text
from .tree import Tree, flatten, paths, unflatten

if TYPE_CHECKING:
    from .._tensor import Tensor


class Traced:
    """A function as a graph, callable like the function it came from. `trace` makes them.

    Args:
        graph: what the function computes. Its outputs are the function's, then the new values of what it changed.
        parameters: {name: the module's own parameter}, read anew by each call.
        buffers: {name: the module's own buffer}, read anew and, if the function changed it, set by each call.
        input_specs: types of the tensors among the arguments, in order.
        input_tree: structure of (args, kwargs).
        output_tree: structure of the result.
        updates: {input or buffer that the function changes in place: index of its new value in graph.outputs}.
    """

    def __init__(
        self,
        graph: Graph,
        parameters: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        input_tree: Tree,
        output_tree: Tree,
        updates: Mapping[str, int],
    ) -> None:
        self.graph = graph
        self.parameters = dict(parameters)
        self.buffers = dict(buffers)
        self.input_specs = tuple(node.output_spec for node in graph.inputs)
        self.input_tree = input_tree
        self.output_tree = output_tree
        self.updates = dict(updates)
        self._weights = {node.name for node in graph.parameters}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph.

        Raises:
            TypeError: the arguments have another structure, or a value that is no tensor differs from the traced one.
            GraphError: a tensor has another shape or dtype.
        """
        leaves: list[Any] = []
        tree = flatten((args, kwargs), leaves)
        if tree != self.input_tree:
            raise TypeError(
                f"[trace] {self.graph.name} was traced with arguments of another structure or other values: "
                "trace it again with these"
            )
        known = self.parameters | self.buffers
        weights = {name: known[name] for name in self._weights}
        results = run_graph(self.graph, leaves, weights)
        targets = known | {node.name: leaf for node, leaf in zip(self.graph.inputs, leaves)}
        for name, index in self.updates.items():
            _core.assign(targets[name], results[index])
        return unflatten(self.output_tree, iter(results))

    def __repr__(self) -> str:
        return f"<Traced {self.graph.name!r}: {self.graph.num_ops} operations>"


def trace(
    fn_or_module: Callable[..., Any],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    example_names: Sequence[str] | None = None,
) -> Traced:
    """Record what a function or module computes.

    The function is called once, on tensors without values: only the operations it applies to tensors are recorded.
    Random operations repeat the draws of the trace.

    Args:
        fn_or_module: function of tensors; the parameters and buffers of a module become parameter nodes.
        args: example argument, or a tuple of them; a `TensorSpec` stands for any tensor of its type.
        kwargs: example keyword arguments.
        example_names: names of the input nodes; by default those of the function's parameters.

    Raises:
        TraceError: the function needs the value of a tensor, for example to branch on it.

    Example:
        >>> import pyflame as pf
        >>> traced = pf.trace(lambda x, y: {"sum": x + y}, (pf.ones(2), pf.ones(2)))
        >>> traced.graph.num_ops, traced(pf.ones(2), pf.zeros(2))["sum"].tolist()
        (1, [1.0, 1.0])
    """
    args = args if isinstance(args, tuple) else (args,)
    kwargs = dict(kwargs or {})
    examples: list[Any] = []
    input_tree = flatten((args, kwargs), examples)
    graph = Graph(getattr(fn_or_module, "__name__", type(fn_or_module).__name__))
    names = example_names or _argument_names(fn_or_module, input_tree)
    if len(names) != len(examples):
        raise TraceError(f"[trace] {len(examples)} tensors among the arguments, but {len(names)} names: {tuple(names)}")

    known: dict[int, Value] = {}
    inputs = []
    for name, example in zip(names, examples):
        spec = example if isinstance(example, TensorSpec) else spec_of(example)
        differentiable = not isinstance(example, TensorSpec) and example.requires_grad
        handle = placeholder(spec, differentiable)
        known[_core.node_id(handle)] = Value(graph._add_place("input", spec, _free(graph, name)).id)
        inputs.append(handle)
    anchors = [_core.TensorBase(handle) for handle in inputs]  # stay where they are when the function changes the input

    parameters = _named(fn_or_module, "named_parameters")
    buffers = _named(fn_or_module, "named_buffers")
    weights = parameters | buffers
    with _standing_in(weights) as places, recording():
        for name, place in places.items():
            bound = _core.to_array(place.original)
            node = graph._add_place("parameter", spec_of(place.original), _free(graph, name), bound)
            known[_core.node_id(place.anchor)] = Value(node.id)
        call_args, call_kwargs = unflatten(input_tree, iter(inputs))
        result = fn_or_module(*call_args, **call_kwargs)
        outputs: list[Any] = []
        output_tree = flatten(result, outputs)
        changed = [
            (node.name, handle)
            for node, handle, anchor in zip(graph.inputs, inputs, anchors)
            if not _core.same_node(handle, anchor)
        ]
        changed += [(n, weights[n]) for n, place in places.items() if not _core.same_node(weights[n], place.anchor)]
        updates = {name: len(outputs) + k for k, (name, _) in enumerate(changed)}
        for value in import_tensors(graph, outputs + [tensor for _, tensor in changed], known):
            graph.mark_output(value)
    unused = [node for node in graph.parameters if not node.users and Value(node.id) not in graph.outputs]
    for node in unused:
        graph._drop(node)
    if updates:
        graph.metadata["updates"] = updates
    return Traced(graph, parameters, buffers, input_tree, output_tree, updates)


class _Place:
    """A module's tensor while its handle stands for an input: where its own node is, and the input's."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.grad = tensor.grad
        self.original: Tensor = placeholder(spec_of(tensor), tensor.requires_grad and tensor.is_leaf)
        self.anchor: _core.TensorBase = _core.TensorBase(self.original)

    def enter(self) -> None:
        _core.swap_nodes(self.tensor, self.original)
        self.tensor.grad = None

    def leave(self) -> None:
        _core.swap_nodes(self.tensor, self.original)
        self.tensor.grad = self.grad


@contextmanager
def _standing_in(weights: Mapping[str, Tensor]) -> Iterator[dict[str, _Place]]:
    _core.eval(list(weights.values()))
    places = {name: _Place(tensor) for name, tensor in weights.items()}
    entered: list[_Place] = []
    try:
        for place in places.values():
            place.enter()
            entered.append(place)
        yield places
    finally:
        for place in entered:
            place.leave()


def _named(module: Any, method: str) -> dict[str, Tensor]:
    """A module's tensors by name; one that has several names goes by the first."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in getattr(module, method)() if hasattr(module, method) else ():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor
    return found


def _argument_names(function: Any, tree: Tree) -> list[str]:
    import inspect

    positional, keyword = tree.children
    try:
        target = (
            function.forward if hasattr(function, "named_parameters") and hasattr(function, "forward") else function
        )
        declared = [
            parameter.name
            for parameter in inspect.signature(target).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):  # built-in functions may have no signature
        declared = []
    declared += [f"input_{k}" for k in range(len(declared), len(positional.children))]
    names = [path for name, child in zip(declared, positional.children) for path in paths(child, name)]
    return names + [path for name, child in zip(keyword.data, keyword.children) for path in paths(child, name)]


def _free(graph: Graph, name: str) -> str:
    taken = {node.name for node in graph.nodes}
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found


def get_graph(*tensors: Tensor) -> Graph:
    """The computation that leads to some tensors, as it stands: a copy that later calls do not change.

    Evaluated tensors are constants; in debug mode they keep the computation they came from.

    Args:
        tensors: the results.

    Example:
        >>> import pyflame as pf
        >>> x = pf.ones(2, 3)
        >>> [node.op_type for node in pf.get_graph((x * x).sum()) if node.is_operation]
        ['full', 'mul', 'sum']
    """
    graph = Graph()
    for value in import_tensors(graph, tensors, {}, provenance=True):
        graph.mark_output(value)
    return graph


def get_node(t: Tensor) -> Node:
    """The node that makes a tensor, in a graph of its own.

    Args:
        t: tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.get_node(pf.ones(2).exp()).op_type
        'exp'
    """
    graph = get_graph(t)
    return graph.node(graph.outputs[0].node_id)


def print_graph(t: Tensor | Graph, file: TextIO | None = None, depth: int | None = None) -> None:
    """Print the computation of a tensor, or a graph.

    Args:
        t: tensor or graph.
        file: where to, by default the standard output.
        depth: how many edges away from the result to go, None for all.

    Raises:
        GraphError: depth is negative.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph("example")
        >>> x = g.create_input((4,), pf.float32, name="x")
        >>> _ = g.mark_output(g.create_op("exp", [x]))
        >>> pf.print_graph(g, depth=0)  # doctest: +ELLIPSIS
        example: 2 nodes, 1 operation
          ... 1 node above
          %1 = exp(...) : float32 (4,)  ...
          return %1
    """
    if depth is not None and depth < 0:
        raise GraphError(f"[print_graph] depth is {depth}: it counts edges, from 0 on")
    print(graph_text(t if isinstance(t, Graph) else get_graph(t), depth), file=file)
