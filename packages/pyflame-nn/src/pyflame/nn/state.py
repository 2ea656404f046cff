"""A module's values as a flat dictionary, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyflame import Tensor, as_tensor, no_grad, ops

from .parameter import Buffer, Parameter, is_lazy

if TYPE_CHECKING:
    from .hooks import RemovableHandle
    from .module import Module

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """The keys that only the module has, and those that only the state dict has."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class StateHooks:
    """What a module calls around saving and loading, in order."""

    def __init__(self) -> None:
        self.before_saving: dict[RemovableHandle, Callable[..., Any]] = {}
        self.after_saving: dict[RemovableHandle, Callable[..., Any]] = {}
        self.before_loading: dict[RemovableHandle, Callable[..., Any]] = {}
        self.after_loading: dict[RemovableHandle, Callable[..., Any]] = {}


def has_extra(module: Module) -> bool:
    from .module import Module

    return type(module).get_extra_state is not Module.get_extra_state


def own_entries(module: Module) -> Iterator[tuple[str, Any]]:
    """Yield what a state dict holds for a module itself."""
    for name in module._parameters:
        if getattr(module, name) is not None:
            yield name, getattr(module, name)
    for name, persistent in module._buffers.items():
        if persistent and getattr(module, name) is not None:
            yield name, getattr(module, name)


def entries(module: Module) -> Iterator[tuple[str, Module, str]]:
    """Yield (path, module, attribute) for what a state dict holds; a shared tensor under each of its paths."""
    for path, part in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        for name, _ in own_entries(part):
            yield prefix + name, part, name
        if has_extra(part):
            yield prefix + EXTRA, part, EXTRA


def collect(module: Module, found: dict[str, Any], prefix: str, keep_vars: bool) -> None:
    from .module import Module

    hooks = module._state_hooks
    for hook in [] if hooks is None else [*hooks.before_saving.values()]:
        hook(module, prefix, keep_vars)
    for name, value in own_entries(module):
        found[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
    if has_extra(module):
        found[prefix + EXTRA] = module.get_extra_state()
    for name, child in module._children():
        if type(child).state_dict is Module.state_dict:
            collect(child, found, f"{prefix}{name}.", keep_vars)
        else:
            child.state_dict(destination=found, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in [] if hooks is None else [*hooks.after_saving.values()]:
        hook(module, found, prefix, {})


def load(module: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"[load_state_dict] state_dict: expected a dict, got {type(state_dict).__name__}")
    state, keys = dict(state_dict), IncompatibleKeys([], [])
    problems: list[str] = []
    parts = [(f"{path}." if path else "", part) for path, part in module.named_modules(remove_duplicate=False)]
    for prefix, part in parts:
        if part._state_hooks is not None:
            for hook in list(part._state_hooks.before_loading.values()):
                hook(part, state, prefix, {}, strict, *keys, problems)
    targets = {path: (part, name) for path, part, name in entries(module)}
    keys.missing_keys.extend(path for path in targets if path not in state)
    keys.unexpected_keys.extend(key for key in state if key not in targets)
    values = fitting(targets, state, problems)
    forgiving = [(part, part._state_hooks.after_loading) for _, part in parts if part._state_hooks is not None]
    late = any(hooks for _, hooks in forgiving)  # hooks after loading may still take keys off the lists
    refuse(module, [*differences(keys, strict and not late), *problems])
    with no_grad():
        for path, value in values.items():
            put(*targets[path], value, assign)
    for part, hooks in reversed(forgiving):
        for hook in list(hooks.values()):
            if hook(part, keys) is not None:
                raise RuntimeError(
                    "[load_state_dict] a hook after loading returned a value: it changes the lists it is given"
                )
    refuse(module, differences(keys, strict))
    return keys


def refuse(module: Module, problems: list[str]) -> None:
    if problems:
        raise RuntimeError("\n    ".join([f"[load_state_dict] {type(module).__name__}:", *problems]))


def differences(keys: IncompatibleKeys, strict: bool) -> list[str]:
    named = zip(("missing", "unexpected"), keys)
    return [f"{kind} keys: {', '.join(map(str, found))}" for kind, found in named if found and strict]


def fitting(targets: Mapping[str, tuple[Module, str]], state: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """The values that there are places for; what does not fit its place becomes a problem."""
    values: dict[str, Any] = {}
    for path, (part, name) in targets.items():
        if path not in state:
            continue
        value = state[path]
        if name != EXTRA:
            if not isinstance(value, Tensor | np.ndarray):
                problems.append(f"{path}: expected a tensor, got {type(value).__name__}")
                continue
            own = getattr(part, name)
            if is_lazy(value) and not is_lazy(own):
                problems.append(f"{path}: the state dict has no values for it yet, the module has")
                continue
            if not is_lazy(own) and tuple(value.shape) != tuple(own.shape):
                problems.append(f"{path}: the module has shape {tuple(own.shape)}, the state dict {tuple(value.shape)}")
                continue
        values[path] = value
    return values


def put(part: Module, name: str, value: Any, assign: bool) -> None:
    if name == EXTRA:
        part.set_extra_state(value)
        return
    old = getattr(part, name)
    if is_lazy(value):
        return
    value = as_tensor(value).detach()
    if is_lazy(old):
        old.materialize(tuple(value.shape))
    if not assign:
        ops.assign(old, value.to(old.dtype))
    elif name in part._parameters:
        setattr(part, name, Parameter(value, requires_grad=old.requires_grad))
    elif isinstance(old, Buffer):
        setattr(part, name, Buffer(value, persistent=part._buffers[name]))
    else:
        setattr(part, name, value)
