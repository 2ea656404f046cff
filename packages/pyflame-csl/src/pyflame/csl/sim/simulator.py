"""The host's view of a simulated wafer: load, run, copy in, launch, copy out, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _sim
from ..diagnostics import Severity
from ..ir import Export, Program, Symbol
from .copies import HostCopy, append
from .costs import costs
from .diagnostics import RunDiagnostic, SimulationError, decoded
from .encode import encode, scalar_number
from .hostdata import DataType, Order, from_rows, to_rows, words_of
from .lookup import Area, Lookup
from .programs import program_of
from .tracing import chrome_trace, readable
from .transfers import HOST_CYCLES, Transfer, Transfers

_DTYPES = {
    "bool": np.uint8,
    **{
        f"{sign}{bits}": np.dtype(f"{name}{bits}")
        for sign, name in (("i", "int"), ("u", "uint"))
        for bits in (8, 16, 32, 64)
    },
    "f16": np.float16,
    "f32": np.float32,
}
_FLOATS = {"f16": (np.float16, np.uint16), "f32": (np.float32, np.uint32)}
_MODES = ("functional", "cycle")
_SETTLE_CYCLES = 1_000_000


class Simulator:
    """Runs a compiled CSL program; values are exact, cycles approximate.

    Args:
        program: a compiled program, the folder that cslc wrote, or the path of a layout file.
        target: "wse2" or "wse3", for a layout file.
        fabric_dims: width and height of the whole fabric, for a layout file.
        params: values of the layout's parameters.
        mode: "functional" (a fabric hop takes a cycle) or "cycle" (the full cost model).
        sched_seed: 0 for the documented order of ready tasks, else another order that the language allows as well.
        max_cycles: how long one command of the host may take before the run is given up.
        strict: warnings end the run as errors do.
        trace: True, or the (x, y) of the PEs to record.
        trace_limit: records kept; later ones are counted only.
        banks: model conflicts of memory banks in cycle mode.
        copies: a file to which each copy to the host is appended, for comparing runs.

    Raises:
        ValueError: for a program that is not well formed, or an unknown mode.
        SimulationError: from any command, when the program cannot go on; see `SimulationError.run_diagnostics`.

    Example:
        >>> from pyflame.csl.ir import Program, TileClass
        >>> empty = TileClass("empty", b"", (), (), (), ())
        >>> simulator = Simulator(Program("wse3", 1, 1, (empty,), ((0,),), (({},),), ()))
        >>> simulator.load()
        >>> simulator.run()
        >>> simulator.stop()
        >>> simulator.diagnostics
        []
    """

    def __init__(
        self,
        program: Program | str | PathLike[str],
        target: str = "wse3",
        fabric_dims: tuple[int, int] = (0, 0),
        params: Mapping[str, object] | None = None,
        *,
        mode: str = "functional",
        sched_seed: int = 0,
        max_cycles: int = 1 << 32,
        strict: bool = False,
        trace: bool | Iterable[tuple[int, int]] = False,
        trace_limit: int = 1_000_000,
        banks: bool = False,
        copies: str | PathLike[str] | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"[csl] unknown mode {mode!r}: {' or '.join(_MODES)}")
        program = program_of(program, target, fabric_dims, params)
        self.program = program
        self._strict = strict
        table = costs(program.arch, mode)
        self._machine = _sim.Machine(encode(program), table, banks and mode == "cycle", max_cycles, sched_seed)
        if trace:
            pes = [] if trace is True else [y * program.width + x for x, y in trace]
            self._machine.record(pes, trace_limit)
        self._lookup = Lookup(program)
        self._copies = None if copies is None else Path(copies)
        self._transfers = Transfers(self._machine, self._lookup, self._waited, self._check)
        self._state = "new"
        self._found: list[RunDiagnostic] = []

    # Life cycle.

    def load(self) -> None:
        """Put the program on the wafer; once, before `run`."""
        self._move("load", "new", "loaded")

    def run(self) -> None:
        """Start the program; once, after `load`."""
        self._move("run", "loaded", "running")

    def stop(self) -> None:
        """Wait for all commands and end the run; once, after `run`."""
        self._need_running("stop")
        for transfer in [*self._transfers.pending, Transfer(self._lookup.whole, lambda: None)]:
            self._transfers.finish(transfer)
        self._check(self._waited(self._machine.settle, _SETTLE_CYCLES))
        self._found += decoded(self._machine.leftovers(), self.program.files)
        self._state = "stopped"
        if self._strict and self.diagnostics:
            raise SimulationError(self.diagnostics)

    def _move(self, verb: str, before: str, after: str) -> None:
        if self._state != before:
            raise RuntimeError(f"[csl] {verb}() when the simulator is {self._state}: the order is load, run, ..., stop")
        self._state = after

    def _need_running(self, verb: str) -> None:
        if self._state != "running":
            raise RuntimeError(f"[csl] {verb} when the simulator is {self._state}: the order is load, run, ..., stop")

    # Commands.

    def get_id(self, name: str) -> int | None:
        """The id of an exported name, None if the program exports none of that name."""
        return self._lookup.names.index(name) if name in self._lookup.names else None

    def memcpy_h2d(
        self,
        dest: int | str,
        src: NDArray[Any],
        px: int,
        py: int,
        w: int,
        h: int,
        elem_per_pe: int,
        *,
        streaming: bool = False,
        order: Order = Order.ROW_MAJOR,
        data_type: DataType = DataType.MEMCPY_32BIT,
        nonblock: bool = False,
    ) -> Transfer:
        """Copy `elem_per_pe` elements to each PE of the w x h rectangle at (px, py).

        Args:
            dest: id or name of an exported array, or the color of a stream.
            src: w * h * elem_per_pe elements of 4 bytes; 16-bit values in the low halves.
            nonblock: return before the copy is done.

        Raises:
            TypeError: src has not 4-byte elements.
            ValueError: wrong size, rectangle or name.
        """
        self._need_running("memcpy_h2d")
        area = self._lookup.area(px, py, w, h)
        words = words_of("src", src, w * h * elem_per_pe)
        rows = to_rows(words, order, w, h, elem_per_pe).copy()
        if streaming:
            self._check(self._machine.settle(HOST_CYCLES))
            self._machine.push_stream(self._lookup.pes(area), self._lookup.color(dest), rows)
            done = Transfer(area, lambda: None)
            done.done = True
            return done
        exports = self._lookup.variable(dest, area)

        def copy() -> None:
            data = rows.astype(np.uint16) if data_type == DataType.MEMCPY_16BIT else rows
            size = data.itemsize * elem_per_pe
            self._machine.write(
                self._lookup.pes(area), self._addresses(area, exports, size), data.view(np.uint8).reshape(w * h, size)
            )

        return self._transfers.submit(Transfer(area, copy), nonblock)

    def memcpy_d2h(
        self,
        dest: NDArray[Any],
        src: int | str,
        px: int,
        py: int,
        w: int,
        h: int,
        elem_per_pe: int,
        *,
        streaming: bool = False,
        order: Order = Order.ROW_MAJOR,
        data_type: DataType = DataType.MEMCPY_32BIT,
        nonblock: bool = False,
    ) -> Transfer:
        """Copy `elem_per_pe` elements from each PE of a rectangle into `dest`; arguments as in `memcpy_h2d`."""
        self._need_running("memcpy_d2h")
        area = self._lookup.area(px, py, w, h)
        into = words_of("dest", dest, w * h * elem_per_pe)
        if streaming:
            color = self._lookup.color(src)

            def collect() -> None:
                rows = self._machine.pop_stream(self._lookup.pes(area), color, elem_per_pe)
                self._keep(f"color {color}", area, rows)
                from_rows(rows, into, order, w, h, elem_per_pe)

            return self._transfers.submit(Transfer(area, collect, (color, elem_per_pe)), nonblock)
        exports = self._lookup.variable(src, area)

        def copy() -> None:
            narrow = data_type == DataType.MEMCPY_16BIT
            size = (2 if narrow else 4) * elem_per_pe
            data = self._read(area, exports, size)
            rows = data.view(np.uint16 if narrow else np.uint32).astype(np.uint32)
            self._keep(next(iter(exports.values())).name, area, rows)
            from_rows(rows, into, order, w, h, elem_per_pe)

        return self._transfers.submit(Transfer(area, copy), nonblock)

    def launch(self, name: str, *args: Any, nonblock: bool = False) -> Transfer:
        """Run an exported function on every PE; scalars of `args` get the types of its parameters.

        Raises:
            ValueError: no function of that name on some PE, or a wrong number of arguments.
        """
        self._need_running("launch")
        area = self._lookup.whole
        functions, params = self._lookup.function(name)
        if len(params) != len(args):
            raise ValueError(
                f"[csl] {name} takes {len(params)} arguments ({', '.join(params)}), {len(args)} were given"
            )
        bits = [_bits(value, scalar) for value, scalar in zip(args, params, strict=True)]
        transfer = Transfer(area, lambda: self._machine.launch(*area, functions, bits), queues=True)
        return self._transfers.submit(transfer, nonblock)

    def task_wait(self, transfer: Transfer) -> None:
        """Wait until a command given with nonblock=True is done."""
        self._transfers.finish(transfer)

    def is_task_done(self, transfer: Transfer) -> bool:
        """Whether a command is done."""
        return transfer.done

    # What the program has done.

    def get_symbol(self, x: int, y: int, name: str, dtype: Any = None) -> NDArray[Any]:
        """The value of an exported or global variable of the PE at (x, y), as the bytes in memory or as `dtype`."""
        area = self._lookup.area(x, y, 1, 1)
        number = self.program.grid[y][x]
        symbol = self._lookup.symbols[number].get(name)
        if symbol is None and name in self._lookup.exports[number]:
            symbol = self._pointed_symbol(area, self._lookup.exports[number][name])
        if symbol is None:
            raise ValueError(f"[csl] PE ({x}, {y}) has no variable {name!r}")
        data = self._machine.read(self._lookup.pes(area), [symbol.address], symbol.bytes)[0]
        return data.view(_DTYPES[symbol.scalar] if dtype is None else dtype)

    def read_symbol(self, x: int, y: int, name: str, dtype: Any = "uint8") -> NDArray[Any]:
        """`get_symbol` with bytes as the default type."""
        return self.get_symbol(x, y, name, dtype)

    @property
    def cycles(self) -> int:
        """Cycles since `run`; approximate, see the README for the error band."""
        return self._machine.now()

    @property
    def diagnostics(self) -> list[RunDiagnostic]:
        """Warnings so far, and at the end what `stop` found."""
        return decoded(self._machine.warnings(), self.program.files) + self._found

    def trace(self, pe: tuple[int, int] | None = None) -> list[dict[str, Any]]:
        """What happened, on one PE or on all that were recorded: tasks, DSD operations, wavelets on links."""
        index = None if pe is None else pe[1] * self.program.width + pe[0]
        return readable(self._machine.trace(), self.program, index)

    def write_trace(self, path: str | Path) -> None:
        """Write the trace as Chrome JSON, which Perfetto and chrome://tracing show."""
        chrome_trace(self.trace(), self.program, Path(path), self._machine.trace_dropped())

    def log(self) -> list[str]:
        """The lines of sim.log: what the program printed, with its cycle."""
        return [f"@{cycle} {line}" for cycle, line in self._machine.log()]

    def stats(self) -> dict[str, Any]:
        """Totals and per-PE numbers: cycles, busy cycles, tasks, instructions, DSD elements, wavelets, hops."""
        raw = self._machine.stats()
        shape = (self.program.height, self.program.width)
        result: dict[str, Any] = {"cycles": self.cycles, "arch": self.program.arch}
        for name, value in raw.items():
            result[name] = value.reshape(shape) if isinstance(value, np.ndarray) else value
        result["wavelets"] = {color: count for color, count in enumerate(raw["wavelets"]) if count}
        return result

    # Inside.

    def _addresses(self, area: Area, exports: dict[int, Export], size: int) -> list[int]:
        """Where the data of an export lies on each PE, at this moment: kernels swap pointers."""
        pes, classes = self._lookup.pes(area), self._lookup.classes(area)
        places = [exports[number].address for number in classes]
        if any(not export.direct for export in exports.values()):
            stored = self._machine.read(pes, places, 2).view(np.uint16).reshape(-1)
            direct = [exports[number].direct for number in classes]
            places = [place if own else int(value) for place, own, value in zip(places, direct, stored, strict=True)]
        for place, number, pe in zip(places, classes, pes, strict=True):
            symbol = self._lookup.symbol_at(number, place)
            if symbol is not None and place + size > symbol.address + symbol.bytes:
                text = f"a copy of {size} bytes goes past {symbol.name}, which has {symbol.bytes}"
                self._warn("copy-past-array", text, pe)
        return places

    def _pointed_symbol(self, area: Area, export: Export) -> Symbol | None:
        number = self._lookup.classes(area)[0]
        if export.function >= 0:
            return None
        return self._lookup.symbol_at(number, self._addresses(area, {number: export}, 0)[0])

    def _read(self, area: Area, exports: dict[int, Export], size: int) -> NDArray[np.uint8]:
        pes, places = self._lookup.pes(area), self._addresses(area, exports, size)
        data = self._machine.read(pes, places, size)
        bare = self._machine.uninitialized(pes, places, size)
        if bare >= 0:
            name = next(iter(exports.values())).name
            self._warn("uninitialized-read", f"the host reads {name}, which nothing has written", bare)
        return data

    def _keep(self, name: str, area: Area, rows: NDArray[Any]) -> None:
        if self._copies is not None:
            append(self._copies, HostCopy(name, area, self.cycles, rows.reshape(area[2] * area[3], -1)))

    def _warn(self, code: str, text: str, pe: int) -> None:
        """Note what a command of the host has met, once per text."""
        where = (pe % self.program.width, pe // self.program.width)
        found = RunDiagnostic(code, Severity.WARNING, text, "", 0, 0, where, self.cycles)
        if all(known.message != text for known in self._found):
            self._found.append(found)
        if self._strict:
            raise SimulationError([found])

    def _waited(self, wait: Callable[..., list[Any]], *arguments: int) -> list[Any]:
        """What a wait finds; interrupted in the middle of a cycle, the machine cannot go on."""
        try:
            return wait(*arguments)
        except KeyboardInterrupt:
            self._state = "broken"
            raise

    def _check(self, rows: Sequence[Any]) -> None:
        if rows:
            found = decoded(rows, self.program.files)
            if found[0].code not in ("deadlock", "cycle-limit"):  # those two leave the machine as it is
                self._state = "broken"
            raise SimulationError(found)
        if self._strict and self._machine.warnings():
            raise SimulationError(decoded(self._machine.warnings(), self.program.files))


def _bits(value: Any, scalar: str) -> int:
    """The register pattern of a launch argument."""
    scalar_number(scalar)
    if scalar in _FLOATS:
        kind, word = _FLOATS[scalar]
        return int(np.asarray(value, dtype=kind).reshape(()).view(word))
    if scalar == "bool":
        return int(bool(value))
    width = int(scalar[1:])
    number = int(value)
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if scalar[0] == "i" else (0, (1 << width) - 1)
    if not low <= number <= high:
        raise ValueError(f"[csl] {number} does not fit a parameter of type {scalar}")
    return number & 0xFFFF_FFFF_FFFF_FFFF
