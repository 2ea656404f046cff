"""Text to tree."""

from __future__ import annotations

from ..diagnostics import CSLError, Diagnostic, Severity, has_errors
from . import ast, declarations
from .cursor import Cursor
from .lexer import scan
from .source import Source


def parse_source(source: Source) -> tuple[ast.Module, list[Diagnostic]]:
    """Return the tree of a source, partial where it has errors, and what was found wrong."""
    tokens = scan(source)
    cursor = Cursor(source, tokens)
    items = declarations.items(cursor)
    module = ast.Module(0, len(source.data), items, source, tokens.comments)
    if cursor.diagnostics:
        for node in ast.walk(module):
            node.end = max(node.start, node.end)  # what is missing has no length
    # A level of nesting is up to four nodes high besides its chain of operators.
    if cursor.deepest * (cursor.longest + 4) > ast.MAX_HEIGHT:
        _cut(module, cursor)
    diagnostics = sorted(cursor.diagnostics, key=lambda found: found.span.start if found.span else 0)
    return module, diagnostics


def parse(text: str | bytes, path: str = "<text>") -> ast.Module:
    """Return the tree of a CSL text.

    Args:
        path: where it is from, for messages.

    Raises:
        CSLError: the text has syntax errors. `check` returns them instead, and all of them.

    Example:
        >>> import pyflame as pf
        >>> module = pf.csl.parse("param width: u16;")
        >>> module.items[0].name.id
        'width'
    """
    module, diagnostics = parse_source(Source(text, path))
    if has_errors(diagnostics):
        raise CSLError(diagnostics)
    return module


def _cut(module: ast.Module, cursor: Cursor) -> None:
    """Replace each item that is higher than MAX_HEIGHT."""
    for at, item in enumerate(module.items):
        if _height(item) > ast.MAX_HEIGHT - 1:
            message = f"expressions and blocks are more than {ast.MAX_HEIGHT} levels deep"
            hint = "split it into several statements or functions"
            span = module.source.span(item.start, item.end)
            cursor.diagnostics.append(Diagnostic("nested-too-deep", Severity.ERROR, span, message, hint))
            module.items[at] = ast.ErrorNode(item.start, item.end)


def _height(node: ast.Node) -> int:
    height, level = 0, [node]
    while level:
        height += 1
        level = [child for parent in level for child in ast.children(parent)]
    return height
