"""The values of number and string tokens."""

from __future__ import annotations

import re

from . import ast
from .cursor import Cursor

_INTEGER = re.compile(r"0[xX][0-9A-Fa-f_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*")
_FLOAT = re.compile(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9_]+)?")
_HEX_FLOAT = re.compile(r"0[xX][0-9A-Fa-f_]+(\.[0-9A-Fa-f_]+)?([pP][+-]?[0-9_]+)?")
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,8}\}|.)", re.DOTALL)
_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0", b"\\": b"\\", b'"': b'"', b"'": b"'"}


def number(cursor: Cursor) -> ast.IntLiteral | ast.FloatLiteral:
    """A number token as literal; one that cannot be read is reported and stands as 0."""
    start, text = cursor.start, cursor.text
    cursor.advance()
    end = cursor.end
    digits = text.replace("_", "")
    try:
        if _INTEGER.fullmatch(text):
            return ast.IntLiteral(start, end, int(digits, 10 if digits.isdigit() else 0))
        if _FLOAT.fullmatch(text):
            return ast.FloatLiteral(start, end, float(digits))
        if _HEX_FLOAT.fullmatch(text):
            return ast.FloatLiteral(start, end, float.fromhex(digits))
    except (ValueError, OverflowError):
        pass
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    cursor.error("invalid-number", f"{shown!r} is no number", start, end)
    return ast.IntLiteral(start, end, 0)


def string(cursor: Cursor) -> ast.StringLiteral:
    """A string token as literal, escapes replaced."""
    start = cursor.start
    cursor.advance()
    end = cursor.end
    raw = cursor.source.data[start + 1 : end]
    raw = raw.removesuffix(b'"')
    if b"\\" in raw:
        raw = _ESCAPE.sub(lambda match: _unescape(cursor, match, start + 1), raw)
    return ast.StringLiteral(start, end, raw.decode("utf-8", "replace"))


def _unescape(cursor: Cursor, match: re.Match[bytes], base: int) -> bytes:
    escape = match[1]
    if escape in _SIMPLE:
        return _SIMPLE[escape]
    if len(escape) == 3 and escape[:1] == b"x":
        return bytes([int(escape[1:], 16)])
    if escape[:2] == b"u{":
        point = int(escape[2:-1], 16)
        if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF:
            return chr(point).encode()
    start = base + match.start()
    shown = match[0].decode("utf-8", "replace")
    message = f"{shown!r} is no escape; the escapes are \\n \\r \\t \\0 \\\\ \\\" \\' \\xNN and \\u{{N}}"
    cursor.error("invalid-escape", message, start, base + match.end())
    return match[0]
