"""Parts of a graph that depend on nothing but constants, computed before export."""

from __future__ import annotations

import numpy as np

import pyflame as pf
from pyflame.graph.ir import Node, Value

from .program import Program
from .table import Array
from .types import array_in

LARGEST = 1 << 20  # elements of a result, where its sources are smaller
LEAVES = ("full", "arange", "arange_int")


def fold(program: Program) -> dict[Value, Array]:
    """Values that are the same in every run, as arrays (bfloat16 as bits), where another node reads them."""
    constant: set[int] = set()
    for node in program.order:
        if same(program, node) and all(edge.node_id in constant for edge in node.inputs):
            constant.add(node.id)
    wanted: dict[Value, None] = {}
    for node in program.order:
        if node.id not in constant:
            for edge in node.inputs:
                note(program, edge, constant, wanted)
    for value in program.graph.outputs:
        note(program, value, constant, wanted)
    if not wanted:
        return {}
    found = pf.execute_graph(program.graph.subgraph(wanted), ())
    results = found if isinstance(found, tuple) else (found,)
    return {value: stored(result) for value, result in zip(wanted, results)}


def note(program: Program, value: Value, constant: set[int], wanted: dict[Value, None]) -> None:
    node = program.node(value)
    if value.node_id in constant and node.is_operation and node.op_type not in LEAVES:
        if program.spec(value).numel() <= max(LARGEST, sources(program, node)):
            wanted[value] = None


def sources(program: Program, node: Node) -> int:
    """Elements of the stored constants that a node is computed from."""
    found, stack, total = set(), [node], 0
    while stack:
        one = stack.pop()
        if one.id not in found:
            found.add(one.id)
            total += one.output_spec.numel() if one.is_constant else 0
            stack.extend(program.node(edge) for edge in one.inputs)
    return total


def same(program: Program, node: Node) -> bool:
    """Whether a node is no input, weight or draw, and the same at all sizes."""
    if not (node.is_constant or node.is_operation) or not (node.is_constant or deterministic(node)):
        return False
    row = program.row(node)
    first = row[0]
    if any(one.outputs != first.outputs for one in row):
        return False
    if node.is_constant:
        arrays = [one.value for one in row if one.value is not None]
        return all(np.array_equal(one, arrays[0], equal_nan=one.dtype.kind == "f") for one in arrays)
    return all(dict(one.attrs) == dict(first.attrs) for one in row)


def deterministic(node: Node) -> bool:
    info = pf.ir.op(node.op_type)
    return not info.is_random and info.category != "custom"


def stored(tensor: pf.Tensor) -> Array:
    if tensor.dtype is pf.bfloat16:
        return array_in(tensor.to(pf.float32).numpy(), pf.bfloat16)
    return np.asarray(tensor.numpy())
