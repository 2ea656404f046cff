"""What a layout must respect on a given machine."""

from __future__ import annotations

from dataclasses import dataclass

# PE rows and columns of the largest program rectangle: the fabric less the rows and columns that memcpy occupies.
_RECTANGLES = {"wse2": (996 - 2, 757 - 7), "wse3": (1172 - 2, 762 - 7)}
_SRAM_BYTES = 48 * 1024


@dataclass(frozen=True, slots=True)
class LayoutConstraints:
    """Limits and preferences for planning layouts; the default mesh fits both wse2 and wse3.

    Args:
        max_memory_per_pe: bytes one tile may take; the default leaves a third of a PE to code and buffers.
        min_tile_elements: elements below which a tile is not worth splitting further.
        max_pe_rows: PE rows of the largest mesh.
        max_pe_cols: PE columns of the largest mesh.
        prefer_square_tiles: trade PEs for tiles with a short border.

    Raises:
        ValueError: if a limit is below 1.

    Example:
        >>> LayoutConstraints(max_pe_rows=4, max_pe_cols=4).max_memory_per_pe
        32768
    """

    max_memory_per_pe: int = 32 * 1024
    min_tile_elements: int = 64
    max_pe_rows: int = 994
    max_pe_cols: int = 750
    prefer_square_tiles: bool = True

    def __post_init__(self) -> None:
        for name in ("max_memory_per_pe", "min_tile_elements", "max_pe_rows", "max_pe_cols"):
            if getattr(self, name) < 1:
                raise ValueError(f"[layout] {name} is {getattr(self, name)}: it must be at least 1")

    @classmethod
    def for_target(cls, name: str) -> LayoutConstraints:
        """Hardware limits of a wafer generation: its largest rectangle and all 48 KiB of a PE's memory.

        Args:
            name: "wse2" or "wse3".

        Raises:
            ValueError: if the target is unknown.

        Example:
            >>> LayoutConstraints.for_target("wse2").max_pe_cols
            750
        """
        if name not in _RECTANGLES:
            raise ValueError(f"[layout] unknown target {name!r}: choose one of {', '.join(_RECTANGLES)}")
        rows, cols = _RECTANGLES[name]
        return cls(max_memory_per_pe=_SRAM_BYTES, max_pe_rows=rows, max_pe_cols=cols)
