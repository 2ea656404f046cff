"""The table of builtins that run-time code handles itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..comptime.registry import KNOWN_NAMES

RUN_TIME_BUILTINS: dict[str, tuple[int, int, Callable[..., Any]]] = {}
_F = TypeVar("_F", bound=Callable[..., Any])


def run_time(name: str, low: int, high: int | None = None) -> Callable[[_F], _F]:
    """Register a handler `(lowering, node, scope, want)` for `@name` with `low` to `high` arguments."""

    def register(handler: _F) -> _F:
        RUN_TIME_BUILTINS[name] = (low, low if high is None else high, handler)
        KNOWN_NAMES.add(name)
        return handler

    return register
