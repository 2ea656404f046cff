"""Matrix products with their bias, and reading rows of a table."""

from __future__ import annotations

from pyflame.graph.ir import Node, Value

from .match import Match, Pattern, View


def transposed(v: View, value: Value) -> Value:
    """The operand of a transposition of a matrix."""
    node = v.op(value, "permute")
    v.need(tuple(node.attrs["dims"]) == (1, 0))
    return node.inputs[0]


def gemm(v: View, root: Node) -> Match:
    """x w^T + b of matrices."""

    def sides(product: Value, bias: Value) -> Match:
        node = v.op(product, "matmul")
        x, w = node.inputs
        v.need(v.rank(x) == 2 and v.rank(w) == 2 and v.rank(bias) <= 1 and v.number(bias) is None)
        v.need(v.program.spec(x).dtype.is_floating_point)
        flip = v.is_op(w, "permute") and v.program.node(v.program.node(w).inputs[0]).is_parameter
        weight = v.program.node(w).inputs[0] if flip else w
        return Match((x, weight, bias), lambda c, *names: c.e.op("Gemm", *names, transB=1 if flip else None))

    found: Match = v.either(root, sides)
    return found


def embedding(v: View, root: Node) -> Match:
    """Rows of a table by an index of any shape, which is recorded with the index made flat."""
    rows = v.op(root.inputs[0], "index_select")
    table, flat = rows.inputs
    v.need(rows.attrs["dim"] == 0)
    index = v.op(flat, "reshape").inputs[0]
    wanted = (*v.program.shape(index), *v.program.shape(table)[1:])
    v.need(v.rank(flat) == 1 and v.program.shape(Value(root.id)) == wanted)
    return Match((table, index), lambda c, data, places: c.e.op("Gather", data, places, axis=0))


LINEAR: dict[str, list[Pattern]] = {"add": [gemm], "reshape": [embedding]}
