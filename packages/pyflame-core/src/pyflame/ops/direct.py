"""Public functions over functions of the core."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _core

F = TypeVar("F", bound=Callable[..., Any])


def direct(function: F) -> F:
    """Let calls go to the core's function of the same name, without running this one, where both take the arguments.

    The core's function takes the first parameters of this one, in the same order and with the same defaults: those that
    have the names of a record's, all operands of an elementwise record, and all parameters where there is no record.
    """
    name, code = function.__name__, function.__code__
    core = getattr(_core, name, None) or getattr(_core.ops, name)
    names = code.co_varnames[: code.co_argcount]
    made = _core.Direct(core, function, names, len(names) - len(function.__defaults__ or ()))
    return functools.update_wrapper(made, function)  # type: ignore[return-value]
