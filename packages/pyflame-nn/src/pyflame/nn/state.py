"""A module's values as a flat dictionary, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyflame import Tensor, as_tensor, no_grad, ops

from .parameter import Buffer, Parameter

if TYPE_CHECKING:
    from .module import Module

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """The keys that only the module has, and those that only the state dict has."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def has_extra(module: Module) -> bool:
    from .module import Module

    return type(module).get_extra_state is not Module.get_extra_state


def entries(module: Module) -> Iterator[tuple[str, Module, str]]:
    """Yield (path, module, attribute) for what a state dict holds; a shared tensor under each of its paths."""
    for path, part in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        for name in part._parameters:
            if getattr(part, name) is not None:
                yield prefix + name, part, name
        for name, persistent in part._buffers.items():
            if persistent and getattr(part, name) is not None:
                yield prefix + name, part, name
        if has_extra(part):
            yield prefix + EXTRA, part, EXTRA


def collect(module: Module, prefix: str, keep_vars: bool) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path, part, name in entries(module):
        if name == EXTRA:
            result[prefix + path] = part.get_extra_state()
        else:
            value = getattr(part, name)
            result[prefix + path] = value if keep_vars else value.detach()
    return result


def load(module: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"[load_state_dict] state_dict: expected a dict, got {type(state_dict).__name__}")
    targets = {path: (part, name) for path, part, name in entries(module)}
    missing = [path for path in targets if path not in state_dict]
    unexpected = [key for key in state_dict if key not in targets]
    problems = []
    if strict and missing:
        problems.append("missing keys: " + ", ".join(missing))
    if strict and unexpected:
        problems.append("unexpected keys: " + ", ".join(map(str, unexpected)))
    values: dict[str, Any] = {}
    for path, (part, name) in targets.items():
        if path not in state_dict:
            continue
        value = state_dict[path]
        if name != EXTRA:
            if not isinstance(value, Tensor | np.ndarray):
                problems.append(f"{path}: expected a tensor, got {type(value).__name__}")
                continue
            expected = tuple(getattr(part, name).shape)
            if tuple(value.shape) != expected:
                problems.append(f"{path}: the module has shape {expected}, the state dict {tuple(value.shape)}")
                continue
        values[path] = value
    if problems:
        raise RuntimeError("\n    ".join([f"[load_state_dict] {type(module).__name__}:", *problems]))
    with no_grad():
        for path, value in values.items():
            put(*targets[path], value, assign)
    return IncompatibleKeys(missing, unexpected)


def put(part: Module, name: str, value: Any, assign: bool) -> None:
    if name == EXTRA:
        part.set_extra_state(value)
        return
    old, value = getattr(part, name), as_tensor(value).detach()
    if not assign:
        ops.assign(old, value.to(old.dtype))
    elif name in part._parameters:
        setattr(part, name, Parameter(value, requires_grad=old.requires_grad))
    elif isinstance(old, Buffer):
        setattr(part, name, Buffer(value, persistent=part._buffers[name]))
    else:
        setattr(part, name, value)
