"""Functions that a module calls around its forward."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyflame.compilation import count_change

from .backward_hooks import BackwardHooks

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook out again."""

    def __init__(self, entries: dict[RemovableHandle, Any]) -> None:
        self._entries = entries

    def remove(self) -> None:
        """Take the hook out; doing so twice is harmless."""
        count_change(attribute=False)
        self._entries.pop(self, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module or of all, in the order they run. Forward ones come with what they want to be given."""

    def __init__(self) -> None:
        self.before: dict[RemovableHandle, tuple[Hook, bool]] = {}
        self.after: dict[RemovableHandle, tuple[Hook, bool, bool]] = {}
        self.before_backward: dict[RemovableHandle, Hook] = {}
        self.after_backward: dict[RemovableHandle, Hook] = {}

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not (self.before or self.after or self.before_backward or self.after_backward)

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the module's forward with the hooks around it, those of all modules first."""
        own = (EVERYWHERE,) if self is EVERYWHERE else (EVERYWHERE, self)
        called: set[RemovableHandle] = set()
        result = None
        try:
            for hooks in own:
                for hook, with_kwargs in list(hooks.before.values()):
                    args, kwargs = run_before(module, hook, with_kwargs, args, kwargs)
            backward = None
            if any(hooks.before_backward or hooks.after_backward for hooks in own):
                first, last = ([*EVERYWHERE.before_backward.values()], [*EVERYWHERE.after_backward.values()])
                if self is not EVERYWHERE:
                    first, last = [*first, *self.before_backward.values()], [*last, *self.after_backward.values()]
                backward = BackwardHooks(module, first, last)
                args = backward.watch_inputs(args)
            result = module.forward(*args, **kwargs)
            for hooks in own:
                for handle, (hook, with_kwargs, _) in list(hooks.after.items()):
                    called.add(handle)
                    result = run_after(module, hook, with_kwargs, args, kwargs, result)
            return result if backward is None else backward.watch_outputs(result)
        except Exception:
            for hooks in own:
                for handle, (hook, with_kwargs, always) in list(hooks.after.items()):
                    if always and handle not in called:
                        run_in_spite(module, hook, with_kwargs, args, kwargs, result)
            raise


EVERYWHERE = Hooks()


def run_before(
    module: Module, hook: Hook, with_kwargs: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if with_kwargs:
        changed = hook(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if isinstance(changed, tuple) and len(changed) == 2:
            return changed
        raise RuntimeError(
            f"[module] a forward pre-hook with kwargs returned {type(changed).__name__}: expected None or a pair"
        )
    changed = hook(module, args)
    if changed is None:
        return args, kwargs
    return (changed if isinstance(changed, tuple) else (changed,)), kwargs


def run_after(
    module: Module, hook: Hook, with_kwargs: bool, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
    return result if changed is None else changed


def run_in_spite(
    module: Module, hook: Hook, with_kwargs: bool, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> None:
    """Call a hook after forward has failed; what it raises itself must not hide why."""
    try:
        run_after(module, hook, with_kwargs, args, kwargs, result)
    except Exception as error:
        warnings.warn(f"[module] a forward hook with always_call raised {error!r} after forward failed", stacklevel=4)


def register(entries: dict[RemovableHandle, Any], entry: Any, first: bool) -> RemovableHandle:
    """Add an entry at the end or, with `first`, before all others."""
    count_change(attribute=False)
    handle = RemovableHandle(entries)
    others = dict(entries) if first else {}
    if first:
        entries.clear()
    entries[handle] = entry
    entries.update(others)
    return handle
