"""Types, which are expressions that start in their own ways."""

from __future__ import annotations

from . import ast, declarations, expressions
from .cursor import Cursor


def type_expression(cursor: Cursor) -> ast.Expr:
    """A type where no value can stand, so that `{` after it starts a body."""
    start = cursor.start
    found = expressions.operand(cursor, braces=False) if cursor.enter() else ast.ErrorNode(start, start)
    cursor.nesting -= 1
    return found


def array_or_pointer(cursor: Cursor, braces: bool) -> ast.Expr:
    """`[n]T`, `[m, n]T` or `[*]T`, at its `[`; with braces also `[n]T{ ... }`."""
    start = cursor.start
    cursor.advance()
    if cursor.accept("*"):
        cursor.expect("]", "'[*'")
        return pointer_target(cursor, start, many=True)
    dims = expressions.arguments(cursor, "]")
    element = type_expression(cursor)
    array = ast.ArrayType(start, cursor.end, dims, element)
    if braces and cursor.accept("{"):
        elements = expressions.arguments(cursor, "}")
        return ast.ArrayLiteral(start, cursor.end, array, elements)
    return array


def pointer(cursor: Cursor) -> ast.Expr:
    """`*T`, at its `*`; `**T` is a pointer to a pointer."""
    start = cursor.start
    double = cursor.kind == "**"
    cursor.advance()
    inner = pointer_target(cursor, start + double, many=False)
    return ast.PointerType(start, cursor.end, False, False, inner) if double else inner


def pointer_target(cursor: Cursor, start: int, *, many: bool) -> ast.PointerType:
    const = cursor.accept("const")
    target = type_expression(cursor)
    return ast.PointerType(start, cursor.end, many, const, target)


def is_task_type(cursor: Cursor) -> bool:
    """Whether `task` here starts a type: its closing parenthesis is followed by a result type."""
    at = cursor.at + 1
    if cursor.text != "task" or cursor.kinds[at] != "(":
        return False
    depth = 0
    while cursor.kinds[at] not in {";", "{", "}", "eof"}:
        depth += {"(": 1, ")": -1}.get(cursor.kinds[at], 0)
        at += 1
        if depth == 0:
            return cursor.kinds[at] in {"name", "builtin", "fn"}
    return False


def function_type(cursor: Cursor) -> ast.FnType:
    """`fn(u16) void` or `task(u16) void`, at its first word."""
    start, kind = cursor.start, cursor.text
    cursor.advance()
    params = parameters(cursor)
    result = type_expression(cursor)
    return ast.FnType(start, cursor.end, kind, params, result)


def parameters(cursor: Cursor) -> list[ast.Param]:
    """`(a: u16, comptime b: T, u16)`; names are optional here."""
    found: list[ast.Param] = []
    if not cursor.expect("("):
        return found
    while cursor.kind not in {")", "eof"}:
        start = cursor.start
        comptime = cursor.accept("comptime")
        name = None
        if cursor.kind == "name" and cursor.kinds[cursor.at + 1] == ":":
            name = expressions.name(cursor)
            cursor.advance()
        kind = type_expression(cursor)
        found.append(ast.Param(start, cursor.end, name, kind, comptime))
        if not cursor.accept(","):
            break
    cursor.expect(")", "the parameters")
    return found


def enum_type(cursor: Cursor) -> ast.EnumType:
    """`enum(u16) { A, B = 4 }`, at its word."""
    start = cursor.start
    cursor.advance()
    tag = None
    if cursor.accept("("):
        tag = type_expression(cursor)
        cursor.expect(")", "the type of the enum")
    members: list[ast.EnumMember] = []
    cursor.expect("{", "'enum'")
    while cursor.kind == "name":
        first = cursor.start
        member = expressions.name(cursor)
        value = expressions.expression(cursor) if cursor.accept("=") else None
        members.append(ast.EnumMember(first, cursor.end, member, value))
        if not cursor.accept(","):
            break
    cursor.expect("}", "the members of the enum")
    return ast.EnumType(start, cursor.end, tag, members)


def container_type(cursor: Cursor) -> ast.ContainerType:
    """`struct { a: u16, }`, `packed struct`, `extern union`, at the first word."""
    start = cursor.start
    modifier = ""
    if cursor.kind in {"packed", "extern"}:
        modifier = cursor.kind
        cursor.advance()
    kind = cursor.kind
    if kind not in {"struct", "union"}:
        cursor.error_here("expected-token", f"expected 'struct' or 'union' after {modifier!r}")
    else:
        cursor.advance()
    members: list[ast.FieldDecl | ast.Item] = []
    if cursor.expect("{", f"{kind!r}"):
        members = container_members(cursor)
        cursor.expect("}", f"the members of the {kind}")
    return ast.ContainerType(start, cursor.end, kind, modifier, members)


def container_members(cursor: Cursor) -> list[ast.FieldDecl | ast.Item]:
    """Fields, each closed by `,` but the last, among declarations of constants and functions."""
    members: list[ast.FieldDecl | ast.Item] = []
    while cursor.kind not in {"}", "eof"}:
        first = cursor.start
        if cursor.kind in {"const", "var", "fn", "inline"}:
            members.append(declarations.local(cursor))
            continue
        if cursor.kind != "name":
            break
        name = expressions.name(cursor)
        cursor.expect(":", f"the field {name.id!r}")
        kind = type_expression(cursor)
        default = expressions.expression(cursor) if cursor.accept("=") else None
        members.append(ast.FieldDecl(first, cursor.end, name, kind, default))
        if not cursor.accept(","):
            break
    return members
