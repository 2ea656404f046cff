"""Functions that an optimizer calls around its steps and around saving and loading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyflame.nn.hooks import RemovableHandle

if TYPE_CHECKING:
    from .optimizer import Optimizer

Hook = Callable[..., Any]


def step_arguments(optimizer: Optimizer, closure: Any) -> tuple[Any, ...]:
    """The arguments of a step as hooks see them."""
    return (optimizer,) if closure is None else (optimizer, closure)


class OptimizerHooks:
    """The hooks of one optimizer, in the order they run."""

    def __init__(self) -> None:
        self.before_step: dict[RemovableHandle, Hook] = {}
        self.after_step: dict[RemovableHandle, Hook] = {}
        self.before_saving: dict[RemovableHandle, Hook] = {}
        self.after_saving: dict[RemovableHandle, Hook] = {}
        self.before_loading: dict[RemovableHandle, Hook] = {}
        self.after_loading: dict[RemovableHandle, Hook] = {}

    def call_before_step(self, optimizer: Optimizer, closure: Any) -> Any:
        """Run the hooks before a step; return the closure that the step is to use."""
        args: tuple[Any, ...] = step_arguments(optimizer, closure)
        kwargs: dict[str, Any] = {}
        for hook in list(self.before_step.values()):
            changed = hook(optimizer, args, kwargs)
            if changed is None:
                continue
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(
                    f"[optimizer] a hook before the step returned {changed!r}: expected None or (args, kwargs)"
                )
            args, kwargs = changed
        return kwargs.get("closure", args[1] if len(args) > 1 else None)
