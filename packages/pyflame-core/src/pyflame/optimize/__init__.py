"""Optimisation of graphs: pure functions from graph to graph. For optimizers of weights see `pyflame.optim`."""

from __future__ import annotations

from .algebra import simplify_algebra as simplify_algebra
from .batch_norm import fold_batch_norm as fold_batch_norm
from .common_subexpressions import eliminate_common_subexpressions as eliminate_common_subexpressions
from .constants import fold_constants as fold_constants
from .dead_code import eliminate_dead_code as eliminate_dead_code
from .fusion import expand_fused as expand_fused, fuse_operations as fuse_operations
from .layouts import optimize_layouts as optimize_layouts
from .memory import MemoryPlan as MemoryPlan, PlannedBuffer as PlannedBuffer, memory_plan as memory_plan
from .passes import (
    AlgebraicSimplification as AlgebraicSimplification,
    CommonSubexpressionElimination as CommonSubexpressionElimination,
    ConstantFolding as ConstantFolding,
    DeadCodeElimination as DeadCodeElimination,
    LayoutOptimization as LayoutOptimization,
    OperatorFusion as OperatorFusion,
    Pass as Pass,
    PassManager as PassManager,
    PassReport as PassReport,
    default_passes as default_passes,
    get_pass as get_pass,
    register_pass as register_pass,
)
from .precision import convert_precision as convert_precision


def __getattr__(name: str) -> object:
    if name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Optimizer", "lr_scheduler"):
        raise AttributeError(f"pyflame.optimize has no {name!r}: optimizers of weights are in pyflame.optim")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
