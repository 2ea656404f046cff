"""Functions that a module calls around its forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook out again."""

    def __init__(self, entries: dict[RemovableHandle, Any]) -> None:
        self._entries = entries

    def remove(self) -> None:
        """Take the hook out; doing so twice is harmless."""
        self._entries.pop(self, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class ForwardHooks:
    """The hooks of one module, in the order they run. Each comes with whether it wants the keyword arguments."""

    def __init__(self) -> None:
        self.before: dict[RemovableHandle, tuple[Hook, bool]] = {}
        self.after: dict[RemovableHandle, tuple[Hook, bool, bool]] = {}

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the module's forward with the hooks before and after it."""
        called: set[RemovableHandle] = set()
        try:
            for hook, with_kwargs in list(self.before.values()):
                args, kwargs = run_before(module, hook, with_kwargs, args, kwargs)
            result = module.forward(*args, **kwargs)
            for handle, (hook, with_kwargs, _) in list(self.after.items()):
                called.add(handle)
                result = run_after(module, hook, with_kwargs, args, kwargs, result)
            return result
        except BaseException:
            for handle, (hook, with_kwargs, always) in list(self.after.items()):
                if always and handle not in called:
                    run_after(module, hook, with_kwargs, args, kwargs, None)
            raise


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


def register(entries: dict[RemovableHandle, Any], entry: Any, first: bool) -> RemovableHandle:
    """Add an entry at the end or, with `first`, before all others."""
    handle = RemovableHandle(entries)
    others = dict(entries) if first else {}
    if first:
        entries.clear()
    entries[handle] = entry
    entries.update(others)
    return handle
