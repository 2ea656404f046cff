"""The place in the tokens that the parser has reached, and how it goes on after an error."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Severity
from .lexer import Tokens
from .source import Source

# Nested constructs. A level costs up to six Python frames, and Python stops at a thousand.
MAX_NESTING = 90

# Words that start an item and cannot start a statement, and those that start either.
ITEM_WORDS = frozenset({"fn", "export", "extern"})
CONTEXTUAL_ITEMS = frozenset({"task", "param", "layout"})
STATEMENT_WORDS = frozenset({"const", "var", "if", "for", "while", "switch", "return", "break", "continue", "comptime"})


class Cursor:
    """Tokens, the current one, and what has been reported."""

    __slots__ = (
        *("source", "kinds", "texts", "starts", "ends", "at", "kind", "diagnostics", "panicking", "last"),
        *("nesting", "deepest", "longest"),
    )

    def __init__(self, source: Source, tokens: Tokens) -> None:
        self.source = source
        self.kinds, self.texts, self.starts, self.ends = tokens.kinds, tokens.texts, tokens.starts, tokens.ends
        self.diagnostics = list(tokens.diagnostics)
        self.at = 0
        self.kind = self.kinds[0]
        self.panicking = False  # an error was reported and the parser has not found its feet since
        self.last = ("", -1)  # code and place of the last report
        self.nesting = self.deepest = 0
        self.longest = 0  # chain of operators, of which the tree gets as high

    @property
    def text(self) -> str:
        return self.texts[self.at]

    @property
    def start(self) -> int:
        """Where the current token starts."""
        return self.starts[self.at]

    @property
    def end(self) -> int:
        """Where the last consumed token ends."""
        return self.ends[self.at - 1] if self.at else 0

    def advance(self) -> None:
        if self.kind != "eof":
            self.at += 1
            self.kind = self.kinds[self.at]

    def accept(self, kind: str) -> bool:
        """Consume the current token if it is of this kind."""
        if self.kind != kind:
            return False
        self.at += 1
        self.kind = self.kinds[self.at]
        return True

    def expect(self, kind: str, after: str = "") -> bool:
        """Consume a token of this kind, or report that it is missing and stay."""
        if self.accept(kind):
            return True
        place = f" after {after}" if after else ""
        found = f"found {self.describe()}" if self.kind != "eof" else "the file ends"
        # What is missing belongs behind the last token, not before one that may stand lines below.
        start = self.start if self.on_same_line() else max(self.end - 1, 0)
        end = self.ends[self.at] if self.on_same_line() else self.end
        self.error("expected-token", f"expected {kind!r}{place}, {found}", start, end)
        return False

    def describe(self) -> str:
        return repr(self.text) if self.kind != "eof" else "the end of the file"

    def on_same_line(self) -> bool:
        """Whether the current token stands on the line of the last one."""
        return "\n" not in self.source.text[self.end : self.start]

    def error(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        """Report an error, unless it follows from the last one."""
        if not self.panicking and (code, start) != self.last:
            self.diagnostics.append(Diagnostic(code, Severity.ERROR, self.source.span(start, end), message, hint))
        self.panicking = True
        self.last = (code, start)

    def error_here(self, code: str, message: str, hint: str = "") -> None:
        self.error(code, message, self.start, self.ends[self.at], hint)

    def enter(self) -> bool:
        """Go one level deeper; False, with a report, where that is too deep."""
        self.nesting += 1
        if self.nesting > self.deepest:
            self.deepest = self.nesting
        if self.nesting <= MAX_NESTING:
            return True
        self.error_here("nested-too-deep", f"more than {MAX_NESTING} constructs inside each other")
        return False

    def starts_item(self) -> bool:
        """Whether the current token can only be the start of an item at the top of the file."""
        if self.kind in ITEM_WORDS:
            return True
        if self.kind != "name" or self.text not in CONTEXTUAL_ITEMS:
            return False
        return self.kinds[self.at + 1] in {"name", "{"} and (self.text == "layout") == (self.kinds[self.at + 1] == "{")

    def at_line_start(self) -> bool:
        start = self.start
        return start == 0 or self.source.text[start - 1] == "\n"

    def synchronize(self) -> None:
        """Skip to where a statement or item may start: behind `;`, before `}`, or before a word that starts one."""
        self.panicking = False
        depth = 0
        first = self.at
        while self.kind != "eof":
            kind = self.kind
            if self.at_line_start() and (self.starts_item() or (self.at > first and kind in STATEMENT_WORDS)):
                break
            if depth == 0:
                if kind == "}":
                    break
                if kind == ";":
                    self.advance()
                    break
                if self.at > first and kind in STATEMENT_WORDS and not self.on_same_line():
                    break
            if kind == "{":
                depth += 1
            elif kind == "}":
                depth -= 1
            self.advance()
            if depth == 0 and kind == "}":
                break

    def recover(self, first: int) -> None:
        """After an error in what started at token `first`, go on behind it if its end was found."""
        if self.at > first and self.kinds[self.at - 1] in {";", "}"}:
            self.panicking = False
        else:
            self.synchronize()
