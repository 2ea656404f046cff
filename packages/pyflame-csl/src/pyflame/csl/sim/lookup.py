"""What names, colors and rectangles of the host mean in a program."""

from __future__ import annotations

import numpy as np

from ..ir import Export, Program, Symbol

Area = tuple[int, int, int, int]  # x, y, width, height


class Lookup:
    """Finds the PEs, exports and variables of a program; ValueError for what it does not have."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = sorted({export.name for tile in program.classes for export in tile.exports})
        self.exports = [{export.name: export for export in tile.exports} for tile in program.classes]
        self.symbols = [{symbol.name: symbol for symbol in tile.symbols} for tile in program.classes]

    @property
    def whole(self) -> Area:
        """The rectangle of the program."""
        return (0, 0, self.program.width, self.program.height)

    def area(self, px: int, py: int, w: int, h: int) -> Area:
        """The rectangle, if it lies in that of the program."""
        wide, high = self.program.width, self.program.height
        if px < 0 or py < 0 or w < 1 or h < 1 or px + w > wide or py + h > high:
            raise ValueError(
                f"[csl] the rectangle at ({px}, {py}) of {w} x {h} PEs is not inside the {wide} x {high} program"
            )
        return (px, py, w, h)

    def pes(self, area: Area) -> list[int]:
        """The numbers of the PEs of a rectangle, in row-major order."""
        px, py, w, h = area
        return [y * self.program.width + x for y in range(py, py + h) for x in range(px, px + w)]

    def classes(self, area: Area) -> list[int]:
        """The tile class of each of these PEs."""
        px, py, w, h = area
        return [self.program.grid[y][x] for y in range(py, py + h) for x in range(px, px + w)]

    def color(self, color: int | str) -> int:
        """The number of a streaming color."""
        number = (
            self.program.colors.get(color, self.program.streams.get(color)) if isinstance(color, str) else int(color)
        )
        if number is None or number not in self.program.streams.values():
            known = ", ".join(f"{name} = {value}" for name, value in self.program.streams.items()) or "none"
            raise ValueError(f"[csl] {color!r} is no streaming color: {known}")
        return number

    def variable(self, name: int | str, area: Area) -> dict[int, Export]:
        """The exported variable of that name or id, by the tile classes of a rectangle."""
        if isinstance(name, int | np.integer):
            if not 0 <= name < len(self.names):
                raise ValueError(f"[csl] {name} is no id of an exported name")
            name = self.names[name]
        found = {}
        for number in set(self.classes(area)):
            export = self.exports[number].get(name)
            if export is None or export.function >= 0:
                known = ", ".join(sorted(self.exports[number])) or "nothing"
                raise ValueError(f"[csl] {self.program.classes[number].name} exports no variable {name!r}: {known}")
            found[number] = export
        return found

    def function(self, name: str) -> tuple[list[int], tuple[str, ...]]:
        """The number of an exported function in each tile class, and the types of its parameters."""
        functions = []
        params: tuple[str, ...] = ()
        for tile, exports in zip(self.program.classes, self.exports, strict=True):
            export = exports.get(name)
            if export is None or export.function < 0:
                raise ValueError(
                    f"[csl] {tile.name} exports no function {name!r}: {', '.join(sorted(exports)) or 'nothing'}"
                )
            functions.append(export.function)
            params = export.params
        return functions, params

    def symbol_at(self, number: int, address: int) -> Symbol | None:
        """The variable of a tile class at an address."""
        for symbol in self.program.classes[number].symbols:
            if symbol.address <= address < symbol.address + symbol.bytes:
                return symbol
        return None
