"""Statements and blocks."""

from __future__ import annotations

from collections.abc import Callable

from . import ast, declarations, expressions
from .cursor import Cursor

ASSIGNMENTS = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})
# What may follow `break` or `return` instead of a value.
ENDS_VALUE = frozenset({";", ",", "}", ")", "else", "eof"})


def block(cursor: Cursor) -> ast.Block:
    """`{ ... }`, with a label before it or not; a missing brace is reported."""
    start = cursor.start
    label = None
    if cursor.kind == "name":
        label = expressions.name(cursor).id
        cursor.expect(":", "the label")
    body: list[ast.Statement] = []
    if cursor.expect("{"):
        while cursor.kind not in {"}", "eof"} and not cursor.starts_item():
            body.append(statement(cursor))
        cursor.expect("}", "the block")
    return ast.Block(start, cursor.end, body, label)


def statement(cursor: Cursor, semicolon: bool = True) -> ast.Statement:
    """One statement, at least one token long unless the block or file ends here.

    Args:
        semicolon: whether `;` must close a statement that is no block.
    """
    start, at = cursor.start, cursor.at
    if cursor.enter():
        found = _statement(cursor, semicolon)
    else:
        cursor.synchronize()
        found = ast.ErrorNode(start, cursor.end)
    cursor.nesting -= 1
    if cursor.panicking and semicolon:
        cursor.recover(at)
        if isinstance(found, ast.ErrorNode) or cursor.at == at:
            found = ast.ErrorNode(start, max(start, cursor.end))
    return found


def _statement(cursor: Cursor, semicolon: bool) -> ast.Statement:
    kind = cursor.kind
    if kind == "name" and cursor.kinds[cursor.at + 1] == ":":
        return _labelled(cursor, semicolon)
    parse = _STATEMENTS.get(kind)
    if parse is not None:
        return parse(cursor, semicolon)
    return _expression_statement(cursor, semicolon)


def _expression_statement(cursor: Cursor, semicolon: bool) -> ast.Statement:
    start = cursor.start
    found = expression_or_assignment(cursor)
    if found.end == start and cursor.start == start:
        return ast.ErrorNode(start, start)
    close(cursor, semicolon)
    found.end = cursor.end
    return found


def expression_or_assignment(cursor: Cursor) -> ast.ExprStatement | ast.Assign:
    start = cursor.start
    left = expressions.expression(cursor)
    op = cursor.kind
    if op not in ASSIGNMENTS:
        return ast.ExprStatement(start, max(start, left.end), left)
    cursor.advance()
    right = expressions.expression(cursor)
    return ast.Assign(start, cursor.end, op, left, right)


def close(cursor: Cursor, semicolon: bool) -> None:
    """Want `;`. Where the next token stands on another line, parsing goes on there after the report."""
    if semicolon and not cursor.expect(";") and not cursor.on_same_line():
        cursor.panicking = False


def _labelled(cursor: Cursor, semicolon: bool) -> ast.Statement:
    if cursor.kinds[cursor.at + 2] == "{":
        return block(cursor)
    start = cursor.start
    label = expressions.name(cursor).id
    cursor.advance()
    if cursor.kind in {"while", "for", "inline"}:
        found = _STATEMENTS[cursor.kind](cursor, semicolon)
        if isinstance(found, ast.While | ast.For):
            found.start, found.label = start, label
        return found
    cursor.error_here("expected-statement", f"expected a loop or block after the label {label!r}")
    return ast.ErrorNode(cursor.start, cursor.start)


def _block(cursor: Cursor, semicolon: bool) -> ast.Block:
    return block(cursor)


def _if(cursor: Cursor, semicolon: bool) -> ast.If:
    start = cursor.start
    cursor.advance()
    condition = expressions.parenthesized(cursor, "'if'")
    then = statement(cursor, semicolon=False)
    orelse = None
    if cursor.accept("else"):
        orelse = statement(cursor, semicolon)
    elif wants_semicolon(then):
        close(cursor, semicolon)
    return ast.If(start, cursor.end, condition, then, orelse)


def wants_semicolon(node: ast.Statement) -> bool:
    """Whether this statement, parsed without its `;`, needs one."""
    if isinstance(node, ast.If):
        return wants_semicolon(node.orelse or node.then)
    if isinstance(node, ast.While | ast.For):
        return wants_semicolon(node.body)
    return not isinstance(node, ast.Block | ast.Switch | ast.ComptimeBlock)


def _while(cursor: Cursor, semicolon: bool) -> ast.While:
    start = cursor.start
    cursor.advance()
    condition = expressions.parenthesized(cursor, "'while'")
    step = None
    if cursor.accept(":"):
        cursor.expect("(", "':'")
        step = expression_or_assignment(cursor)
        cursor.expect(")", "the step")
    body = statement(cursor, semicolon)
    return ast.While(start, cursor.end, condition, step, body)


def _for(cursor: Cursor, semicolon: bool) -> ast.For:
    start = cursor.start
    cursor.advance()
    iterable = expressions.parenthesized(cursor, "'for'")
    captures = expressions.captures(cursor)
    body = statement(cursor, semicolon)
    return ast.For(start, cursor.end, iterable, captures, body)


def _inline(cursor: Cursor, semicolon: bool) -> ast.Statement:
    start = cursor.start
    cursor.advance()
    if cursor.kind not in {"while", "for"}:
        cursor.error_here("expected-statement", "expected 'while' or 'for' after 'inline'")
        return ast.ErrorNode(start, cursor.end)
    found = _STATEMENTS[cursor.kind](cursor, semicolon)
    if isinstance(found, ast.While | ast.For):
        found.start, found.inline = start, True
    return found


def _switch(cursor: Cursor, semicolon: bool) -> ast.Switch:
    found = switch(cursor, value=False)
    cursor.accept(";")
    return found


def switch(cursor: Cursor, *, value: bool) -> ast.Switch:
    """`switch (subject) { ... }`, at its word.

    Args:
        value: whether it stands as an expression, so that the prongs hold expressions.
    """
    start = cursor.start
    cursor.advance()
    subject = expressions.parenthesized(cursor, "'switch'")
    prongs: list[ast.Prong] = []
    if cursor.expect("{", "'switch'"):
        while cursor.kind not in {"}", "eof"}:
            at = cursor.at
            prongs.append(_prong(cursor, value))
            if not cursor.accept(",") and (cursor.kind != "}" or cursor.at == at):
                cursor.expect("}", "the prong")
                break
        else:
            cursor.expect("}", "the prongs")
    return ast.Switch(start, cursor.end, subject, prongs)


def _prong(cursor: Cursor, value: bool) -> ast.Prong:
    start = cursor.start
    items: list[ast.Expr] = []
    if not cursor.accept("else"):
        while True:
            first = cursor.start
            item = expressions.expression(cursor)
            if cursor.accept("..."):
                high = expressions.expression(cursor)
                item = ast.Range(first, cursor.end, item, high)
            items.append(item)
            if not cursor.accept(",") or cursor.kind == "=>":
                break
    cursor.expect("=>", "the value of the prong")
    body: ast.Statement | ast.Expr
    if value and cursor.kind not in {"return", "break", "continue"}:
        body = expressions.expression(cursor)
    else:
        body = statement(cursor, semicolon=False)
        if isinstance(body, ast.ExprStatement):
            body = body.value
    return ast.Prong(start, cursor.end, items, body)


def _jump(cursor: Cursor, semicolon: bool) -> ast.Break | ast.Continue:
    start, kind = cursor.start, cursor.kind
    cursor.advance()
    label = value = None
    if cursor.accept(":"):
        label = expressions.name(cursor).id
    if kind == "break" and cursor.kind not in ENDS_VALUE:
        value = expressions.expression(cursor)
    close(cursor, semicolon)
    if kind == "break":
        return ast.Break(start, cursor.end, label, value)
    return ast.Continue(start, cursor.end, label)


def _return(cursor: Cursor, semicolon: bool) -> ast.Return:
    start = cursor.start
    cursor.advance()
    value = None if cursor.kind in ENDS_VALUE else expressions.expression(cursor)
    close(cursor, semicolon)
    return ast.Return(start, cursor.end, value)


def _variable(cursor: Cursor, semicolon: bool) -> ast.VarDecl:
    return declarations.variable(cursor, semicolon=semicolon)


def _comptime(cursor: Cursor, semicolon: bool) -> ast.Statement:
    start, following = cursor.start, cursor.kinds[cursor.at + 1]
    if following == "{":
        cursor.advance()
        body = block(cursor)
        return ast.ComptimeBlock(start, cursor.end, body)
    if following in {"const", "var"}:
        cursor.advance()
        found = declarations.variable(cursor, semicolon=semicolon)
        found.start, found.comptime = start, True
        return found
    return _expression_statement(cursor, semicolon)


_STATEMENTS: dict[str, Callable[[Cursor, bool], ast.Statement]] = {
    "{": _block,
    "if": _if,
    "while": _while,
    "for": _for,
    "inline": _inline,
    "switch": _switch,
    "break": _jump,
    "continue": _jump,
    "return": _return,
    "const": _variable,
    "var": _variable,
    "comptime": _comptime,
}
