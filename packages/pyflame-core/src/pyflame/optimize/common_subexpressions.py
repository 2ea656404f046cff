"""Common subexpression elimination."""

from __future__ import annotations

from typing import Any

from ..graph.ir import Graph, Node, Value
from .rewrite import Rewriter, key_of


def eliminate_common_subexpressions(g: Graph) -> Graph:
    """Compute once what is computed several times; equal constants become one.

    Random operations carry the key of their draw, so equal ones are equal numbers and become one too.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((2,), pf.float32)
        >>> _ = g.mark_output(g.create_op("add", [g.create_op("exp", [x]), g.create_op("exp", [x])]))
        >>> pf.optimize.eliminate_common_subexpressions(g).num_ops
        2
    """
    rewriter = Rewriter(g)
    found: dict[Any, Node] = {}
    for node in g.topological_order():
        if node.is_input:
            continue
        key = None if node.is_parameter else _key(node, rewriter)
        first = found.get(key) if key is not None else None
        if first is None:
            made = rewriter.copy(node)
            if key is not None:
                found[key] = made
        else:
            for index in range(node.num_outputs):
                rewriter.values[node[index]] = Value(first.id, index)
    return rewriter.finish()


def _key(node: Node, rewriter: Rewriter) -> Any:
    if node.value is not None:
        return ("constant", node.outputs, node.value.tobytes())
    if node.op_type == "fused":
        body = node.attrs["body"].fingerprint()
        return ("fused", body, tuple(rewriter.values[value] for value in node.inputs))
    inputs = tuple(rewriter.values[value] for value in node.inputs)
    return (node.op_type, inputs, key_of(node.attrs), node.outputs)
