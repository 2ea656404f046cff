"""Operator fusion: groups of operations become one node that holds them as a graph."""

from __future__ import annotations

from ..graph.ir import Graph, Node, Value, op as op_info
from .rewrite import Rewriter

# A group has at most one of these, at its start; the rest is applied to its result while that is at hand.
_ANCHORS = {"matmul", "conv2d"}
_ROW_WISE = {"sum", "mean", "amax", "amin"}


def fuse_operations(g: Graph) -> Graph:
    """Join operations that a backend can run in one go: a matmul or conv2d with the elementwise operations on its
    result, chains of elementwise operations, and the reductions inside a softmax or normalisation.

    Each group becomes a `fused` node with the group as graph `body`, which is what it computes; `kind` is a label such
    as matmul_add_relu, softmax, layer_norm or elementwise. `expand_fused` undoes it.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x, w = g.create_input((2, 3), pf.float32), g.create_input((3, 4), pf.float32)
        >>> _ = g.mark_output(g.create_op("relu", [g.create_op("matmul", [x, w])]))
        >>> fused = pf.optimize.fuse_operations(g)
        >>> fused.num_ops, fused.nodes[-1].attrs["kind"]
        (1, 'matmul_relu')
    """
    groups = _groups(g)
    member_of = {id: sink for sink, members in groups.items() for id in members}
    rewriter = Rewriter(g)
    for node in g.topological_order():
        if node.is_input or (node.id in member_of and member_of[node.id] != node.id):
            continue
        if node.id in groups:
            _emit(rewriter, g, node, groups[node.id])
        else:
            rewriter.copy(node)
    return _without_spent_scalars(rewriter.finish(), g)


def expand_fused(g: Graph) -> Graph:
    """Put the operations of fused nodes back in their place.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.get_graph(pf.trace(lambda x: x.exp() + 1, pf.ones(2))(pf.ones(2)))
        >>> pf.optimize.expand_fused(pf.optimize.fuse_operations(g)).num_ops == g.num_ops
        True
    """
    rewriter = Rewriter(g)
    for node in g.topological_order():
        if node.op_type == "fused":
            body = node.attrs["body"]
            inner: dict[Value, Value] = {
                place[0]: rewriter.values[value] for place, value in zip(body.inputs, node.inputs)
            }
            for part in body.topological_order():
                if not part.is_input:
                    edges = tuple(inner[value] for value in part.inputs)
                    made = rewriter.graph._add(
                        part.type,
                        part.op_type,
                        None,
                        part.outputs,
                        inputs=edges,
                        attrs=part.attrs,
                        value=part.value,
                        source_location=part.source_location,
                        metadata=part.metadata,
                    )
                    inner |= {part[k]: made[k] for k in range(part.num_outputs)}
            rewriter.put(node, inner[body.outputs[0]])
        elif not node.is_input:
            rewriter.copy(node)
    return rewriter.finish()


def _is_scalar(node: Node) -> bool:
    return node.op_type == "full" and node.output_shape == ()


def _is_elementwise(node: Node) -> bool:
    return node.is_operation and op_info(node.op_type).is_elementwise


def _groups(g: Graph) -> dict[int, list[int]]:
    """Members of each group in topological order, by the node whose value leaves it.

    A node joins the group of its users if they all are in one group and no output needs it. So only the last value
    leaves a group, and no path leaves it and comes back.
    """
    order = g.topological_order()
    outputs = {value.node_id for value in g.outputs}
    sink_of: dict[int, int] = {}
    has_anchor: set[int] = set()
    for node in reversed(order):
        if not node.is_operation or _is_scalar(node):
            continue
        users = {sink_of.get(user.id, -1) for user in node.users}
        if node.id not in outputs and len(users) == 1 and -1 not in users:
            sink = users.pop()
            if _may_join(g, node, g.node(sink), sink in has_anchor):
                sink_of[node.id] = sink
                has_anchor |= {sink} if node.op_type in _ANCHORS else set()
                continue
        if _is_elementwise(node):
            sink_of[node.id] = node.id
    groups: dict[int, list[int]] = {}
    for node in order:
        if node.id in sink_of:
            groups.setdefault(sink_of[node.id], []).append(node.id)
    return {sink: members for sink, members in groups.items() if len(members) > 1}


def _may_join(g: Graph, node: Node, sink: Node, has_anchor: bool) -> bool:
    if node.output_layout != sink.output_layout:
        return False
    if _is_elementwise(node):
        return True
    if node.op_type in _ANCHORS:
        return not has_anchor and node.output_shape == sink.output_shape
    # A reduction whose result is spread over the rows it came from.
    operand = g.spec(node.inputs[0]) if node.inputs else None
    return (
        node.op_type in _ROW_WISE
        and operand is not None
        and bool(node.attrs["keepdim"])
        and operand.shape == sink.output_shape
    )


def _emit(rewriter: Rewriter, g: Graph, sink: Node, members: list[int]) -> None:
    inside = set(members)
    body = Graph("body")
    values: dict[Value, Value] = {}
    operands: list[Value] = []
    outer = dict.fromkeys(value for id in members for value in g.node(id).inputs if value.node_id not in inside)
    for value in outer:
        if not _is_scalar(g.node(value.node_id)):
            spec = g.spec(value)
            values[value] = body.create_input(spec.shape, spec.dtype, layout=spec.layout)[0]
            operands.append(rewriter.values[value])
    scalars = [value for value in outer if _is_scalar(g.node(value.node_id))]
    for node in [*(g.node(value.node_id) for value in scalars), *map(g.node, members)]:
        made = body._add_operation(
            node.op_type,
            tuple(values[value] for value in node.inputs),
            node.attrs,
            node.outputs,
            None,
            node.source_location,
            node.metadata,
        )
        values[node[0]] = made[0]
    body.mark_output(values[sink[0]])
    attrs = {"kind": _kind(g, [g.node(id) for id in members]), "body": body}
    made = rewriter.graph._add_operation("fused", tuple(operands), attrs, sink.outputs, None, sink.source_location)
    rewriter.put(sink, made[0])


def _without_spent_scalars(g: Graph, source: Graph) -> Graph:
    """Leaves out scalars that had a user before and have none now, because bodies hold them."""
    spent = [node for node in g.nodes if _is_scalar(node) and not node.users and node[0] not in g.outputs]
    had_user = {node.name for node in source.nodes if node.users}
    for node in spent:
        if node.name in had_user:
            g._drop(node)
    return g


_GELU = {
    ("add", "erf", "mul", "mul", "mul"): {0.5, 0.7071067811865476, 1.0},
    ("add", "add", "mul", "mul", "mul", "mul", "mul", "mul", "tanh"): {0.5, 0.7978845608028654, 0.044715, 1.0},
}
_LAYER_NORM = {"mean", "sub", "square", "mul", "add", "sqrt", "rsqrt", "div"}


def _kind(g: Graph, members: list[Node]) -> str:
    anchor = [node.op_type for node in members if node.op_type in _ANCHORS]
    rest = [node for node in members if node.op_type not in _ANCHORS]
    ops = [node.op_type for node in rest]
    if any(op in _ROW_WISE for op in ops):
        if sorted(ops) == ["amax", "div", "exp", "sub", "sum"]:
            return "softmax"
        centred = ops.count("mean") == 2 and ops.count("sqrt") + ops.count("rsqrt") == 1
        return "layer_norm" if centred and set(ops) <= _LAYER_NORM else "row_wise"
    if _is_gelu(g, rest):
        return "_".join([*anchor, "gelu"])
    if anchor and ops[0] == "add" and _is_gelu(g, rest[1:]):
        return f"{anchor[0]}_add_gelu"
    if not anchor and ops == ["mul", "add"]:
        return "fma"
    if len(ops) > 3 or (not anchor and len(ops) > 2):
        return "_".join([*anchor, "elementwise"])
    return "_".join(anchor + ops)


def _is_gelu(g: Graph, nodes: list[Node]) -> bool:
    operands = [g.node(value.node_id) for node in nodes for value in node.inputs]
    numbers = {operand.attrs["value"] for operand in operands if _is_scalar(operand)}
    return _GELU.get(tuple(sorted(node.op_type for node in nodes))) == numbers
