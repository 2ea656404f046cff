"""When to record operations for gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _core

F = TypeVar("F", bound=Callable[..., Any])

_enabled = _core.grad_enabled
_set_enabled = _core.set_grad_enabled


class _GradMode(_core.GradSwitch):
    """A context manager and decorator that sets whether operations are recorded for gradients."""

    def __init__(self, mode: bool) -> None:
        self._mode = mode

    def __call__(self, function: F) -> F:
        mode = self._mode

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            previous = _set_enabled(mode)
            try:
                return function(*args, **kwargs)
            finally:
                _set_enabled(previous)

        return call  # type: ignore[return-value]


class no_grad(_GradMode):
    """Stop recording for gradients, in a `with` block or a decorated function.

    Example:
        >>> import pyflame as pf
        >>> x = pf.ones(2, requires_grad=True)
        >>> with pf.no_grad():
        ...     (x * 2).requires_grad
        False
    """

    def __new__(cls, function: Any = None) -> Any:
        made = _core.GradSwitch.__new__(cls)
        if function is None:
            return made
        made.__init__()  # type: ignore[misc]
        return made(function)

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(no_grad):
    """Record for gradients, also inside `no_grad`.

    Example:
        >>> import pyflame as pf
        >>> x = pf.ones(2, requires_grad=True)
        >>> with pf.no_grad(), pf.enable_grad():
        ...     (x * 2).requires_grad
        True
    """

    def __init__(self) -> None:
        _GradMode.__init__(self, True)


class set_grad_enabled(_GradMode):
    """Switch recording for gradients, at once; as a context manager, until the end of the block.

    Example:
        >>> import pyflame as pf
        >>> with pf.set_grad_enabled(False):
        ...     pf.is_grad_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._before = _set_enabled(self._mode)

    def __enter__(self) -> None:
        self._keep(self._before)
        _set_enabled(self._mode)

    def __call__(self, function: F) -> F:
        _set_enabled(self._before)  # a decorator changes nothing outside the function
        return super().__call__(function)


class inference_mode(_GradMode):
    """Stop recording for gradients; what is computed inside cannot serve a backward later either.

    Args:
        mode: False ends the mode inside the block.

    Example:
        >>> import pyflame as pf
        >>> with pf.inference_mode():
        ...     x = pf.ones(2)
        >>> x.is_inference()
        True
    """

    def __new__(cls, mode: Any = True) -> Any:
        made = _core.GradSwitch.__new__(cls)
        if not callable(mode):
            return made
        made.__init__()  # type: ignore[misc]
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
        self._inference: list[bool] = []

    def __enter__(self) -> None:
        inference = _core.recording_inference(not self._mode)
        self._inference.append(inference)
        # Leaving inference mode inside it brings recording back; otherwise False changes nothing.
        self._keep(_set_enabled(self._mode and (inference or _enabled())))

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        _core.recording_inference(self._inference.pop())

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with inference_mode(not self._mode):
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]


def is_inference_mode_enabled() -> bool:
    """Tell whether inference mode is on.

    Example:
        >>> import pyflame as pf
        >>> pf.is_inference_mode_enabled()
        False
    """
    on = _core.recording_inference(True)
    _core.recording_inference(on)
    return on


def is_grad_enabled() -> bool:
    """Tell whether operations are recorded for gradients.

    Example:
        >>> import pyflame as pf
        >>> pf.is_grad_enabled()
        True
    """
    return _enabled()
