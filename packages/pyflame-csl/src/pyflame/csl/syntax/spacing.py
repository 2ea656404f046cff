"""Whether two tokens on one line have a space between them."""

from __future__ import annotations

from .roles import Roles

_NEVER_BEFORE = frozenset({")", "]", ",", ";", ".*", "..", "..."})
_NEVER_BEHIND = frozenset({"(", "[", ".", "..", "...", "builtin"})
# What `(` follows directly: what is called, and words that take arguments.
_CALLED = frozenset({"name", "builtin", "]", ".*", "fn", "enum", "align", "linksection"})
# What the bracket of an array or pointer type is followed by, directly.
_ELEMENTS = frozenset({"name", "builtin", "const", "fn", "enum", "struct", "union", "packed", "extern", "(", ".*"})
_JUMPS = frozenset({"break", "continue"})


def spaced(roles: Roles, at: int, brackets: list[tuple[int, int]]) -> bool:
    """Return whether a space belongs before token `at`, which does not start a line.

    Args:
        brackets: the open brackets, of which the first entries are their starts.
    """
    last, kind, start = roles.kinds[at - 1], roles.kinds[at], roles.starts[at]
    before = roles.starts[at - 1]
    if kind == "}" or last == "{":
        return not (kind == "}" and last == "{") and brackets[-1][0] not in roles.tight
    if kind in _NEVER_BEFORE or last in _NEVER_BEHIND or start in roles.closing:
        return False
    if before in roles.prefixes or before in roles.opening:
        return False
    if kind == ".":
        return start in roles.dots
    if kind == "{":
        return start not in roles.literals and start not in roles.tight
    if kind == "(":
        return last not in _CALLED
    if kind == "[":
        return start in roles.types and last != "]"
    if last == "]" and (kind in _ELEMENTS or start in roles.prefixes):
        return False
    if kind == ":":
        return last in _JUMPS or last == ")"
    return not (last == ":" and roles.kinds[at - 2] in _JUMPS)
