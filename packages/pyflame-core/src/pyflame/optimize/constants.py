"""Constant folding."""

from __future__ import annotations

from .. import _core
from ..graph.ir import Graph, Node
from ..graph.run import run_graph
from .dead_code import eliminate_dead_code
from .rewrite import Rewriter

# A constant may grow to this many bytes: a broadcast is better stored as what it is.
_MAX_GROWTH = 1 << 16


def fold_constants(g: Graph) -> Graph:
    """Compute what depends on constants only. Parameters are not constants: a run may give them other values.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> _ = g.mark_output(g.create_op("exp", [g.create_constant([0.0, 0.0])]))
        >>> pf.optimize.fold_constants(g).constants[-1].value.tolist()
        [1.0, 1.0]
    """
    foldable = _foldable(g)
    kept = {value for node in g.nodes if node.id not in foldable for value in node.inputs} | set(g.outputs)
    wanted = [node for id, node in foldable.items() if node[0] in kept and _is_worth(g, node)]
    folded = {}
    if wanted:
        results = run_graph(g.subgraph(wanted), (), {})
        _core.eval(results)
        folded = {node.id: _core.to_array(result) for node, result in zip(wanted, results)}
    rewriter = Rewriter(g)
    for node in g.topological_order():
        if node.is_input:
            continue
        if node.id in folded:
            rewriter.constant(node, folded[node.id])
        else:
            rewriter.copy(node)
    return eliminate_dead_code(rewriter.finish()) if folded else rewriter.finish()


def _foldable(g: Graph) -> dict[int, Node]:
    """Operations that depend on constants only, those without operands (random draws, filled tensors) excepted."""
    known: set[int] = set()
    found: dict[int, Node] = {}
    for node in g.topological_order():
        if node.is_constant or node.op_type in ("full", "arange", "arange_int"):
            known.add(node.id)
        elif node.is_operation and node.inputs and node.num_outputs == 1:
            if all(value.node_id in known for value in node.inputs):
                known.add(node.id)
                found[node.id] = node
    return found


def _is_worth(g: Graph, node: Node) -> bool:
    operands = sum(g.spec(value).size_bytes() for value in node.inputs)
    return node.output_spec.size_bytes() <= max(operands, _MAX_GROWTH)
