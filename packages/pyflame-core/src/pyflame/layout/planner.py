"""Choosing a layout for a tensor, or for every value of a graph."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Protocol

from .constraints import LayoutConstraints
from .fields import DimToPE, dim_pairs
from .mesh_layout import MeshLayout
from .tiles import DTypeLike, Index, element_size


class _Spec(Protocol):
    @property
    def shape(self) -> Sequence[int]: ...
    @property
    def dtype(self) -> DTypeLike: ...
    @property
    def layout(self) -> MeshLayout | None: ...


class _Node(Protocol):
    @property
    def id(self) -> Hashable: ...
    @property
    def output_spec(self) -> _Spec: ...


class _Graph(Protocol):
    def topological_order(self) -> Iterable[_Node]: ...


class LayoutPlanner:
    """Chooses layouts within constraints.

    Args:
        constraints: limits and preferences; the default fits wse2 and wse3.

    Example:
        >>> LayoutPlanner(LayoutConstraints(max_pe_rows=4, max_pe_cols=4)).plan_layout((64, 64), 4)
        MeshLayout.grid(4, 4)
    """

    def __init__(self, constraints: LayoutConstraints | None = None) -> None:
        self.constraints = constraints or LayoutConstraints()

    def plan_layout(
        self, shape: Sequence[int], dtype: DTypeLike = 4, *, dim_to_pe: DimToPE | None = None
    ) -> MeshLayout:
        """The layout with the most PEs whose tiles are still worth their while, square ones first if so constrained.

        Without `dim_to_pe` it splits the last two dimensions, or the two largest where those do not fit.

        Args:
            shape: tensor shape.
            dtype: dtype, or bytes per element; the default is float32.
            dim_to_pe: {tensor dim: mesh axis} to plan for.

        Raises:
            ValueError: if no mesh within the constraints holds the tensor.

        Example:
            >>> LayoutPlanner().plan_layout((512, 512, 3, 3), 4)
            MeshLayout.grid(128, 256, dim_to_pe={-4: 0, -3: 1})
        """
        extents = tuple(shape)
        pairs = dim_pairs(dim_to_pe)
        choices = [pairs] if pairs else [None, _largest_dims(extents)]
        for choice in choices:
            layout = self._plan(extents, element_size(dtype), choice)
            if layout is not None:
                return layout
        limits = self.constraints
        raise ValueError(
            f"[plan_layout] shape {extents} at {element_size(dtype)} B per element needs more than "
            f"{limits.max_memory_per_pe:,} B on some PE of every mesh up to {limits.max_pe_rows}x{limits.max_pe_cols}"
        )

    def plan_graph_layouts(self, graph: _Graph) -> dict[Hashable, MeshLayout]:
        """A layout per node: stated ones stay, the rest share the mesh of the largest value where they fit on it.

        Args:
            graph: exported graph.

        Returns:
            {node.id: layout of its first output}.

        Raises:
            ValueError: if a value fits no layout within the constraints.

        Example:
            >>> from types import SimpleNamespace as Fake
            >>> node = Fake(id=7, output_spec=Fake(shape=(64, 64), dtype=4, layout=None))
            >>> LayoutPlanner().plan_graph_layouts(Fake(topological_order=lambda: [node]))
            {7: MeshLayout.grid(8, 8)}
        """
        nodes = list(graph.topological_order())
        planned = {node.id: node.output_spec.layout for node in nodes}
        free = [node.output_spec for node in nodes if node.output_spec.layout is None]
        if free:
            largest = max(free, key=lambda spec: math.prod(spec.shape) * element_size(spec.dtype))
            mesh = self.plan_layout(largest.shape, largest.dtype)
            for node in nodes:
                if node.output_spec.layout is None:
                    planned[node.id] = self._on_mesh(mesh, tuple(node.output_spec.shape), node.output_spec.dtype)
        return {key: layout for key, layout in planned.items() if layout is not None}

    def _on_mesh(self, mesh: MeshLayout, shape: Index, dtype: DTypeLike) -> MeshLayout:
        rows, cols = mesh.pe_rows, mesh.pe_cols
        candidates = [MeshLayout.grid(rows, cols, dim_to_pe=pairs) for pairs in (None, _largest_dims(shape))]
        if mesh.dim_to_pe is None:
            candidates[0] = mesh
        if math.prod(shape) <= self.constraints.min_tile_elements and mesh.total_pes > 1:
            candidates.insert(0, MeshLayout.replicated(rows, cols))
        limit = self.constraints.max_memory_per_pe
        for layout in candidates:
            if layout.memory_per_pe(shape, dtype) <= limit:
                return layout
        return self.plan_layout(shape, dtype)

    def _plan(self, shape: Index, size: int, pairs: tuple[tuple[int, int], ...] | None) -> MeshLayout | None:
        limits = self.constraints
        # A mesh of two by two PEs shows which dimensions each axis would split.
        row_dim, col_dim = MeshLayout.grid(2, 2, dim_to_pe=pairs).split_dims(len(shape))
        m = 1 if row_dim is None else shape[row_dim]
        n = 1 if col_dim is None else shape[col_dim]
        whole = math.prod(extent for dim, extent in enumerate(shape) if dim not in (row_dim, col_dim))
        if math.prod(shape) == 0:
            return MeshLayout.single_pe()
        most = limits.max_memory_per_pe // size
        # Rounding to whole tiles less than quadruples one, so the smallest worth having must leave that much room.
        least = min(limits.min_tile_elements, max(1, most // 4))
        best: tuple[float, int, int] | None = None
        for parts in range(1, min(m, limits.max_pe_rows) + 1):
            height = -(-m // parts)
            columns = max(1, n // -(-least // (height * whole)))
            width = -(-n // min(columns, limits.max_pe_cols))
            tile = height * width * whole
            if tile > most or (tile < least and parts > 1):
                continue
            rows, cols = -(-m // height), -(-n // width)
            # Operations send tile borders: compare them with those of a square tile.
            square = 2 * math.sqrt(height * width) / (height + width) if limits.prefer_square_tiles else 1.0
            score = (rows * cols * square, -rows, -cols)
            best = score if best is None else max(best, score)
        if best is None:
            return None
        rows, cols = -best[1], -best[2]
        if rows == cols == 1:
            return MeshLayout.single_pe()
        if cols == 1:
            return MeshLayout.row_partition(rows, dim_to_pe=pairs)
        if rows == 1:
            return MeshLayout.col_partition(cols, dim_to_pe=pairs)
        return MeshLayout.grid(rows, cols, dim_to_pe=pairs)


def _largest_dims(shape: Index) -> tuple[tuple[int, int], ...] | None:
    """The two largest dimensions in order, counted from the end, the first over PE rows."""
    dims = sorted(sorted(range(len(shape)), key=lambda dim: -shape[dim])[:2])
    return tuple((dim - len(shape), axis) for axis, dim in enumerate(dims)) if len(dims) == 2 else None
