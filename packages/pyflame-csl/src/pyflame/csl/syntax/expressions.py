"""Expressions, by precedence climbing."""

from __future__ import annotations

from collections.abc import Callable

from . import ast, statements, types
from .cursor import Cursor
from .lexer import KEYWORDS
from .literals import number, string

PRECEDENCE = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), 3),
    **dict.fromkeys(("&", "^", "|"), 4),
    **dict.fromkeys(("<<", ">>"), 5),
    **dict.fromkeys(("+", "-", "++"), 6),
    **dict.fromkeys(("*", "/", "%", "**"), 7),
}
PREFIXES = frozenset({"-", "!", "~", "&"})


def expression(cursor: Cursor) -> ast.Expr:
    """Any expression; an ErrorNode of no length, with a report, where there is none."""
    if not cursor.enter():
        cursor.nesting -= 1
        return ast.ErrorNode(cursor.start, cursor.start)
    start = cursor.start
    left = operand(cursor)
    if cursor.kind in PRECEDENCE:
        left = _climb(cursor, start, left, 1)
    cursor.nesting -= 1
    return left


def _climb(cursor: Cursor, start: int, left: ast.Expr, minimum: int) -> ast.Expr:
    """`left` and the operators behind it that bind at least as tightly as `minimum`."""
    chain = 0
    while (level := PRECEDENCE.get(cursor.kind, 0)) >= minimum:
        op = cursor.kind
        cursor.advance()
        right_start = cursor.start
        right = operand(cursor)
        if PRECEDENCE.get(cursor.kind, 0) > level:
            right = _climb(cursor, right_start, right, level + 1)
        left = ast.Binary(start, cursor.end, op, left, right)
        chain += 1
    cursor.longest = max(cursor.longest, chain)
    return left


def operand(cursor: Cursor, braces: bool = True) -> ast.Expr:
    """A primary expression with its prefixes, calls, members and indices.

    Args:
        braces: whether `{` after a type starts a literal of that type.
    """
    if cursor.kind not in PREFIXES:
        return _suffixes(cursor, cursor.start, _primary(cursor, braces), braces)
    prefixes = []
    while cursor.kind in PREFIXES:
        prefixes.append((cursor.start, cursor.kind))
        cursor.advance()
    value = _suffixes(cursor, cursor.start, _primary(cursor, braces), braces)
    for start, op in reversed(prefixes):
        value = ast.Unary(start, cursor.end, op, value)
    cursor.longest = max(cursor.longest, len(prefixes))
    return value


def _suffixes(cursor: Cursor, start: int, value: ast.Expr, braces: bool) -> ast.Expr:
    chain = 0
    while True:
        kind = cursor.kind
        if kind == ".":
            cursor.advance()
            member = _member_name(cursor)
            value = ast.Member(start, cursor.end, value, member)
        elif kind == "(":
            cursor.advance()
            args = arguments(cursor, ")")
            value = ast.Call(start, cursor.end, value, args)
        elif kind == "[":
            cursor.advance()
            value = _index(cursor, start, value)
        elif kind == ".*":
            cursor.advance()
            value = ast.Deref(start, cursor.end, value)
        elif kind == "{" and braces and isinstance(value, ast.Name | ast.Member) and _starts_fields(cursor):
            cursor.advance()
            fields = _fields(cursor)
            value = ast.StructLiteral(start, cursor.end, value, fields)
        else:
            break
        chain += 1
    if chain > cursor.longest:
        cursor.longest = chain
    return value


def _index(cursor: Cursor, start: int, value: ast.Expr) -> ast.Expr:
    first = expression(cursor)
    if cursor.accept(".."):
        stop = None if cursor.kind == "]" else expression(cursor)
        cursor.expect("]", "the slice")
        return ast.Slice(start, cursor.end, value, first, stop)
    indices = [first]
    if cursor.accept(","):
        indices += arguments(cursor, "]")
    else:
        cursor.expect("]", "the index")
    return ast.Index(start, cursor.end, value, indices)


def arguments(cursor: Cursor, closer: str) -> list[ast.Expr]:
    """Expressions between commas up to `closer`, which is consumed."""
    found: list[ast.Expr] = []
    while cursor.kind != closer:
        found.append(expression(cursor))
        if not cursor.accept(","):
            break
    cursor.expect(closer)
    return found


def name(cursor: Cursor) -> ast.Name:
    """An identifier; an empty one, with a report, where there is none."""
    start = cursor.start
    if cursor.kind == "name":
        text = cursor.text
        cursor.advance()
        return ast.Name(start, cursor.end, text)
    cursor.error_here("expected-token", f"expected a name, found {cursor.describe()}")
    return ast.Name(start, start, "")


def _member_name(cursor: Cursor) -> ast.Name:
    """The name after a dot, where keywords are names too."""
    start, text = cursor.start, cursor.text
    if cursor.kind in KEYWORDS:
        cursor.advance()
        return ast.Name(start, cursor.end, text)
    return name(cursor)


def _primary(cursor: Cursor, braces: bool) -> ast.Expr:
    kind, start = cursor.kind, cursor.start
    if kind == "name":
        if types.is_task_type(cursor):
            return types.function_type(cursor)
        if cursor.kinds[cursor.at + 1] == ":" and cursor.kinds[cursor.at + 2] == "{":
            return statements.block(cursor)
        text = cursor.text
        cursor.advance()
        return ast.Name(start, cursor.end, text)
    if kind == "number":
        return number(cursor)
    if kind == "builtin":
        text = cursor.text[1:]
        cursor.advance()
        args = arguments(cursor, ")") if cursor.expect("(", f"'@{text}'") else []
        return ast.BuiltinCall(start, cursor.end, text, args)
    if kind == "(":
        cursor.advance()
        inner = expression(cursor)
        cursor.expect(")")
        return inner
    if kind == ".":
        cursor.advance()
        if cursor.accept("{"):
            fields = _fields(cursor)
            return ast.StructLiteral(start, cursor.end, None, fields)
        member = _member_name(cursor)
        return ast.EnumLiteral(start, cursor.end, member)
    if kind == "string":
        return string(cursor)
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(cursor)
    if kind == "[":
        return types.array_or_pointer(cursor, braces)
    cursor.error_here("expected-expression", f"expected a value or type, found {cursor.describe()}")
    return ast.ErrorNode(start, start)


def _starts_fields(cursor: Cursor) -> bool:
    return cursor.kinds[cursor.at + 1] in {".", "}"}


def _fields(cursor: Cursor) -> list[ast.FieldInit]:
    """`.a = 1, 2 }`, behind the opening brace."""
    found: list[ast.FieldInit] = []
    while cursor.kind != "}":
        start, at = cursor.start, cursor.at
        member = None
        if cursor.kind == "." and cursor.kinds[at + 2 : at + 3] == ["="]:
            cursor.advance()
            member = _member_name(cursor)
            cursor.advance()
        value = expression(cursor)
        found.append(ast.FieldInit(start, cursor.end, member, value))
        if not cursor.accept(","):
            break
    cursor.expect("}", "the fields")
    return found


def _constant(cursor: Cursor) -> ast.Expr:
    start, word = cursor.start, cursor.kind
    cursor.advance()
    if word == "null":
        return ast.NullLiteral(start, cursor.end)
    if word == "undefined":
        return ast.UndefinedLiteral(start, cursor.end)
    return ast.BoolLiteral(start, cursor.end, word == "true")


def _comptime(cursor: Cursor) -> ast.Expr:
    start = cursor.start
    cursor.advance()
    value = expression(cursor)
    return ast.ComptimeExpr(start, cursor.end, value)


def _if(cursor: Cursor) -> ast.Expr:
    start = cursor.start
    cursor.advance()
    condition = parenthesized(cursor, "'if'")
    then = expression(cursor)
    orelse = expression(cursor) if cursor.accept("else") else None
    return ast.IfExpr(start, cursor.end, condition, then, orelse)


def parenthesized(cursor: Cursor, after: str) -> ast.Expr:
    """`(value)`, as `if`, `while`, `for` and `switch` want it."""
    cursor.expect("(", after)
    value = expression(cursor)
    cursor.expect(")", f"the head of {after}")
    return value


def _tensor_access(cursor: Cursor) -> ast.Expr:
    """`|i, j|{4, 8} -> A[i, j]`."""
    start = cursor.start
    variables = captures(cursor)
    extents: list[ast.Expr] = []
    if cursor.expect("{", "the variables"):
        extents = arguments(cursor, "}")
    cursor.expect("->", "the extents")
    target = expression(cursor)
    return ast.TensorAccess(start, cursor.end, variables, extents, target)


def captures(cursor: Cursor) -> list[ast.Name]:
    """`|a, b|`."""
    found: list[ast.Name] = []
    if cursor.expect("|"):
        while cursor.kind == "name":
            found.append(name(cursor))
            if not cursor.accept(","):
                break
        cursor.expect("|", "the names")
    return found


def _braces(cursor: Cursor) -> ast.Expr:
    start = cursor.start
    if cursor.kinds[cursor.at + 1] == "}":
        cursor.advance()
        cursor.advance()
        return ast.VoidLiteral(start, cursor.end)
    return statements.block(cursor)


def _switch(cursor: Cursor) -> ast.Expr:
    return statements.switch(cursor, value=True)


_SPECIAL: dict[str, Callable[[Cursor], ast.Expr]] = {
    "true": _constant,
    "false": _constant,
    "null": _constant,
    "undefined": _constant,
    "comptime": _comptime,
    "if": _if,
    "switch": _switch,
    "|": _tensor_access,
    "{": _braces,
    "*": lambda cursor: types.pointer(cursor),
    "**": lambda cursor: types.pointer(cursor),
    "fn": lambda cursor: types.function_type(cursor),
    "enum": lambda cursor: types.enum_type(cursor),
    **dict.fromkeys(("struct", "union", "packed", "extern"), lambda cursor: types.container_type(cursor)),
}
