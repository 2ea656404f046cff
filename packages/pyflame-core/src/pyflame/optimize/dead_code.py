"""Dead code elimination."""

from __future__ import annotations

from ..graph.ir import Graph
from .rewrite import Rewriter


def eliminate_dead_code(g: Graph) -> Graph:
    """Leave out everything the outputs do not need; inputs stay, as they are how the graph is called.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((2,), pf.float32)
        >>> unused, used = g.create_op("exp", [x]), g.create_op("sin", [x])
        >>> _ = g.mark_output(used)
        >>> pf.optimize.eliminate_dead_code(g).num_ops
        1
    """
    rewriter = Rewriter(g)
    needed = {node.id for node in g._ancestors(g.outputs)}
    for node in g.topological_order():
        if node.id in needed and not node.is_input:
            rewriter.copy(node)
    return rewriter.finish()
