"""A source text, and where its bytes are: line, column and UTF-16 position."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a source. Lines and columns count from 1, columns in characters."""

    line: int
    column: int


class Source:
    """One file: its bytes and a name for messages.

    Offsets everywhere are byte offsets. `text` is the bytes as Latin-1, so that indexing it is indexing bytes.
    """

    def __init__(self, content: str | bytes, path: str = "<text>") -> None:
        self.path = path
        self.data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content

    @cached_property
    def text(self) -> str:
        return self.data.decode("latin-1")

    @cached_property
    def lines(self) -> list[int]:
        """The offset at which each line starts."""
        found, at = [0], self.data.find(b"\n")
        while at >= 0:
            found.append(at + 1)
            at = self.data.find(b"\n", at + 1)
        return found

    def line_of(self, offset: int) -> int:
        """Return the number of the line, from 1."""
        return bisect_right(self.lines, offset)

    def before(self, offset: int) -> str:
        """Return the text of the line up to `offset`."""
        return self.data[self.lines[self.line_of(offset) - 1] : offset].decode("utf-8", "replace")

    def position(self, offset: int) -> Position:
        return Position(self.line_of(offset), len(self.before(offset)) + 1)

    def utf16(self, offset: int) -> tuple[int, int]:
        """Return line and character from 0, in UTF-16 units, as the language server protocol counts."""
        return self.line_of(offset) - 1, len(self.before(offset).encode("utf-16-le", "surrogatepass")) // 2

    def line_text(self, number: int) -> str:
        """Return line `number`, from 1, without its line end."""
        end = self.lines[number] if number < len(self.lines) else len(self.data)
        return self.data[self.lines[number - 1] : end].decode("utf-8", "replace").rstrip("\r\n")

    def span(self, start: int, end: int) -> Span:
        return Span(self, start, end)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes `start:end` of a source."""

    source: Source
    start: int
    end: int

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def line(self) -> int:
        return self.source.line_of(self.start)

    @property
    def column(self) -> int:
        return self.source.position(self.start).column

    @property
    def utf16(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Start and end as (line, character) from 0, in UTF-16 units."""
        return self.source.utf16(self.start), self.source.utf16(self.end)

    @property
    def text(self) -> str:
        return self.source.data[self.start : self.end].decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"
