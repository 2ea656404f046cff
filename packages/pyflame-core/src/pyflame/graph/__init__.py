"""Computations as data: the graph IR, tracing, and running a graph."""

from __future__ import annotations

from . import ir as ir
from .ir import (
    IR_VERSION as IR_VERSION,
    Graph as Graph,
    Node as Node,
    NodeType as NodeType,
    OpInfo as OpInfo,
    SourceLocation as SourceLocation,
    TensorSpec as TensorSpec,
    Value as Value,
)
from .run import execute_graph as execute_graph
from .trace import (
    Traced as Traced,
    get_graph as get_graph,
    get_node as get_node,
    print_graph as print_graph,
    trace as trace,
)
