"""Placement of tensors on a mesh of processing elements (PEs)."""

from __future__ import annotations

from .constraints import LayoutConstraints as LayoutConstraints
from .fields import LayoutType as LayoutType
from .mesh_layout import MeshLayout as MeshLayout
from .planner import LayoutPlanner as LayoutPlanner
from .propagate import propagate as propagate
from .tiles import PECoord as PECoord
from .transform import LayoutTransform as LayoutTransform, TransformKind as TransformKind
from .usage import get_tile_shape as get_tile_shape, memory_usage_per_pe as memory_usage_per_pe
