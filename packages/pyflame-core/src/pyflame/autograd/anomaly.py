"""Finding the operation whose gradient is not a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .grad_fn import GradFn
from .modes import no_grad

if TYPE_CHECKING:
    from .._tensor import Tensor

_enabled = False
_checking = False


def _inspect(tensor: Tensor, index: int, gradient: Tensor) -> None:
    """Called by the core with every gradient a backward records."""
    with no_grad():
        if not bool(_core.ops.isnan(_core.detach(gradient)).any()):
            return
    file, line, function = _core.source_line(_core.location_of(tensor))
    where = "" if file is None else f", which was called in {function}, {file}:{line}"
    raise RuntimeError(
        f"[backward] Function '{GradFn(tensor).name()}' returned nan values in its {index}th output: "
        f"the gradient of {_core.op_name(tensor)}{where}"
    )


def _set(enabled: bool, check_nan: bool) -> None:
    global _enabled, _checking
    _enabled, _checking = bool(enabled), bool(check_nan)
    _core.set_inspector(_inspect if _enabled and _checking else None)


class set_detect_anomaly:
    """Switch the search for gradients that are not a number, at once; as a context manager, until the block ends.

    Args:
        mode: whether to search.
        check_nan: False searches nothing.

    Example:
        >>> import pyflame as pf
        >>> with pf.autograd.set_detect_anomaly(True):
        ...     pf.autograd.is_anomaly_enabled()
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (_enabled, _checking)
        _set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _set(*self._before)


class detect_anomaly:
    """Raise where a gradient is not a number, naming the operation and the line that called it.

    Every gradient is evaluated and looked at as soon as it is recorded, which is slow.

    Args:
        check_nan: False searches nothing.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor(-1.0, requires_grad=True)
        >>> with pf.autograd.detect_anomaly():
        ...     pf.sqrt(x).backward()  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        RuntimeError: [backward] Function 'SqrtBackward0' returned nan values in its 0th output
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((_enabled, _checking))
        _set(True, self._check_nan)

    def __exit__(self, *exc: object) -> None:
        _set(*self._before.pop())


def is_anomaly_enabled() -> bool:
    """Tell whether gradients are searched for values that are not a number.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.is_anomaly_enabled()
        False
    """
    return _enabled
