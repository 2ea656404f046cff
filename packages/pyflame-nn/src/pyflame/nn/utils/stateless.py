"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyflame import Tensor

from ..module import Module
from .parametrize import given, is_parametrized


def _places(module: Module) -> dict[str, tuple[Module, str]]:
    """Path -> (module, attribute) of every parameter and buffer, shared ones under each of their paths."""
    return {
        f"{path}.{name}" if path else name: (part, name)
        for path, part in module.named_modules(remove_duplicate=False)
        for name in (*part._parameters, *part._buffers)
    }


def _with_tied(places: Mapping[str, tuple[Module, str]], values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The values, also under the other names of tensors that the module shares."""
    names: dict[int, list[str]] = {}
    for path, (part, name) in places.items():
        tensor = getattr(part, name)
        if tensor is not None:
            names.setdefault(id(tensor), []).append(path)
    result = dict(values)
    for tied in names.values():
        found = {id(values[name]): values[name] for name in tied if name in values}
        if len(found) > 1:
            raise ValueError(
                f"[functional_call] {', '.join(sorted(tied))} are one tensor and get different values: pass one of "
                f"them, or tie_weights=False"
            )
        for value in found.values():
            result.update((name, value) for name in tied)
    return result


def _checked(module: Module, places: Mapping[str, tuple[Module, str]], values: Mapping[str, Any], strict: bool) -> None:
    missing = [name for name, (part, own) in places.items() if name not in values and getattr(part, own) is not None]
    unexpected = [name for name in values if name not in places]
    if strict and (missing or unexpected):
        found = [f"missing keys: {', '.join(missing)}"] if missing else []
        found += [f"unexpected keys: {', '.join(unexpected)}"] if unexpected else []
        raise RuntimeError(f"[functional_call] {type(module).__name__}: {'; '.join(found)}")


@contextmanager
def _replaced(module: Module, values: MutableMapping[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    places = _places(module)
    for name in values:  # a value for a parametrized tensor takes the place of what is computed for it
        path, _, own = name.rpartition(".")
        part = module.get_submodule(path)
        if name not in places and is_parametrized(part, own):
            places[name] = (part, own)
    used = _with_tied(places, values) if tie_weights else dict(values)
    _checked(module, places, used, strict)
    own_values: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, value in used.items():
            if name in places:
                part, own = places[name]
                attributes = given(part) if is_parametrized(part, own) else part.__dict__
                own_values.append((attributes, own, attributes.get(own)))
                attributes[own] = value
        yield
        for name in values:
            if name in places and not is_parametrized(*places[name]):
                part, own = places[name]
                values[name] = getattr(part, own)
    finally:
        for attributes, own, value in own_values:
            attributes[own] = value


def functional_call(
    module: Module,
    parameters_and_buffers: MutableMapping[str, Tensor] | Sequence[MutableMapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with given tensors in place of its parameters and buffers, which stay as they are.

    Args:
        parameters_and_buffers: path -> tensor, or several such dicts without common keys. What the module assigns to a
            given name shows in the dict.
        args: a tuple of arguments, or one argument.
        tie_weights: a value for a tensor that the module has under several names counts for all of them.
        strict: refuse missing and unexpected keys.

    Raises:
        ValueError: a key is in two dicts, or tied tensors get different values.
        RuntimeError: keys are missing or unexpected, with `strict`.
        AttributeError: a path leads to no module.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.Linear(2, 1)
        >>> zero = {name: pf.zeros_like(value) for name, value in layer.named_parameters()}
        >>> nn.utils.stateless.functional_call(layer, zero, pf.ones(2)).item()
        0.0
    """
    if isinstance(parameters_and_buffers, Mapping):
        values = parameters_and_buffers
    else:
        if not isinstance(parameters_and_buffers, Sequence) or not all(
            isinstance(some, Mapping) for some in parameters_and_buffers
        ):
            raise ValueError("[functional_call] parameters_and_buffers: expected a dict or a sequence of dicts")
        values = {name: value for some in parameters_and_buffers for name, value in some.items()}
        if len(values) < sum(map(len, parameters_and_buffers)):
            raise ValueError("[functional_call] a key is in several of the dicts: which one counts is not defined")
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, values, tie_weights, strict):
        return module(*positional, **(kwargs or {}))
