"""Text to tokens, with one regular expression."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..diagnostics import Diagnostic, Severity
from .ast import Comment
from .source import Source, Span

# `task`, `param` and `layout` are names that mean something in their place only.
KEYWORDS = frozenset(
    "align and break comptime const continue else enum export extern false fn for if inline linksection null or packed "
    "return struct switch true undefined union var while".split()
)
OPERATORS = (
    "<<= >>= ... .* .. -> => == != <= >= << >> += -= *= /= %= &= |= ^= ++ ** "
    "+ - * / % & | ^ ~ ! < > = . , ; : ( ) { } [ ]"
).split()

_TOKEN = re.compile(
    r"""[ \t\r\n\f]*+(?:
      (?P<name> [A-Za-z_][A-Za-z0-9_]*+)
    | (?P<comment> //[^\n]*+)
    | (?P<operator> OPERATOR)
    | (?P<builtin> @[A-Za-z_][A-Za-z0-9_]*+)
    | (?P<number> 0[xX](?:[pP][+-]|[0-9A-Za-z_]|\.(?=[0-9A-Fa-f]))*+
                | [0-9](?:[eE][+-](?=[0-9])|[0-9A-Za-z_]|\.(?=[0-9]))*+)
    | (?P<string> "(?:[^"\\\n]|\\[^\n])*+"?)
    | (?P<other> [^ \t\r\n\f])
    )""".replace("OPERATOR", "|".join(map(re.escape, OPERATORS))),
    re.VERBOSE,
)


@dataclass(slots=True)
class Tokens:
    """The tokens of a source as columns, closed by two of kind `eof`.

    A kind is the keyword or operator itself, or one of `name` `builtin` `number` `string` `other` `eof`.
    """

    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        kind: `keyword`, `operator`, `name`, `builtin`, `number`, `string`, `comment`, or `other` for a byte that starts
            no token.
    """

    kind: str
    text: str
    span: Span


def scan(source: Source) -> Tokens:
    """Split a source into tokens; never fails."""
    found = Tokens()
    kinds, texts, starts, ends = found.kinds, found.texts, found.starts, found.ends
    keywords = KEYWORDS
    for match in _TOKEN.finditer(source.text):
        kind = match.lastgroup or ""
        text = match[kind]
        start, end = match.span(kind)
        if kind == "name":
            kind = text if text in keywords else "name"
        elif kind == "operator":
            kind = text
        elif kind == "comment":
            found.comments.append(Comment(start, end - text.endswith("\r")))
            continue
        elif kind == "string":
            _check_string(source, text, start, end, found)
        elif kind == "other":
            _other(source, start, found)
            continue
        kinds.append(kind)
        texts.append(text)
        starts.append(start)
        ends.append(end)
    size = len(source.data)
    for _ in range(2):
        kinds.append("eof")
        texts.append("")
        starts.append(size)
        ends.append(size)
    return found


def _check_string(source: Source, text: str, start: int, end: int, found: Tokens) -> None:
    if len(text) < 2 or not text.endswith('"'):
        problem = Diagnostic(
            "unterminated-string",
            Severity.ERROR,
            source.span(start, end),
            "the string does not end on its line",
            'close it with "',
        )
        found.diagnostics.append(problem)


def _other(source: Source, start: int, found: Tokens) -> None:
    """Report a byte that starts no token; bytes of one run, such as a word in another script, are one report."""
    if found.diagnostics and found.diagnostics[-1].code == "unexpected-character":
        last = found.diagnostics[-1].span
        if last is not None and last.end == start:
            found.diagnostics[-1] = _unexpected(source, last.start, start + 1)
            return
    found.diagnostics.append(_unexpected(source, start, start + 1))


def _unexpected(source: Source, start: int, end: int) -> Diagnostic:
    span = source.span(start, end)
    message = f"{span.text!r} starts no token of the language"
    return Diagnostic("unexpected-character", Severity.ERROR, span, message)


def tokens(text: str | bytes) -> list[Token]:
    """Return the tokens of a CSL text with its comments, in order.

    Example:
        >>> import pyflame as pf
        >>> [(token.kind, token.text) for token in pf.csl.tokens("var x: u16; // sum")][:3]
        [('keyword', 'var'), ('name', 'x'), ('operator', ':')]
    """
    source = Source(text)
    found = []
    for match in _TOKEN.finditer(source.text):
        kind = match.lastgroup or ""
        span = source.span(*match.span(kind))
        found.append(Token("keyword" if match[kind] in KEYWORDS else kind, span.text, span))
    return found
