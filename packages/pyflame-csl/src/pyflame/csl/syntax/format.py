"""One way to lay out CSL. Tokens and comments stay as they are; spaces, indentation and some line breaks change."""

from __future__ import annotations

from itertools import groupby

from ..diagnostics import CSLError, has_errors
from .ast import Comment
from .lexer import scan
from .parser import parse_source
from .roles import Roles
from .source import Source
from .spacing import spaced

INDENT = "  "
CLOSERS = frozenset(")]}")
# What ends an element or statement: a line that starts behind it continues nothing.
_ENDERS = frozenset({"", ",", ";", "{", "(", "[", "}"})


def format(text: str, path: str = "<text>") -> str:
    """Return a CSL text in the one layout; formatting the result again changes nothing.

    Args:
        path: where it is from, for messages.

    Raises:
        CSLError: the text has syntax errors.

    Example:
        >>> import pyflame as pf
        >>> pf.csl.format("var   x:u16=1 ;// one")
        'var x: u16 = 1; // one\\n'
    """
    source = Source(text, path)
    module, diagnostics = parse_source(source)
    if has_errors(diagnostics):
        raise CSLError(diagnostics)
    tokens = scan(source)
    lines = _Printer(source, Roles(module, tokens), tokens.texts, tokens.ends, tokens.comments).run()
    return "".join(f"{line}\n" for line in lines).encode("latin-1").decode("utf-8", "surrogatepass")


class _Printer:
    def __init__(
        self, source: Source, roles: Roles, texts: list[str], ends: list[int], comments: list[Comment]
    ) -> None:
        self.source, self.roles, self.texts, self.ends, self.comments = source.text, roles, texts, ends, comments
        self.kinds, self.starts = roles.kinds, roles.starts
        self.lines: list[str] = []
        self.line = ""
        self.depth = 0  # indentation of the current line
        self.base = 0  # and of the line on which the current statement starts
        self.open: list[tuple[int, int]] = []  # of each open bracket: its start, and what its inside is indented from
        self.opened = True  # nothing was printed since the start of the file or of a block
        self.trailing: list[tuple[int, int, str]] = []  # of a comment behind code: output line, column it had, text

    def run(self) -> list[str]:
        waiting = iter([*self.comments, Comment(len(self.source) + 1, 0)])
        comment = next(waiting)
        end = 0
        for at, start in enumerate(self.starts[:-1]):
            commented = False
            while comment.start < start:
                self.comment(at, comment, self.source[end : comment.start])
                end, commented, comment = comment.end, True, next(waiting)
            if self.kinds[at] != "eof":
                self.token(at, self.source[end:start], commented)
                end = self.ends[at]
        self.finish()
        self.align_comments()
        return self.lines

    def comment(self, at: int, comment: Comment, gap: str) -> None:
        """Print a comment that stands before token `at`, and `gap` behind what is printed."""
        text = self.source[comment.start : comment.end].rstrip()
        if self.line and "\n" not in gap:
            column = comment.start - self.source.rfind("\n", 0, comment.start)
            self.trailing.append((len(self.lines), column, text))
        else:
            self.finish()
            self.blank_line(gap)
            self.depth = self.indentation(at)
            self.line = text
        self.finish()
        self.opened = False

    def token(self, at: int, gap: str, commented: bool) -> None:
        """Print token `at`, which stands `gap` behind what is printed."""
        kind, start = self.kinds[at], self.starts[at]
        broken = "\n" in gap and start not in self.roles.joined
        if start in self.roles.lines or broken or commented:
            self.finish()
            if kind in CLOSERS:
                self.depth = self.open[-self.closers(at)][1]
            else:
                self.blank_line(gap)
                self.depth = self.indentation(at)
            if start in self.roles.lines or start in self.roles.bodies:
                self.base = self.depth
        elif self.line and spaced(self.roles, at, self.open):
            self.line += " "
        self.line += self.texts[at]
        if kind in "([{":
            self.open.append((start, self.base if start in self.roles.joined else self.depth))
        elif kind in CLOSERS:
            self.open.pop()
        self.opened = kind == "{"

    def closers(self, at: int) -> int:
        """How many closing brackets stand together from token `at`, on the line it starts."""
        count = 1
        while self.kinds[at + count] in CLOSERS and self.starts[at + count] not in self.roles.lines:
            if "\n" in self.source[self.ends[at + count - 1] : self.starts[at + count]]:
                break
            count += 1
        return count

    def indentation(self, at: int) -> int:
        """How far a line is indented that starts with token `at`, or with a comment before it."""
        start = self.starts[at]
        depth = self.open[-1][1] + 1 if self.open else 0
        ends = self.kinds[at - 1] in _ENDERS if at else True
        return depth + (not ends and start not in self.roles.lines and start not in self.roles.flush)

    def blank_line(self, gap: str) -> None:
        """Keep one of the blank lines in `gap`."""
        if gap.count("\n") > 1 and not self.opened:
            self.lines.append("")

    def finish(self) -> None:
        if self.line:
            self.lines.append(INDENT * self.depth + self.line)
            self.line = ""

    def align_comments(self) -> None:
        """Print the comments behind code; those of neighbouring lines that were aligned stay so."""
        # Neighbours at one column have the same difference of line and place in the list.
        for _, group in groupby(enumerate(self.trailing), lambda entry: (entry[1][0] - entry[0], entry[1][1])):
            aligned = [entry for _, entry in group]
            width = max(len(self.lines[line]) for line, _, _ in aligned)
            for line, _, text in aligned:
                self.lines[line] = f"{self.lines[line]:{width}} {text}"
