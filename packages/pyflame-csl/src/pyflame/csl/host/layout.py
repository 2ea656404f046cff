"""SdkLayout: a layout made in Python instead of CSL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from ..compiler import compile_program
from ..diagnostics import CSLError
from ..ir import Program, TileClass
from . import layout_text
from .artifacts import write_artifacts
from .regions import CodeRegion, Color, Place, Port
from .wiring import Colors, Wiring


class SdkTarget(Enum):
    """A generation of the wafer."""

    WSE2 = "wse2"
    WSE3 = "wse3"


@dataclass
class SimfabConfig:
    """Settings of the simulation; memory can always be read after a run here."""

    dump_core: bool = False
    num_threads: int = 1


@dataclass(frozen=True)
class Platform:
    """What programs are made for."""

    target: SdkTarget


def get_platform(
    cmaddr: str | None, config: SimfabConfig | None = None, target: SdkTarget = SdkTarget.WSE3
) -> Platform:
    """The simulator of one generation.

    Raises:
        NotImplementedError: `cmaddr` names a system.
    """
    if cmaddr:
        raise NotImplementedError(f"[csl] cmaddr is {cmaddr!r}: only simulation is possible here")
    return Platform(target)


@dataclass(frozen=True)
class Stream:
    """Words between the host and a port: `color` is known to the host, on PE `place` of the program."""

    name: str
    port: Port
    incoming: bool


@dataclass
class LayoutArtifacts(os.PathLike[str]):
    """A compiled layout: its folder, where its corner lies in the program, and its streams: name -> (PE, color)."""

    folder: str
    margin: int
    streams: dict[str, tuple[Place, int]] = field(default_factory=dict)

    def __fspath__(self) -> str:
        return self.folder


class SdkLayout:
    """Regions, connections between their ports, and streams to the host.

    Args:
        platform: from `get_platform`.
    """

    MARGIN = 1  # PEs around the regions, for streams

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.regions: list[CodeRegion] = []
        self.connections: list[tuple[Port, Port]] = []
        self.streams: list[Stream] = []

    def create_code_region(self, path: str, name: str, width: int, height: int) -> CodeRegion:
        """A rectangle of PEs that run a CSL file; at (0, 0) until it is placed."""
        region = CodeRegion(str(Path(path).resolve()), name, width, height)
        self.regions.append(region)
        return region

    def connect(self, source: Port, target: Port) -> None:
        """Lead what leaves an output port to an input port; their colors become one."""
        if source.incoming or not target.incoming:
            raise ValueError("[csl] connect takes an output port and an input port, in this order")
        self.connections.append((source, target))

    def create_input_stream(self, port: Port) -> Stream:
        """Words from the host into an input port."""
        return self._stream(port, incoming=True)

    def create_output_stream(self, port: Port) -> Stream:
        """Words from an output port to the host."""
        return self._stream(port, incoming=False)

    def _stream(self, port: Port, *, incoming: bool) -> Stream:
        if port.incoming is not incoming:
            raise ValueError("[csl] an input stream takes an input port, an output stream an output port")
        number = 1 + sum(stream.incoming is incoming for stream in self.streams)
        stream = Stream(f"MEMCPY{'H2D' if incoming else 'D2H'}_{number}", port, incoming)
        self.streams.append(stream)
        return stream

    def compile(self, out_prefix: str = "out") -> LayoutArtifacts:
        """Compile into the folder `out_prefix`.

        Raises:
            CSLError: the program has errors.
            ValueError: there are too many colors, or no way between two ports.
        """
        self._shift(self.MARGIN)
        try:
            return self._compile(Path(out_prefix))
        finally:
            self._shift(-self.MARGIN)

    def _shift(self, by: int) -> None:
        for region in self.regions:
            region.origin = (region.origin[0] + by, region.origin[1] + by)

    def _compile(self, folder: Path) -> LayoutArtifacts:
        width = max(region.origin[0] + region.width for region in self.regions) + self.MARGIN
        height = max(region.origin[1] + region.height for region in self.regions) + self.MARGIN
        colors, wiring = Colors(self.regions, self.connections), Wiring(self.regions, width, height)
        for source, target in self.connections:
            wiring.connect(source, target, colors[source.color])
        artifacts = LayoutArtifacts(str(folder), self.MARGIN)
        ends: dict[Place, list[tuple[bool, int, int]]] = {}
        for stream in self.streams:
            inner, outer = colors[stream.port.color], colors.for_stream()
            place = wiring.end(stream.port, inner)
            ends.setdefault(place, []).append((stream.incoming, inner, outer))
            artifacts.streams[stream.name] = (place, outer)
        folder.mkdir(parents=True, exist_ok=True)
        text = layout_text.layout(self.regions, colors, wiring, ends, {n: c for n, (_, c) in artifacts.streams.items()})
        (folder / "layout.csl").write_text(text)
        (folder / layout_text.EMPTY).write_text("// A PE that only passes wavelets on.\n")
        for place, streams in ends.items():
            (folder / layout_text.end_name(place)).write_text(layout_text.end(streams))
        program, findings = compile_program(folder / "layout.csl", self.platform.target.value, memcpy=False)
        if program is None:
            raise CSLError(findings)
        write_artifacts(folder, with_symbols(program, self.regions))
        return artifacts


def with_symbols(program: Program, regions: Sequence[CodeRegion]) -> Program:
    """The program with initial values of variables, which make PEs different that were of one class."""
    classes, grid = list(program.classes), [list(row) for row in program.grid]
    for region in regions:
        for (x, y), values in region.symbols.items():
            column, row = region.origin[0] + x, region.origin[1] + y
            classes.append(
                _patched(classes[grid[row][column]], {name: value.tobytes() for name, value in values.items()})
            )
            grid[row][column] = len(classes) - 1
    return replace(program, classes=tuple(classes), grid=tuple(map(tuple, grid)))


def _patched(tile: TileClass, values: dict[str, bytes]) -> TileClass:
    memory, symbols = bytearray(tile.memory), {symbol.name: symbol for symbol in tile.symbols}
    for name, content in values.items():
        symbol = symbols.get(name)
        if symbol is None or symbol.bytes != len(content):
            size = "is no variable" if symbol is None else f"has {symbol.bytes} bytes, {len(content)} were given"
            raise ValueError(f"[csl] {name!r} of {tile.name} {size}")
        memory[symbol.address : symbol.address + symbol.bytes] = content
        symbols[name] = replace(symbol, initialized=True)
    return replace(tile, memory=bytes(memory), symbols=tuple(symbols.values()))


__all__ = ["Color", "LayoutArtifacts", "Platform", "SdkLayout", "SdkTarget", "SimfabConfig", "Stream", "get_platform"]
