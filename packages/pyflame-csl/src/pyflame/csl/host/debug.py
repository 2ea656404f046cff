"""A look into the memory of a program that ran in this process: `cerebras.sdk.debug.debug_util`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .runtime import SdkRuntime, latest

# Kinds of records, as lib/debug.csl writes them.
_U32, _I32, _F32, _TIME, _STRING, _BOOL = range(1, 7)


class debug_util:
    """Reads variables and traces of the latest run of a compiled program.

    Coordinates count from the corner of the fabric, so those of the rectangle's PEs start at its offsets.

    Args:
        artifacts: the folder of the program.
        cmaddr: accepted for scripts that also run on a system.

    Raises:
        RuntimeError: the program has not been run in this process.
    """

    def __init__(self, artifacts: str | os.PathLike[str], cmaddr: str | None = None) -> None:
        self.runtime: SdkRuntime | None = latest.get(Path(artifacts).resolve())
        if self.runtime is None:
            raise RuntimeError(
                f"[csl] {artifacts} has not been run in this process: make an SdkRuntime and run it first"
            )

    def get_symbol(self, col: int, row: int, symbol: str, dtype: DTypeLike) -> NDArray[Any]:
        """A variable of one PE as an array of `dtype`."""
        x, y = self._place(col, row)
        return self._simulator.get_symbol(x, y, symbol, np.dtype(dtype))

    def get_symbol_rect(
        self, rectangle: tuple[tuple[int, int], tuple[int, int]], symbol: str, dtype: DTypeLike
    ) -> NDArray[Any]:
        """A variable of all PEs of ((col, row), (width, height)): (width, height, elements)."""
        (col, row), (width, height) = rectangle
        return np.array(
            [[self.get_symbol(col + x, row + y, symbol, dtype) for y in range(height)] for x in range(width)]
        )

    def read_trace(self, col: int, row: int, key: str) -> list[Any]:
        """What the instance of `<debug>` with this key recorded on one PE, in order."""
        x, y = self._place(col, row)
        used = int(self._simulator.get_symbol(x, y, f"trace_used.{key}", np.uint16)[0])
        words = self._simulator.get_symbol(x, y, f"trace.{key}", np.uint32)[:used]
        assert self.runtime is not None
        program = self.runtime.program
        strings = program.classes[program.grid[y][x]].strings
        return [_record(int(head), int(value), strings) for head, value in words.reshape(-1, 2)]

    @property
    def _simulator(self) -> Any:
        assert self.runtime is not None
        return self.runtime.simulator

    def _place(self, col: int, row: int) -> tuple[int, int]:
        assert self.runtime is not None
        offset_x, offset_y = self.runtime.program.offsets
        return col - offset_x, row - offset_y


def _record(head: int, value: int, strings: tuple[str, ...]) -> Any:
    kind, low = head >> 16, head & 0xFFFF
    if kind == _STRING:
        return strings[value]
    if kind == _TIME:
        return low << 32 | value
    if kind == _BOOL:
        return bool(value)
    dtype = {_U32: np.uint32, _I32: np.int32, _F32: np.float32}[kind]
    return np.array([value], np.uint32).view(dtype)[0]
