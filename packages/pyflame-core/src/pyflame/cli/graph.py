"""`pyflame graph FILE`: a stored graph as text."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any, TypedDict

from .output import add_json, bytes_text, pairs, show, table

if TYPE_CHECKING:
    from ..graph import Graph


class Port(TypedDict):
    """An input, a parameter or an output."""

    name: str
    dtype: str
    shape: list[int]


class GraphSummary(TypedDict):
    """The JSON of `pyflame graph`."""

    name: str
    num_nodes: int
    num_ops: int
    estimated_memory_bytes: int
    fingerprint: str
    inputs: list[Port]
    parameters: list[Port]
    outputs: list[Port]
    ops: dict[str, int]


def add(commands: Any) -> None:
    parser = commands.add_parser("graph", help="show a stored computation")
    parser.add_argument("file", metavar="FILE", help="a graph written by Graph.save")
    parser.add_argument("--nodes", action="store_true", help="list the nodes")
    parser.add_argument("--optimize", action="store_true", help="show it after the passes of pyflame.optimize")
    add_json(parser)
    parser.set_defaults(run=run)


def summarize(graph: Graph) -> GraphSummary:
    def port(name: str, spec: Any) -> Port:
        return {"name": name, "dtype": spec.dtype.name, "shape": list(spec.shape)}

    results = [(value, graph.spec(value)) for value in graph.outputs]
    return {
        "name": graph.name,
        "num_nodes": graph.num_nodes,
        "num_ops": graph.num_ops,
        "estimated_memory_bytes": graph.estimated_memory_bytes,
        "fingerprint": graph.fingerprint(),
        "inputs": [port(node.name, node.output_spec) for node in graph.inputs],
        "parameters": [port(node.name, node.output_spec) for node in graph.parameters],
        "outputs": [port(graph.node(value.node_id).name, spec) for value, spec in results],
        "ops": dict(Counter(node.op_type for node in graph.nodes if node.is_operation).most_common()),
    }


def run(options: argparse.Namespace) -> int:
    from .. import optimize
    from ..graph import Graph

    graph = Graph.load(options.file)
    if options.optimize:
        graph = optimize.PassManager(optimize.default_passes()).run(graph)
    summary = summarize(graph)
    lines = [
        *pairs(
            [
                ("name", summary["name"]),
                ("nodes", summary["num_nodes"]),
                ("operations", summary["num_ops"]),
                ("values", bytes_text(summary["estimated_memory_bytes"])),
                ("fingerprint", summary["fingerprint"]),
            ]
        ),
        "",
        *table(
            ("", "name", "dtype", "shape"),
            (
                (kind, port["name"], port["dtype"], str(tuple(port["shape"])))
                for kind, ports in (("input", "inputs"), ("parameter", "parameters"), ("output", "outputs"))
                for port in summary[ports]  # type: ignore[literal-required]  # mypy loses the literal in the loop
            ),
        ),
        "",
        *table(("operation", "count"), ((op, str(count)) for op, count in summary["ops"].items()), right={1}),
    ]
    if options.nodes:
        lines += ["", graph.to_string()]
    show(options, summary, lines)
    return 0
