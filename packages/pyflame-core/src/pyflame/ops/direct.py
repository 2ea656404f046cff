"""Public functions that record one op."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _core

if TYPE_CHECKING:
    from .._core import Op

F = TypeVar("F", bound=Callable[..., Any])


def direct(record: Op, count: int) -> Callable[[F], F]:
    """Let calls that give the first parameters only go to the record, without running the function.

    Args:
        record: takes these parameters in the same order, with the same defaults.
        count: of these parameters.
    """

    def decorate(function: F) -> F:
        code, defaults = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[:count]
        made = _core.Direct(record, function, names, min(count, code.co_argcount - len(defaults)))
        return functools.update_wrapper(made, function)  # type: ignore[return-value]

    return decorate
