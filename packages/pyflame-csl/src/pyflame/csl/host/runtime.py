"""SdkRuntime over the simulator: what `cerebras.sdk.runtime.sdkruntimepybind` offers to host scripts."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ir import Program
from ..sim.hostdata import DataType as MemcpyDataType, Order as MemcpyOrder
from ..sim.simulator import Simulator
from ..sim.transfers import Transfer as Task
from .artifacts import read_program
from .layout import LayoutArtifacts, Stream
from .options import simulator_options

_log = logging.getLogger("pyflame.csl")
# The latest runtime of each folder, for tools that look into memory after a run.
latest: dict[Path, SdkRuntime] = {}


class SdkRuntime:
    """Runs a compiled program, in the order load, run, commands, stop.

    Args:
        artifacts: the folder that cslc wrote.
        platform: accepted for SdkLayout programs.
        cmaddr: address of a system; only simulation is possible here.
        options: those of other versions, which do not matter here.

    Raises:
        FileNotFoundError: the folder holds no compiled program.
        NotImplementedError: `cmaddr` names a system.
    """

    def __init__(
        self,
        artifacts: str | os.PathLike[str],
        platform: object = None,
        *,
        cmaddr: str | None = None,
        memcpy_required: bool = True,
        **options: Any,
    ) -> None:
        if cmaddr:
            raise NotImplementedError(f"[csl] cmaddr is {cmaddr!r}: this runtime simulates, it reaches no system")
        if options:
            _log.debug("SdkRuntime ignores %s", ", ".join(sorted(options)))
        self.folder = Path(artifacts).resolve()
        self.layout = artifacts if isinstance(artifacts, LayoutArtifacts) else LayoutArtifacts(str(self.folder), 0)
        self.program: Program = read_program(self.folder)
        self.simulator = Simulator(self.program, **simulator_options())
        latest[self.folder] = self

    def load(self) -> None:
        """Put the program on the wafer; once, before `run`."""
        self.simulator.load()

    def run(self) -> None:
        """Start it; once, after `load`."""
        self.simulator.run()

    def stop(self) -> None:
        """Wait for everything, write sim.log and sim_stats.json into the working folder, and end the run."""
        try:
            self.simulator.stop()
        finally:
            self._write_log()

    def _write_log(self) -> None:
        lines = [*self.simulator.log(), *map(str, self.simulator.diagnostics)]
        Path("sim.log").write_text("".join(f"{line}\n" for line in lines))
        stats = {name: _plain(value) for name, value in self.simulator.stats().items()}
        Path("sim_stats.json").write_text(json.dumps(stats) + "\n")

    def get_id(self, name: str) -> int | None:
        """The id of an exported name; None, with a warning, if there is none."""
        found = self.simulator.get_id(name)
        if found is None:
            _log.warning("the program exports no %r", name)
        return found

    def memcpy_h2d(
        self, dest: int, src: NDArray[Any], px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """Copy or stream to a rectangle of PEs; see `Simulator.memcpy_h2d`."""
        return self.simulator.memcpy_h2d(dest, src, px, py, w, h, elem_per_pe, **options)

    def memcpy_d2h(
        self, dest: NDArray[Any], src: int, px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """Copy or stream from a rectangle of PEs; see `Simulator.memcpy_d2h`."""
        return self.simulator.memcpy_d2h(dest, src, px, py, w, h, elem_per_pe, **options)

    def memcpy_h2d_rowbcast(
        self, dest: int, src: NDArray[Any], px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """Copy a column of data, one entry per row of PEs, along each row.

        Args:
            src: (h, 1, elem_per_pe), or (elem_per_pe, 1, h) in column-major order.
        """
        return self._broadcast(dest, src, (px, py, w, h), (1, h), elem_per_pe, options)

    def memcpy_h2d_colbcast(
        self, dest: int, src: NDArray[Any], px: int, py: int, w: int, h: int, elem_per_pe: int, **options: Any
    ) -> Task:
        """Copy a row of data, one entry per column of PEs, along each column.

        Args:
            src: (1, w, elem_per_pe), or (elem_per_pe, w, 1) in column-major order.
        """
        return self._broadcast(dest, src, (px, py, w, h), (w, 1), elem_per_pe, options)

    def _broadcast(
        self,
        dest: int,
        src: NDArray[Any],
        area: tuple[int, int, int, int],
        given: tuple[int, int],
        length: int,
        options: dict[str, Any],
    ) -> Task:
        px, py, w, h = area
        wide, high = given
        if src.size != wide * high * length:
            raise ValueError(f"[csl] src has {src.size} elements, the broadcast takes {wide} x {high} x {length}")
        if options.get("order", MemcpyOrder.ROW_MAJOR) == MemcpyOrder.ROW_MAJOR:
            spread = np.broadcast_to(src.reshape(high, wide, length), (h, w, length))
        else:
            spread = np.broadcast_to(src.reshape(length, wide, high), (length, w, h))
        return self.simulator.memcpy_h2d(dest, np.ascontiguousarray(spread).ravel(), px, py, w, h, length, **options)

    def launch(self, name: str, *args: Any, nonblock: bool = False) -> Task:
        """Run an exported function on every PE."""
        return self.simulator.launch(name, *args, nonblock=nonblock)

    def call(self, name: str, words: Sequence[int], nonblock: bool = False) -> Task:
        """`launch` with arguments as 32-bit patterns, one word each."""
        params = next(
            (export.params for tile in self.program.classes for export in tile.exports if export.name == name), ()
        )
        typed = [_from_word(int(word), kind) for word, kind in zip(words, params)]
        return self.simulator.launch(name, *typed, *list(words)[len(typed) :], nonblock=nonblock)

    def read_symbol(self, x: int, y: int, name: str, dtype: Any = "uint8") -> NDArray[Any]:
        """The memory of a variable of PE (x, y) as an array of `dtype`."""
        margin = self.layout.margin
        return self.simulator.read_symbol(x + margin, y + margin, name, dtype)

    def send(self, stream: Stream, data: NDArray[Any], nonblock: bool = False) -> Task:
        """Send words of 4 bytes into an input stream of an SdkLayout."""
        (x, y), color = self.layout.streams[stream.name]
        flat = np.ascontiguousarray(data).ravel()
        return self.simulator.memcpy_h2d(color, flat, x, y, 1, 1, flat.size, streaming=True, nonblock=nonblock)

    def receive(self, stream: Stream, into: NDArray[Any], count: int, nonblock: bool = False) -> Task:
        """Receive `count` words of an output stream of an SdkLayout into an array."""
        (x, y), color = self.layout.streams[stream.name]
        return self.simulator.memcpy_d2h(into, color, x, y, 1, 1, count, streaming=True, nonblock=nonblock)

    def task_wait(self, task: Task) -> None:
        """Wait for a command that was given with nonblock=True."""
        self.simulator.task_wait(task)

    def is_task_done(self, task: Task) -> bool:
        """Whether a command is done."""
        return self.simulator.is_task_done(task)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _from_word(word: int, kind: str) -> Any:
    """The value of type `kind` in the low bits of a word."""
    names = {"f16": np.float16, "f32": np.float32, "i16": np.int16, "u16": np.uint16, "i32": np.int32, "u32": np.uint32}
    dtype = np.dtype(names.get(kind, np.uint32))
    return np.array([word & 0xFFFFFFFF], np.uint32).view(dtype)[0]


__all__ = ["MemcpyDataType", "MemcpyOrder", "SdkRuntime", "Task"]
