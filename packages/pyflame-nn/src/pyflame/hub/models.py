"""Functions on the registry of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from pyflame import nn
from pyflame.extend import registry as extensions

from .builtin import BUILTIN
from .registry import Factory, ModelInfo, ModelRegistry

Decorated = TypeVar("Decorated", bound=Factory)


def of_plugins() -> list[ModelInfo]:
    """The models that loaded plugins bring."""
    entries = extensions.models.entries.items()
    return [ModelInfo(name, "Comes from a plugin.", ("plugin",), factory) for name, factory in entries]


REGISTRY = ModelRegistry(BUILTIN, of_plugins)


@overload
def register_model(
    name: str,
    factory: Factory | str,
    *,
    description: str = "",
    tags: Iterable[str] = (),
    overwrite: bool = False,
) -> None: ...
@overload
def register_model(
    name: str | None = None,
    *,
    description: str = "",
    tags: Iterable[str] = (),
    overwrite: bool = False,
) -> Callable[[Decorated], Decorated]: ...
def register_model(
    name: str | None = None,
    factory: Factory | str | None = None,
    *,
    description: str = "",
    tags: Iterable[str] = (),
    overwrite: bool = False,
) -> Any:
    """Make a model known by a name; without a factory, the decorator that does so for a function or a class.

    Args:
        name: letters, digits, '.', '_', '+' and '-'; as a decorator by default the function's own name.
        factory: called to make the model, or "module:name" of what is.
        description: one sentence; by default the first line of the factory's documentation.
        tags: what it is for.
        overwrite: replace a model of the same name.

    Raises:
        ValueError: a bad name, or one that is taken.

    Example:
        >>> from pyflame import hub, nn
        >>> @hub.register_model(tags=["regression"])
        ... def straight_line(inputs=1):
        ...     return nn.Linear(inputs, 1)
        >>> hub.get_model("straight_line", inputs=3)
        Linear(in_features=3, out_features=1, bias=True)
        >>> hub.unregister_model("straight_line")
    """
    tags = tuple(tags)
    if factory is not None:
        if name is None:
            raise TypeError("[register_model] a factory without a name: give both, or use the decorator")
        REGISTRY.register(name, factory, description=description, tags=tags, overwrite=overwrite)
        return None
    if name is not None and not isinstance(name, str):
        raise TypeError(
            f"[register_model] name: expected a str, got {type(name).__name__}; write @register_model(), with brackets"
        )

    def decorate(made: Decorated) -> Decorated:
        REGISTRY.register(name or made.__name__, made, description=description, tags=tags, overwrite=overwrite)
        return made

    return decorate


def unregister_model(name: str) -> None:
    """Forget a model.

    Raises:
        ValueError: no model has the name, or a plugin brings it.
    """
    REGISTRY.unregister(name)


def get_model(
    name: str, pretrained: bool = False, *, weights: str | os.PathLike[str] | None = None, **options: Any
) -> nn.Module:
    """Make a model by its name.

    Args:
        name: of the model, in any case; `list_models` lists them.
        pretrained: load the weights that are registered under the model's name.
        weights: a file, or the name of registered weights.
        options: for what makes the model.

    Raises:
        ValueError: no model has the name.
        WeightsError: there are no such weights, or they are not what was registered.

    Example:
        >>> from pyflame import hub
        >>> hub.get_model("lenet", num_classes=3).classifier[-1]
        Linear(in_features=84, out_features=3, bias=True)
    """
    return REGISTRY.get(name, pretrained, weights=weights, **options)


def load(name: str, **options: Any) -> nn.Module:
    """Make a model with the weights that are registered under its name, in evaluation mode.

    Args:
        name: of the model.
        options: for what makes the model.

    Raises:
        ValueError: no model has the name.
        WeightsError: no weights are registered under the name, or they are not what was registered.
    """
    return REGISTRY.get(name, True, **options).eval()


def list_models(tag: str | None = None, filter: str | Callable[[str], bool] | None = None) -> list[str]:
    """List the names of models in order.

    Args:
        tag: only models with this tag, such as "vision" or "text".
        filter: only names that match this pattern, or for which this function returns True.

    Example:
        >>> from pyflame import hub
        >>> hub.list_models(tag="vision", filter="wide*")
        ['wide_resnet101_2', 'wide_resnet50_2']
    """
    return REGISTRY.list(tag, filter)


def model_info(name: str) -> ModelInfo:
    """Return what is known about a model.

    Raises:
        ValueError: no model has the name.

    Example:
        >>> from pyflame import hub
        >>> hub.model_info("ResNet18").description
        'Residual network of 18 layers.'
    """
    return REGISTRY.info(name)
