"""Gradients, and when to record for them.

Gradients are graph like everything else: nothing is computed until a value is asked for, and with `create_graph=True`
they can be differentiated again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from . import _core
from ._core import TensorBase

if TYPE_CHECKING:
    from ._tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

_enabled = _core.grad_enabled
_set_enabled = _core.set_grad_enabled


def _listed(tensors: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, TensorBase) else list(tensors)


def _start_gradients(op: str, outputs: list[Tensor], given: Any) -> list[Tensor]:
    gradients = [None] * len(outputs) if given is None else [given] if isinstance(given, TensorBase) else list(given)
    if len(gradients) != len(outputs):
        raise RuntimeError(f"[{op}] {len(outputs)} outputs and {len(gradients)} gradients: expected one for each")
    found = []
    for output, gradient in zip(outputs, gradients):
        if gradient is None:
            if output.numel() != 1:
                raise RuntimeError(
                    f"[{op}] the output has shape {tuple(output.shape)}: give its gradient, as for all but one element"
                )
            gradient = _core.ops.full(1.0, output.dtype, output.shape)
        found.append(gradient)
    return found


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of `tensors` to `.grad` of the leaves they come from.

    Args:
        grad_tensors: the gradient of each tensor; may be left out for those of one element.
        retain_graph: keep the history for another call; None means `create_graph`.
        create_graph: make the gradients differentiable.
        inputs: only these receive gradients.

    Raises:
        RuntimeError: a tensor has no history, or it was freed by an earlier call.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], requires_grad=True)
        >>> pf.autograd.backward((x * x).sum())
        >>> x.grad
        tensor([2., 4.])
    """
    outputs = _listed(tensors)
    gradients = _start_gradients("backward", outputs, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _core.backward(outputs, gradients, [], retain, create_graph)
        return
    wanted = _listed(inputs)
    if not wanted:
        raise RuntimeError("[backward] inputs is empty: leave it out for all leaves")
    for x, found in zip(wanted, _core.gradients_of(outputs, gradients, wanted, retain, create_graph)):
        if found is not None:
            with set_grad_enabled(create_graph):
                x.grad = found if x.grad is None else x.grad + found


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of the sum of `outputs` with respect to `inputs`.

    Args:
        grad_outputs: weights of the outputs; may be left out for those of one element.
        retain_graph: keep the history for another call; None means `create_graph`.
        create_graph: make the gradients differentiable.
        allow_unused: return None for inputs that the outputs do not depend on, instead of raising.
        materialize_grads: return zeros for them.

    Raises:
        RuntimeError: an input does not require grad or is not used.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor(3.0, requires_grad=True)
        >>> (dx,) = pf.autograd.grad(x * x, x, create_graph=True)
        >>> pf.autograd.grad(dx, x)
        (tensor(2.),)
    """
    ends, wanted = _listed(outputs), _listed(inputs)
    for place, x in enumerate(wanted):
        if not x.requires_grad:
            raise RuntimeError(f"[grad] input {place} does not require grad: call requires_grad_() before using it")
    gradients = _start_gradients("grad", ends, grad_outputs)
    retain = create_graph if retain_graph is None else retain_graph
    found = _core.gradients_of(ends, gradients, wanted, retain, create_graph)
    for place, (x, gradient) in enumerate(zip(wanted, found)):
        if gradient is not None:
            continue
        if materialize_grads:
            found[place] = _core.ops.full(0.0, x.dtype, x.shape)
        elif not allow_unused:
            raise RuntimeError(
                f"[grad] input {place} is not used by the outputs: pass allow_unused=True to get None for it"
            )
    return tuple(found)


class _GradMode:
    """A context manager and decorator that sets whether operations are recorded for gradients."""

    def __init__(self, mode: bool) -> None:
        self._mode = mode
        self._previous: list[bool] = []

    def __enter__(self) -> None:
        self._previous.append(_set_enabled(self._mode))

    def __exit__(self, *exc: object) -> None:
        _set_enabled(self._previous.pop())

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
        made = object.__new__(cls)
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
        self._previous.append(self._before)
        _set_enabled(self._mode)

    def __call__(self, function: F) -> F:
        _set_enabled(self._before)  # a decorator changes nothing outside the function
        return super().__call__(function)


class inference_mode(_GradMode):
    """Stop recording for gradients; the same as `no_grad` here, as values are immutable anyway.

    Args:
        mode: False makes it do nothing.

    Example:
        >>> import pyflame as pf
        >>> with pf.inference_mode():
        ...     pf.is_grad_enabled()
        False
    """

    def __new__(cls, mode: Any = True) -> Any:
        made = object.__new__(cls)
        if not callable(mode):
            return made
        made.__init__()  # type: ignore[misc]
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(False)
        self._active = mode

    def __enter__(self) -> None:
        self._previous.append(_set_enabled(_enabled() and not self._active))

    def __call__(self, function: F) -> F:
        return super().__call__(function) if self._active else function


def is_grad_enabled() -> bool:
    """Tell whether operations are recorded for gradients.

    Example:
        >>> import pyflame as pf
        >>> pf.is_grad_enabled()
        True
    """
    return _enabled()
