"""What the checks say: a code, how bad it is, where, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .syntax.source import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# Stable names: a code is never renamed, nor used for something else. Each has a test with a program that gives it.
CODES = {
    # syntax
    "unexpected-character": "a byte that starts no token",
    "unterminated-string": "a string literal without its closing quote",
    "invalid-number": "a numeric literal that cannot be read",
    "invalid-escape": "an unknown escape in a string literal",
    "expected-token": "something else stands where the grammar wants a token",
    "expected-expression": "something else stands where a value or type belongs",
    "expected-statement": "something else stands where a statement belongs",
    "expected-declaration": "something else stands at the top of a file",
    "nested-too-deep": "constructs nested deeper than this front end follows",
    # names and modules
    "unknown-name": "a name that nothing declares",
    "unknown-field": "a field, member or option that does not exist",
    "unknown-builtin": "a builtin that does not exist",
    "unknown-param": "a value for a parameter that the file does not declare",
    "missing-param": "a parameter without a value",
    "missing-field": "a field that has to be given",
    "duplicate-name": "something declared, bound or set twice",
    "duplicate-field": "a field given twice",
    "global-cycle": "a global whose value depends on itself",
    "import-not-found": "a file or library that cannot be read",
    "import-depth": "imports that nest without end",
    # types and values
    "type-mismatch": "a value of the wrong type",
    "implicit-conversion": "a number that only an explicit conversion brings to its type",
    "wrong-arity": "the wrong number of arguments, indices or elements",
    "wrong-context": "a statement or builtin where it has no meaning",
    "value-range": "a number outside of what its type holds",
    "arithmetic": "an operation without a result, such as a division by zero",
    "index-bounds": "an index outside of its array",
    "not-assignable": "an assignment to something that keeps its value",
    "unused-value": "an expression whose value goes nowhere",
    "missing-return": "a function that may end without returning its result",
    "comptime-required": "a value that must be known while compiling and is not",
    "assert-failed": "a comptime_assert that does not hold",
    "comptime-print": "what a comptime_print says",
    "step-limit": "comptime code that does not end",
    "call-depth": "comptime calls that nest too deep",
    "unsupported": "a construct of the language that this front end does not know",
    "too-complex": "a function larger than this front end follows",
    # descriptors
    "not-affine": "a tensor access that is no affine function of its variables",
    "stride-range": "a stride outside of -128..127",
    "extent-range": "an extent outside of 0..65535",
    "dsr-direction": "a descriptor or register on the wrong side of an operation",
    "too-many-dsrs": "a data structure register that does not exist",
    "async-required": "a completion on an operation that is not asynchronous",
    # the program as a whole
    "no-layout": "a program without layout block or rectangle",
    "no-tile-code": "a PE without code",
    "outside-rectangle": "a PE outside of the rectangle",
    "unknown-export": "an exported symbol that the layout does not declare",
    "unbound-task": "a task used as an id without a binding",
    "duplicate-bind": "two tasks on one id",
    "id-clash": "a color and a local task with one id, where both share a space",
    "reserved-color": "a color that belongs to the runtime",
    "reserved-task-id": "a task id that belongs to the runtime",
    "reserved-queue": "a queue that belongs to the runtime",
    "queue-shared": "a queue with two colors",
    "queue-uninitialised": "a queue in use without a color",
    "unbound-activate": "an id that is activated without a task",
    "never-unblocked": "an id that is blocked and never unblocked",
    "stream-color-routed": "a configuration of a color that the host streams through",
    "route-off-fabric": "a route over the edge of the fabric",
    "route-not-received": "a route to a neighbour that does not take the color",
    "route-loop": "a color that goes in a circle",
    "route-two-inputs": "a color received from two directions at a time",
    "out-of-memory": "a program that does not fit into a PE",
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: a key of `CODES`.
        severity: an ERROR makes a program unusable.
        span: the bytes it is about; None where there is no source, as for a whole program.
        message: what is wrong, with the names and values.
        hint: what to do; empty if that is not known.
        notes: further places, such as the calls that led here, each with a sentence.
    """

    code: str
    severity: Severity
    span: Span | None
    message: str
    hint: str = ""
    notes: tuple[tuple[Span, str], ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"[csl] {self.code!r} is not in the table of diagnostics.py")

    def __str__(self) -> str:
        where = f"{self.span}: " if self.span else ""
        lines = [f"{where}{self.severity.value}: {self.message} [{self.code}]"]
        lines += [f"  {span}: note: {text}" for span, text in self.notes]
        lines += [f"  hint: {self.hint}"] if self.hint else []
        return "\n".join(lines)


def render(diagnostic: Diagnostic) -> str:
    """Return a diagnostic with the line it is about, and a mark below the place."""
    text, span = str(diagnostic), diagnostic.span
    if span is None:
        return text
    line = span.source.line_text(span.line)
    before = span.source.before(span.start)
    length = max(1, min(len(span.text.split("\n")[0]), len(line) - len(before)))
    pad = "".join("\t" if character == "\t" else " " for character in before)
    head, *rest = text.split("\n")
    return "\n".join([head, f"  {line}", f"  {pad}{'^' * length}", *rest])


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of `diagnostics` is an error."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


class CSLError(Exception):
    """A CSL program cannot be used; the text lists the errors.

    Attributes:
        diagnostics: all findings, warnings too.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = list(diagnostics)
        errors = [str(found) for found in self.diagnostics if found.severity is Severity.ERROR]
        super().__init__("\n".join(errors))
