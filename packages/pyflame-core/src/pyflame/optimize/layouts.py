"""Layout optimisation."""

from __future__ import annotations

from ..graph.ir import Graph
from ..layout import LayoutConstraints, LayoutPlanner
from .algebra import simplify_algebra
from .rewrite import Rewriter


def optimize_layouts(g: Graph, constraints: LayoutConstraints | None = None) -> Graph:
    """Place inputs, parameters and constants on the mesh, let operations follow, and leave out moves that cancel.

    Stated layouts stay. Inputs and parameters keep their types; a `to_layout` behind them places their values.

    Args:
        g: graph.
        constraints: limits and preferences of the planner.

    Raises:
        ValueError: a value fits no layout within the constraints.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((64, 64), pf.float32)
        >>> _ = g.mark_output(g.create_op("exp", [x]))
        >>> placed = pf.optimize.optimize_layouts(g)
        >>> placed.spec(placed.outputs[0]).layout
        MeshLayout.grid(8, 8)
    """
    planned = LayoutPlanner(constraints).plan_graph_layouts(g)
    rewriter = Rewriter(g)
    for node in g.topological_order():
        if not node.is_operation:
            if not node.is_input:
                rewriter.copy(node)
            layout = planned.get(node.id)
            if node.output_layout is None and layout is not None:
                rewriter.put(node, rewriter.emit("to_layout", [rewriter.values[node[0]]], {"layout": layout}, node))
        elif node.op_type == "fused":
            raise ValueError("[optimize_layouts] place operations before fusing them: optimize.expand_fused undoes it")
        else:
            made = rewriter.graph.create_op(
                node.op_type,
                [rewriter.values[value] for value in node.inputs],
                node.attrs,
                location=node.source_location,
                metadata=node.metadata,
            )
            for index in range(node.num_outputs):
                rewriter.values[node[index]] = made[index]
    return simplify_algebra(rewriter.finish())
