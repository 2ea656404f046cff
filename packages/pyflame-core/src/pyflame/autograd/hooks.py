"""Functions that run when the gradient of a tensor is computed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import TensorBase

if TYPE_CHECKING:
    from .._tensor import Tensor

GradientHook = Callable[["Tensor"], "Tensor | None"]


class GradientHooks:
    """What the core keeps for a tensor with hooks."""

    __slots__ = ("__weakref__", "_tensor", "after", "before", "values")

    def __init__(self) -> None:
        self._tensor: weakref.ref[Tensor] | None = None
        self.values: dict[int, Callable[[Tensor], object]] = {}
        self.before: dict[int, GradientHook] = {}
        self.after: dict[int, Callable[[Tensor], object]] = {}

    def gradient(self, gradient: Tensor) -> Tensor:
        """Called with the whole gradient, before it goes on; returns what takes its place."""
        for hook in list(self.before.values()):
            found = hook(gradient)
            if found is None:
                continue
            name = getattr(hook, "__name__", type(hook).__name__)
            if not isinstance(found, TensorBase):
                raise TypeError(
                    f"[register_hook] hook {name!r} returned {type(found).__name__}: expected Tensor or None"
                )
            if found.shape != gradient.shape or found.dtype is not gradient.dtype:
                raise RuntimeError(
                    f"[register_hook] hook {name!r} got a {gradient.dtype.name} gradient of shape "
                    f"{tuple(gradient.shape)} and returned {found.dtype.name} of shape {tuple(found.shape)}: "
                    "they must agree"
                )
            gradient = found
        return gradient

    def watch(self, tensor: Tensor) -> dict[int, Callable[[Tensor], object]]:
        """The hooks on values, which get this object."""
        self._tensor = weakref.ref(tensor)
        return self.values

    def computed(self) -> None:
        """Called when the tensor has got its value."""
        tensor = self._tensor() if self._tensor else None
        if tensor is not None:
            for hook in list(self.values.values()):
                hook(tensor)

    def changed(self) -> None:
        """Called after a leaf's values were changed in place: those that are pending call `computed` later."""
        tensor = self._tensor() if self._tensor else None
        if tensor is not None and _core.is_evaluated(tensor):
            self.computed()

    def reassigned(self, tensor: Tensor) -> None:
        """Called after a computed tensor was changed in place: gradient hooks belong to what it was before."""
        if not self.values:
            return
        other = _core.attached(tensor)
        if other is None:
            other = GradientHooks()
            _core.attach(tensor, other)
        other.values, self.values = self.values, {}
        other._tensor = self._tensor
        other.changed()

    def accumulated(self, tensor: Tensor) -> None:
        """Called with the leaf after `grad` has changed."""
        for hook in list(self.after.values()):
            hook(tensor)


class RemovableHandle:
    """A registered hook. `remove` takes it away; as a context manager it does so at the end of the block."""

    __slots__ = ("_hooks", "id")

    _next = 0

    def __init__(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        RemovableHandle._next += 1
        self.id = RemovableHandle._next
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def hooks_of(x: Tensor) -> GradientHooks:
    found = _core.attached(x)
    if found is None:
        found = GradientHooks()
        _core.attach(x, found)
    assert isinstance(found, GradientHooks)
    return found


def _gradient_hooks(op: str, x: Tensor) -> GradientHooks:
    if not x.requires_grad:
        raise RuntimeError(f"[{op}] this tensor does not require grad: no gradient of it will be computed")
    return hooks_of(x)


def register_hook(x: Tensor, hook: GradientHook) -> RemovableHandle:
    """Call a function with the gradient of this tensor whenever it is computed.

    The gradient is lazy like any tensor. Hooks run in the order of registration; a leaf keeps its hooks when an
    optimizer changes its values.

    Args:
        hook: called with the gradient; a tensor it returns takes the gradient's place.

    Raises:
        RuntimeError: the tensor does not require grad.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda grad: grad * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
    """
    return RemovableHandle(_gradient_hooks("register_hook", x).before, hook)


def register_post_accumulate_grad_hook(x: Tensor, hook: Callable[[Tensor], object]) -> RemovableHandle:
    """Call a function with this leaf whenever `backward` has changed its `grad`.

    Raises:
        RuntimeError: the tensor does not require grad or is no leaf.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda leaf: print(leaf.grad))
        >>> x.sum().backward()
        tensor([1., 1.])
    """
    hooks = _gradient_hooks("register_post_accumulate_grad_hook", x)
    if not x.is_leaf:
        raise RuntimeError("[register_post_accumulate_grad_hook] this tensor is computed: only leaves accumulate")
    return RemovableHandle(hooks.after, hook)
