"""Folding of what follows a convolution channel by channel, as batch normalisation in evaluation does."""

from __future__ import annotations

from ..graph.ir import Graph, Node, Value
from .dead_code import eliminate_dead_code
from .rewrite import Rewriter


def fold_batch_norm(g: Graph) -> Graph:
    """Move factors and shifts per channel behind a conv2d into its weights and one shift.

    A chain of additions, subtractions, multiplications and divisions by values with one number per channel that do
    not depend on inputs, such as an evaluated batch norm with or without a bias before it, costs one pass over the
    result each; afterwards there is one addition. New weights are computed from the old ones as part of the graph.
    The order of rounding changes.

    Args:
        g: graph.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((1, 2, 4, 4), pf.float32)
        >>> w = g.create_parameter((3, 2, 1, 1), pf.float32, name="w")
        >>> scale = g.create_parameter((1, 3, 1, 1), pf.float32, name="scale")
        >>> attrs = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        >>> _ = g.mark_output(g.create_op("mul", [g.create_op("conv2d", [x, w], attrs), scale]))
        >>> folded = pf.optimize.fold_batch_norm(g)
        >>> folded.node(folded.outputs[0].node_id).op_type
        'conv2d'
    """
    fixed = _fixed(g)
    ends = {
        chain[-1].id: (conv, chain) for conv in g.nodes if conv.op_type == "conv2d" if (chain := _chain(g, conv, fixed))
    }
    rewriter = Rewriter(g)
    for node in g.topological_order():
        if node.is_input:
            continue
        if node.id in ends:
            _fold(rewriter, g, *ends[node.id])
        else:
            rewriter.copy(node)
    return eliminate_dead_code(rewriter.finish()) if ends else rewriter.finish()


def _fixed(g: Graph) -> set[int]:
    """Nodes that depend on no input and draw no random numbers."""
    found: set[int] = set()
    for node in g.topological_order():
        known = all(value.node_id in found for value in node.inputs)
        if node.is_constant or node.is_parameter or (node.is_operation and known and node.op_type not in _DRAWS):
            found.add(node.id)
    return found


_DRAWS = {"uniform", "normal", "randint"}


def _chain(g: Graph, conv: Node, fixed: set[int]) -> list[Node]:
    """The operations on a convolution's result that can be folded, if one of them is a factor."""
    chain: list[Node] = []
    node = conv
    outputs = {value.node_id for value in g.outputs}
    while conv.inputs[1].node_id in fixed and node.id not in outputs and len(node.users) == 1:
        user = node.users[0]
        if user.op_type not in ("add", "sub", "mul", "div") or user.output_spec != conv.output_spec:
            break
        other = _other(user, node)
        if other is None or other.node_id not in fixed or not _per_channel(g, other, conv):
            break
        if user.op_type == "div" and user.inputs[0].node_id != node.id:
            break
        chain.append(user)
        node = user
    return chain if any(step.op_type in ("mul", "div") for step in chain) else []


def _other(user: Node, node: Node) -> Value | None:
    left, right = user.inputs
    if left.node_id == right.node_id:
        return None
    return right if left.node_id == node.id else left


def _per_channel(g: Graph, value: Value, conv: Node) -> bool:
    spec = g.spec(value)
    channels = conv.output_shape[1]
    if spec.dtype is not conv.output_dtype or spec.layout is not None:
        return False
    padded = (1,) * (4 - len(spec.shape)) + spec.shape
    return len(spec.shape) <= 4 and padded[0] == padded[2] == padded[3] == 1 and padded[1] in (1, channels)


def _fold(r: Rewriter, g: Graph, conv: Node, chain: list[Node]) -> None:
    end = chain[-1]
    scale: Value | None = None
    shift: Value | None = None
    node = conv
    for step in chain:
        other = r.values[_other(step, node) or step.inputs[1]]
        if step.op_type in ("mul", "div"):
            if scale is None:
                one = r.emit("full", [], {"value": 1.0, "dtype": conv.output_dtype, "shape": ()}, step)
                scale = r.emit("div", [one, other], {}, step) if step.op_type == "div" else other
            else:
                scale = r.emit(step.op_type, [scale, other], {}, step)
            shift = None if shift is None else r.emit(step.op_type, [shift, other], {}, step)
        elif step.op_type == "add":
            shift = other if shift is None else r.emit("add", [shift, other], {}, step)
        elif step.inputs[0].node_id == node.id:
            shift = r.emit("neg", [other], {}, step) if shift is None else r.emit("sub", [shift, other], {}, step)
        else:  # other - x
            shift = other if shift is None else r.emit("sub", [other, shift], {}, step)
            one = r.emit("full", [], {"value": -1.0, "dtype": conv.output_dtype, "shape": ()}, step)
            scale = one if scale is None else r.emit("neg", [scale], {}, step)
        node = step
    assert scale is not None
    weight = r.values[conv.inputs[1]]
    count = r.spec(scale).numel()
    factor = r.emit("reshape", [scale], {"shape": (count, 1, 1, 1)}, end)
    weight = r.emit("mul", [weight, factor], {}, end)
    result = r.emit("conv2d", [r.values[conv.inputs[0]], weight], conv.attrs, conv)
    r.put(end, result if shift is None else r.emit("add", [result, shift], {}, end))
