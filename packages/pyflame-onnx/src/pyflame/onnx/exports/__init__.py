"""From the graph IR to ONNX: one module per family of operations, and the compositions ONNX has operators for."""

from __future__ import annotations

from . import (
    creation as creation,
    elementwise as elementwise,
    indexing as indexing,
    linear as linear,
    logic as logic,
    losses as losses,
    random as random,
    reductions as reductions,
    scans as scans,
    shapes as shapes,
    sorting as sorting,
    strided as strided,
    windows as windows,
)
