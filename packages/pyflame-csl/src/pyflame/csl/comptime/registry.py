"""The table of builtins that run while compiling; run-time code has its own in lower/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

BUILTINS: dict[str, tuple[int, int, Callable[..., Any]]] = {}
KNOWN_NAMES: set[str] = set()  # builtins of run-time code

_F = TypeVar("_F", bound=Callable[..., Any])


def builtin(name: str, low: int, high: int | None = None) -> Callable[[_F], _F]:
    """Register a handler `(evaluator, node, scope, want)` for `@name` with `low` to `high` arguments."""

    def register(handler: _F) -> _F:
        BUILTINS[name] = (low, low if high is None else high, handler)
        return handler

    return register
