"""Memory planning by liveness."""

from __future__ import annotations

from dataclasses import dataclass

from ..graph.ir import Graph, Value, op as op_info


@dataclass(frozen=True, slots=True)
class PlannedBuffer:
    """Memory of a value that an operation makes.

    Args:
        value: what it holds.
        offset: first byte within the arena.
        size_bytes: how many bytes.
        first: position of the operation that writes it, in topological order.
        last: position of the last operation that reads it; the number of nodes for an output.
    """

    value: Value
    offset: int
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where the values of a graph lie while it runs.

    Args:
        peak_bytes: the most bytes that live values take at one time; inputs, parameters and constants not counted.
        arena_bytes: size of the memory in which the buffers have their offsets.
        buffers: one per value that an operation makes; views share their operand's.
    """

    peak_bytes: int
    arena_bytes: int
    buffers: tuple[PlannedBuffer, ...]


def memory_plan(g: Graph, *, alignment: int = 64) -> MemoryPlan:
    """Plan memory so that values that do not live at the same time may share it.

    Args:
        g: graph.
        alignment: offsets are multiples of this many bytes.

    Example:
        >>> import pyflame as pf
        >>> g = pf.Graph()
        >>> x = g.create_input((256,), pf.float32)
        >>> for _ in range(4):
        ...     x = g.create_op("exp", [x])
        >>> _ = g.mark_output(x)
        >>> plan = pf.optimize.memory_plan(g)
        >>> len(plan.buffers), plan.peak_bytes
        (4, 2048)
    """
    order = g.topological_order()
    owner: dict[Value, Value] = {}
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    for position, node in enumerate(order):
        for value in node.inputs:
            last[owner[value]] = position
        for index in range(node.num_outputs):
            value = node[index]
            shares = node.is_operation and op_info(node.op_type).is_view
            owner[value] = owner[node.inputs[0]] if shares else value
            if node.is_operation and not shares:
                first[value] = last[value] = position
    for value in g.outputs:
        last[owner[value]] = len(order)
    sizes = {value: g.spec(value).size_bytes() for value in first}
    offsets = _place(sizes, first, last, alignment)
    buffers = tuple(PlannedBuffer(value, offsets[value], sizes[value], first[value], last[value]) for value in first)
    changes = [0] * (len(order) + 2)
    for buffer in buffers:
        changes[buffer.first] += buffer.size_bytes
        changes[buffer.last + 1] -= buffer.size_bytes
    live = peak = 0
    for change in changes:
        live += change
        peak = max(peak, live)
    return MemoryPlan(peak, max((b.offset + b.size_bytes for b in buffers), default=0), buffers)


def _place(
    sizes: dict[Value, int], first: dict[Value, int], last: dict[Value, int], alignment: int
) -> dict[Value, int]:
    """Offsets: large buffers first, each at the lowest place where no buffer alive at the same time lies."""
    offsets: dict[Value, int] = {}
    for value in sorted(sizes, key=lambda value: -sizes[value]):
        taken = sorted(
            (offsets[other], offsets[other] + sizes[other])
            for other in offsets
            if first[other] <= last[value] and first[value] <= last[other] and sizes[other]
        )
        place = 0
        for start, end in taken:
            if place + sizes[value] <= start:
                break
            place = max(place, -(-end // alignment) * alignment)
        offsets[value] = place
    return offsets
