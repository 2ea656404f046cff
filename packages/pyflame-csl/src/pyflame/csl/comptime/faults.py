"""How evaluation stops on an error, and where the errors of a program collect."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Severity
from ..syntax.source import Span

MAX_NOTES = 12


class Fault(Exception):
    """One error in the program; calls on the way out add their places."""

    def __init__(self, code: str, span: Span | None, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.span = span
        self.message = message
        self.hint = hint
        self.notes: list[tuple[Span, str]] = []
        self.reported = False

    def through(self, span: Span, text: str) -> None:
        """Note a call that the error came through."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append((span, text))


class Report:
    """The diagnostics of one compilation, each once."""

    def __init__(self, limit: int = 100) -> None:
        self.found: dict[tuple[object, ...], Diagnostic] = {}
        self.limit = limit

    def add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.code, str(diagnostic.span), diagnostic.message)
        if len(self.found) < self.limit:
            self.found.setdefault(key, diagnostic)

    def fault(self, fault: Fault) -> None:
        if not fault.reported:
            fault.reported = True
            self.add(Diagnostic(fault.code, Severity.ERROR, fault.span, fault.message, fault.hint, tuple(fault.notes)))

    def error(self, code: str, span: Span | None, message: str, hint: str = "") -> None:
        self.add(Diagnostic(code, Severity.ERROR, span, message, hint))

    def warning(self, code: str, span: Span | None, message: str, hint: str = "") -> None:
        self.add(Diagnostic(code, Severity.WARNING, span, message, hint))

    def note(self, code: str, span: Span | None, message: str) -> None:
        self.add(Diagnostic(code, Severity.NOTE, span, message))

    @property
    def failed(self) -> bool:
        return any(found.severity is Severity.ERROR for found in self.found.values())

    def all(self) -> list[Diagnostic]:
        return list(self.found.values())
