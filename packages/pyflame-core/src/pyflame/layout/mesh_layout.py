"""MeshLayout: how a tensor is spread over a mesh of PEs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .constraints import LayoutConstraints
from .fields import DimToPE, LayoutType, count, dim_pairs
from .queries import TileQueries
from .text import check_owner, format_call, owner_name, parse_call, stored_owner_name
from .tiles import DTypeLike, OwnerFn

if TYPE_CHECKING:
    from .transform import LayoutTransform


@dataclass(frozen=True, slots=True, repr=False)
class MeshLayout(TileQueries):
    """Placement of a tensor on a mesh of PEs, valid for every shape its split dimensions exist in.

    Dimension -2 is split over PE rows and -1 over PE columns; a 1-D tensor is split over rows by `row_partition` and
    over columns otherwise; a 0-d tensor is replicated. `dim_to_pe` replaces that rule: it maps tensor dimensions to
    mesh axes (0: rows, 1: columns), and an axis it leaves out holds replicas. Kinds that split no dimension drop it.
    An even split gives each PE ceil(n / p) indices, the trailing PEs the rest or nothing. All meshes share the corner
    PE (0, 0). Two custom layouts are equal if their mesh and their function object are.

    Args:
        type: kind of the layout; the methods named like the kinds are the usual way to make one.
        pe_rows: PE rows of the mesh.
        pe_cols: PE columns of the mesh.
        block_row_size: indices per block along PE rows, block_cyclic only.
        block_col_size: indices per block along PE columns, block_cyclic only.
        dim_to_pe: {tensor dim: mesh axis}, kept as a tuple of pairs.
        owner_fn: (index, shape) -> (PE row, PE col), custom only.

    Raises:
        ValueError: if the fields do not belong together.

    Example:
        >>> MeshLayout.grid(4, 4).tile_shape((0, 0), (64, 128))
        (16, 32)
    """

    type: LayoutType
    pe_rows: int = 1
    pe_cols: int = 1
    block_row_size: int | None = None
    block_col_size: int | None = None
    dim_to_pe: tuple[tuple[int, int], ...] | None = None
    owner_fn: OwnerFn | None = None

    def __post_init__(self) -> None:
        kind, fixed = self.type.value, object.__setattr__
        for name in ("pe_rows", "pe_cols"):
            fixed(self, name, count(name, getattr(self, name)))
        if (self.pe_rows > 1 and self.type in (LayoutType.SINGLE_PE, LayoutType.COL_PARTITION)) or (
            self.pe_cols > 1 and self.type in (LayoutType.SINGLE_PE, LayoutType.ROW_PARTITION)
        ):
            raise ValueError(f"[layout] {kind} on a {self.pe_rows}x{self.pe_cols} mesh: use grid")
        for name in ("block_row_size", "block_col_size"):
            if self.type is LayoutType.BLOCK_CYCLIC:
                fixed(self, name, count(name, getattr(self, name)))
            elif getattr(self, name) is not None:
                raise ValueError(f"[layout] {kind} has no {name}: use block_cyclic")
        if callable(self.owner_fn) != (self.type is LayoutType.CUSTOM):
            raise ValueError(f"[layout] {kind} with owner_fn {self.owner_fn!r}: only custom has one, a function")
        splits = self.type not in (LayoutType.SINGLE_PE, LayoutType.REPLICATED, LayoutType.CUSTOM)
        fixed(self, "dim_to_pe", dim_pairs(self.dim_to_pe) if splits else None)

    @classmethod
    def single_pe(cls, *, dim_to_pe: DimToPE | None = None) -> MeshLayout:
        """Everything on PE (0, 0).

        Example:
            >>> MeshLayout.single_pe().total_pes
            1
        """
        return cls(LayoutType.SINGLE_PE)

    @classmethod
    def row_partition(cls, n: int, *, dim_to_pe: DimToPE | None = None) -> MeshLayout:
        """Split over a column of n x 1 PEs.

        Args:
            n: PE rows.
            dim_to_pe: {tensor dim: mesh axis} instead of the default split.

        Raises:
            ValueError: if n is below 1.

        Example:
            >>> MeshLayout.row_partition(4).tile_shape((3, 0), (10, 8))
            (1, 8)
        """
        return cls(LayoutType.ROW_PARTITION, n, 1, dim_to_pe=dim_pairs(dim_to_pe))

    @classmethod
    def col_partition(cls, n: int, *, dim_to_pe: DimToPE | None = None) -> MeshLayout:
        """Split over a row of 1 x n PEs.

        Args:
            n: PE columns.
            dim_to_pe: {tensor dim: mesh axis} instead of the default split.

        Raises:
            ValueError: if n is below 1.

        Example:
            >>> MeshLayout.col_partition(4).tile_shape((0, 0), (10, 8))
            (10, 2)
        """
        return cls(LayoutType.COL_PARTITION, 1, n, dim_to_pe=dim_pairs(dim_to_pe))

    @classmethod
    def grid(cls, rows: int, cols: int, *, dim_to_pe: DimToPE | None = None) -> MeshLayout:
        """Split over both axes of a rows x cols mesh.

        Args:
            rows: PE rows.
            cols: PE columns.
            dim_to_pe: {tensor dim: mesh axis} instead of the default split.

        Raises:
            ValueError: if a count is below 1.

        Example:
            >>> MeshLayout.grid(2, 4, dim_to_pe={0: 1}).tile_shape((0, 0), (8, 8))
            (2, 8)
        """
        return cls(LayoutType.GRID, rows, cols, dim_to_pe=dim_pairs(dim_to_pe))

    @classmethod
    def replicated(cls, rows: int, cols: int, *, dim_to_pe: DimToPE | None = None) -> MeshLayout:
        """A full copy on every PE of a rows x cols mesh.

        Args:
            rows: PE rows.
            cols: PE columns.

        Raises:
            ValueError: if a count is below 1.

        Example:
            >>> MeshLayout.replicated(2, 2).tile_shape((1, 1), (3, 5))
            (3, 5)
        """
        return cls(LayoutType.REPLICATED, rows, cols)

    @classmethod
    def block_cyclic(
        cls, rows: int, cols: int, block_rows: int, block_cols: int, *, dim_to_pe: DimToPE | None = None
    ) -> MeshLayout:
        """Blocks of block_rows x block_cols dealt over a rows x cols mesh in turn.

        Args:
            rows: PE rows.
            cols: PE columns.
            block_rows: indices per block of the dimension split over PE rows.
            block_cols: indices per block of the dimension split over PE columns.
            dim_to_pe: {tensor dim: mesh axis} instead of the default split.

        Raises:
            ValueError: if a count is below 1.

        Example:
            >>> MeshLayout.block_cyclic(2, 1, 2, 1).pe_for_element((5, 0), (8, 3))
            PECoord(row=0, col=0)
        """
        return cls(LayoutType.BLOCK_CYCLIC, rows, cols, block_rows, block_cols, dim_pairs(dim_to_pe))

    @classmethod
    def custom(cls, rows: int, cols: int, owner_fn: OwnerFn, *, dim_to_pe: DimToPE | None = None) -> MeshLayout:
        """Each element on the PE a function names; a tile lists its elements in row-major order.

        Args:
            rows: PE rows.
            cols: PE columns.
            owner_fn: pure function (index, shape) -> (PE row, PE col), called once per element and shape.

        Raises:
            ValueError: if a count is below 1 or owner_fn is not callable.

        Example:
            >>> MeshLayout.custom(1, 2, lambda index, shape: (0, sum(index) % 2)).tile_shape((0, 1), (3, 3))
            (4,)
        """
        return cls(LayoutType.CUSTOM, rows, cols, owner_fn=owner_fn)

    @classmethod
    def auto(
        cls,
        shape: Sequence[int],
        dtype: DTypeLike = 4,
        constraints: LayoutConstraints | None = None,
        *,
        dim_to_pe: DimToPE | None = None,
    ) -> MeshLayout:
        """A concrete layout for a shape, chosen by LayoutPlanner.

        Args:
            shape: tensor shape.
            dtype: dtype, or bytes per element; the default is float32.
            constraints: limits and preferences.
            dim_to_pe: {tensor dim: mesh axis} to plan for instead of the default split.

        Raises:
            ValueError: if no mesh within the constraints holds the tensor.

        Example:
            >>> MeshLayout.auto((64, 64))
            MeshLayout.grid(8, 8)
        """
        from .planner import LayoutPlanner  # the planner builds layouts

        return LayoutPlanner(constraints).plan_layout(shape, dtype, dim_to_pe=dim_to_pe)

    @property
    def total_pes(self) -> int:
        """PEs in the mesh.

        Example:
            >>> MeshLayout.grid(2, 3).total_pes
            6
        """
        return self.pe_rows * self.pe_cols

    def validate(
        self, shape: Sequence[int], dtype: DTypeLike = 4, constraints: LayoutConstraints | None = None
    ) -> None:
        """Check that the layout can hold a tensor within the constraints.

        Args:
            shape: tensor shape.
            dtype: dtype, or bytes per element; the default is float32.
            constraints: mesh size and bytes per PE to stay within.

        Raises:
            IndexError: if the shape lacks a split dimension.
            ValueError: if the mesh or the largest tile exceeds its limit.

        Example:
            >>> MeshLayout.single_pe().validate((64, 128))
            >>> MeshLayout.single_pe().validate((64, 129))
            Traceback (most recent call last):
            ValueError: [layout] per-PE memory 33,024 B exceeds 32,768 B for shape (64, 129) in single_pe(): ...
        """
        limits = constraints or LayoutConstraints()
        if self.pe_rows > limits.max_pe_rows or self.pe_cols > limits.max_pe_cols:
            raise ValueError(
                f"[layout] a {self.pe_rows}x{self.pe_cols} mesh exceeds {limits.max_pe_rows}x{limits.max_pe_cols} PEs"
            )
        need = self.memory_per_pe(shape, dtype)
        if need > limits.max_memory_per_pe:
            raise ValueError(
                f"[layout] per-PE memory {need:,} B exceeds {limits.max_memory_per_pe:,} B for shape {tuple(shape)} "
                f"in {self}: MeshLayout.auto(shape, dtype, constraints) looks for one that fits"
            )

    def covers(self, other: MeshLayout) -> bool:
        """Whether every PE of the other's mesh holds a full copy of a tensor in this layout.

        Args:
            other: layout whose mesh is looked at.

        Example:
            >>> MeshLayout.replicated(4, 4).covers(MeshLayout.grid(2, 2))
            True
        """
        whole = self.type is LayoutType.REPLICATED or self.total_pes == 1
        return whole and self.pe_rows >= other.pe_rows and self.pe_cols >= other.pe_cols

    def compatible_with(self, other: MeshLayout) -> bool:
        """Whether tensors of one shape in these layouts combine elementwise without communication.

        Args:
            other: layout of the other operand.

        Example:
            >>> MeshLayout.grid(2, 2).compatible_with(MeshLayout.replicated(2, 2))
            True
        """
        return self == other or self.covers(other) or other.covers(self)

    def transform_to(self, other: MeshLayout) -> LayoutTransform:
        """The move of a tensor from this layout to another.

        Args:
            other: layout to reach.

        Example:
            >>> MeshLayout.single_pe().transform_to(MeshLayout.grid(2, 2)).cost((4, 4), 4)
            48
        """
        from .transform import LayoutTransform  # transforms are made of layouts

        return LayoutTransform(self, other)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; a custom layout stores the name of its function, not its code.

        Raises:
            ValueError: if a custom layout's function is a lambda or local and so has no name to store.

        Example:
            >>> MeshLayout.row_partition(4).to_dict()
            {'type': 'row_partition', 'pe_rows': 4, 'pe_cols': 1}
        """
        data: dict[str, Any] = {"type": self.type.value, "pe_rows": self.pe_rows, "pe_cols": self.pe_cols}
        if self.type is LayoutType.BLOCK_CYCLIC:
            data |= {"block_row_size": self.block_row_size, "block_col_size": self.block_col_size}
        if self.dim_to_pe is not None:
            data["dim_to_pe"] = [list(pair) for pair in self.dim_to_pe]
        if self.owner_fn is not None:
            data["owner_fn"] = stored_owner_name(self.owner_fn)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, owner_fn: OwnerFn | None = None) -> MeshLayout:
        """The layout that `to_dict` described.

        Args:
            data: what `to_dict` returned.
            owner_fn: the function of a custom layout; reading data never imports or picks one.

        Raises:
            ValueError: if the data is no layout, or needs another function.

        Example:
            >>> MeshLayout.from_dict({"type": "grid", "pe_rows": 2, "pe_cols": 3})
            MeshLayout.grid(2, 3)
        """
        fields = dict(data)
        if "owner_fn" in fields:
            fields["owner_fn"] = check_owner(fields["owner_fn"], owner_fn)
        try:
            return cls(LayoutType(fields.pop("type", None)), **fields)
        except TypeError as error:
            raise ValueError(f"[layout] cannot read {dict(data)}: {error}") from None

    @classmethod
    def parse(cls, text: str, *, owner_fn: OwnerFn | None = None) -> MeshLayout:
        """The layout that `str` or `repr` wrote.

        Args:
            text: such as "grid(4, 4)" or "row_partition(8, dim_to_pe={0: 0})".
            owner_fn: the function of a custom layout; reading text never imports or picks one.

        Raises:
            ValueError: if the text is no layout, or needs another function.

        Example:
            >>> MeshLayout.parse("grid(4,4)")
            MeshLayout.grid(4, 4)
        """
        name, args, keywords = parse_call(text)
        kinds = [kind.value for kind in LayoutType]
        if name not in kinds:
            raise ValueError(f"[layout] {text!r} names no layout: choose one of {', '.join(kinds)}")
        if "owner_fn" in keywords:
            keywords["owner_fn"] = check_owner(keywords["owner_fn"], owner_fn)
        try:
            layout: MeshLayout = getattr(cls, name)(*args, **keywords)
        except TypeError as error:
            raise ValueError(f"[layout] cannot read {text!r}: {error}") from None
        return layout

    def __str__(self) -> str:
        keywords: dict[str, Any] = {} if self.dim_to_pe is None else {"dim_to_pe": dict(self.dim_to_pe)}
        if self.owner_fn is not None:
            keywords["owner_fn"] = owner_name(self.owner_fn)
        args: tuple[int, ...] = (self.pe_rows, self.pe_cols)
        if self.type is LayoutType.SINGLE_PE:
            args = ()
        elif self.type in (LayoutType.ROW_PARTITION, LayoutType.COL_PARTITION):
            args = (self.total_pes,)
        elif self.block_row_size is not None and self.block_col_size is not None:
            args += (self.block_row_size, self.block_col_size)
        return format_call(self.type.value, args, keywords)

    def __repr__(self) -> str:
        return f"MeshLayout.{self}"
