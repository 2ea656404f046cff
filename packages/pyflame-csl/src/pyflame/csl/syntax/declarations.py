"""What stands at the top of a file."""

from __future__ import annotations

from . import ast, expressions, statements, types
from .cursor import Cursor

WORDS = "'const', 'var', 'param', 'fn', 'task', 'comptime' or 'layout'"


def items(cursor: Cursor) -> list[ast.Item]:
    """All items up to the end of the file."""
    found: list[ast.Item] = []
    while cursor.kind != "eof":
        start, at = cursor.start, cursor.at
        parsed = item(cursor)
        if cursor.panicking:
            cursor.recover(at)
            if cursor.at == at:
                cursor.advance()
            if isinstance(parsed, ast.ErrorNode):
                parsed.start, parsed.end = start, cursor.end
        found.append(parsed)
    return found


def item(cursor: Cursor) -> ast.Item:
    """One item; an ErrorNode of no length, with a report, where there is none."""
    start, kind = cursor.start, cursor.kind
    if kind == "name":
        return _contextual(cursor)
    if kind in {"const", "var"}:
        return variable(cursor)
    if kind in {"fn", "inline"}:
        return function(cursor)
    if kind == "comptime":
        cursor.advance()
        if cursor.kind in {"const", "var"}:
            found = variable(cursor)
            found.start, found.comptime = start, True
            return found
        body = statements.block(cursor)
        return ast.ComptimeBlock(start, cursor.end, body)
    if kind in {"export", "extern"}:
        cursor.advance()
        if cursor.kind in {"const", "var", "fn", "inline"}:
            exported = local(cursor)
            exported.start = start
            exported.export, exported.extern = kind == "export", kind == "extern"
            return exported
        cursor.error_here("expected-declaration", f"expected 'const', 'var' or 'fn' after {kind!r}")
        return ast.ErrorNode(start, cursor.end)
    return _no_item(cursor)


def _no_item(cursor: Cursor) -> ast.ErrorNode:
    start = cursor.start
    cursor.error_here("expected-declaration", f"expected {WORDS}, found {cursor.describe()}")
    return ast.ErrorNode(start, start)


def _contextual(cursor: Cursor) -> ast.Item:
    start, word = cursor.start, cursor.text
    if word == "param":
        return parameter(cursor)
    if word == "task":
        return task(cursor)
    if word == "layout":
        cursor.advance()
        body = statements.block(cursor)
        return ast.LayoutBlock(start, cursor.end, body)
    return _no_item(cursor)


def local(cursor: Cursor) -> ast.VarDecl | ast.FnDecl:
    """A variable or function, at its first word."""
    return variable(cursor) if cursor.kind in {"const", "var"} else function(cursor)


def variable(cursor: Cursor, semicolon: bool = True) -> ast.VarDecl:
    """`const` or `var`, at its word."""
    start = cursor.start
    mutable = cursor.kind == "var"
    cursor.advance()
    name = expressions.name(cursor)
    kind = types.type_expression(cursor) if cursor.accept(":") else None
    align = linksection = None
    while cursor.kind in {"align", "linksection"}:
        word = cursor.kind
        cursor.advance()
        value = expressions.parenthesized(cursor, repr(word))
        if word == "align":
            align = value
        else:
            linksection = value
    initial = expressions.expression(cursor) if cursor.accept("=") else None
    statements.close(cursor, semicolon)
    return ast.VarDecl(start, cursor.end, name, kind, initial, mutable, align, linksection)


def parameter(cursor: Cursor) -> ast.ParamDecl:
    """`param name: type = default;`."""
    start = cursor.start
    cursor.advance()
    name = expressions.name(cursor)
    kind = types.type_expression(cursor) if cursor.accept(":") else None
    default = expressions.expression(cursor) if cursor.accept("=") else None
    statements.close(cursor, True)
    return ast.ParamDecl(start, cursor.end, name, kind, default)


def function(cursor: Cursor) -> ast.FnDecl:
    """`fn name(...) type { ... }`, or with `;` for a body elsewhere."""
    start = cursor.start
    inline = cursor.accept("inline")
    cursor.expect("fn", "'inline'")
    name, params, result = _head(cursor)
    body = None
    if not cursor.accept(";"):
        body = statements.block(cursor)
    return ast.FnDecl(start, cursor.end, name, params, result, body, inline=inline)


def task(cursor: Cursor) -> ast.TaskDecl:
    """`task name(...) void { ... }`."""
    start = cursor.start
    cursor.advance()
    name, params, result = _head(cursor)
    body = statements.block(cursor)
    return ast.TaskDecl(start, cursor.end, name, params, result, body)


def _head(cursor: Cursor) -> tuple[ast.Name, list[ast.Param], ast.Expr | None]:
    name = expressions.name(cursor)
    params = types.parameters(cursor)
    result = None if cursor.kind in {"{", ";"} else types.type_expression(cursor)
    return name, params, result
