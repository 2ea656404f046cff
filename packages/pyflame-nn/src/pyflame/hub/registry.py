"""Models that are known by name."""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import inspect
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pyflame import nn

from .cache import check_name
from .weights import list_pretrained, load_pretrained, weight_info

Factory = Callable[..., nn.Module]


@dataclass(frozen=True)
class ModelInfo:
    """What is known about a model.

    Args:
        name: by which it is got.
        description: one sentence.
        tags: what it is for.
        factory: makes the model, or "module:name" of what does.
    """

    name: str
    description: str
    tags: tuple[str, ...]
    factory: Factory | str

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the registered weights that belong to it."""
        return tuple(list_pretrained(self.name))

    def resolve(self) -> Factory:
        """Return the factory, importing it if need be."""
        if not isinstance(self.factory, str):
            return self.factory
        module, _, name = self.factory.partition(":")
        factory: Factory = getattr(importlib.import_module(module), name)
        return factory


class ModelRegistry:
    """Names of models and what makes them.

    Args:
        entries: models that are known at once.
        more: gives models that others keep; asked at each look-up.

    Example:
        >>> from pyflame import hub, nn
        >>> registry = hub.ModelRegistry()
        >>> registry.register("line", lambda size=1: nn.Linear(size, size), tags=["regression"])
        >>> registry.get("line", size=2)
        Linear(in_features=2, out_features=2, bias=True)
        >>> registry.list(), registry.search("regress")
        (['line'], ['line'])
    """

    def __init__(
        self, entries: Iterable[ModelInfo] = (), more: Callable[[], Iterable[ModelInfo]] | None = None
    ) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._more = more
        self._lock = threading.Lock()

    def register(
        self,
        name: str,
        factory: Factory | str,
        *,
        description: str = "",
        tags: Iterable[str] = (),
        overwrite: bool = False,
    ) -> None:
        """Make a model known.

        Args:
            name: letters, digits, '.', '_', '+' and '-'; case does not matter when it is looked up.
            factory: called to make the model, or "module:name" of what is.
            description: one sentence; by default the first line of the factory's documentation.
            tags: what it is for.
            overwrite: replace a model of the same name.

        Raises:
            ValueError: a bad name, or one that is taken.
        """
        check_name("register_model", name)
        if isinstance(factory, str):
            if not all(part.isidentifier() for part in factory.replace(":", ".", 1).split(".")) or ":" not in factory:
                raise ValueError(f"[register_model] factory is {factory!r}: expected a function or 'module:name'")
        elif not callable(factory):
            raise TypeError(f"[register_model] factory: expected a function, got {type(factory).__name__}")
        elif not description:
            description = (inspect.getdoc(factory) or "").partition("\n")[0]
        info = ModelInfo(name, description, tuple(tags), factory)
        with self._lock:
            taken = self._find(name)
            if taken is not None and not overwrite:
                raise ValueError(
                    f"[register_model] {taken.name!r} is registered: choose another name, or pass overwrite=True"
                )
            if taken is not None:
                self._entries.pop(taken.name, None)
            self._entries[name] = info

    def unregister(self, name: str) -> None:
        """Forget a model.

        Raises:
            ValueError: no model has the name.
        """
        info = self.info(name)
        with self._lock:
            if self._entries.pop(info.name, None) is None:
                raise ValueError(f"[hub] model {info.name!r} belongs to a plugin: unload the plugin instead")

    def _find(self, name: str) -> ModelInfo | None:
        if name in self._entries:
            return self._entries[name]
        lower = name.lower()
        return next((info for info in self._all() if info.name.lower() == lower), None)

    def _all(self) -> list[ModelInfo]:
        own = list(self._entries.values())
        return [*own, *(info for info in self._more() if info.name not in self._entries)] if self._more else own

    def info(self, name: str) -> ModelInfo:
        """Return what is known about a model.

        Raises:
            ValueError: no model has the name.
        """
        found = self._find(name) if isinstance(name, str) else None
        if found is None:
            near = ", ".join(difflib.get_close_matches(str(name), self.list(), 5)) or "none"
            raise ValueError(
                f"[hub] there is no model named {name!r}: list_models() lists all, register_model adds one. "
                f"Alike are {near}"
            )
        return found

    def get(
        self, name: str, pretrained: bool = False, *, weights: str | os.PathLike[str] | None = None, **options: Any
    ) -> nn.Module:
        """Make a model.

        Args:
            name: of the model.
            pretrained: load the weights that are registered under the model's name.
            weights: a file, or the name of registered weights.
            options: for what makes the model.

        Raises:
            ValueError: no model has the name.
            WeightsError: there are no such weights, or they are not what was registered.
        """
        info = self.info(name)
        model = info.resolve()(**options)
        if weights is None and not pretrained:
            return model
        if weights is None or weights == "DEFAULT":
            weights = weight_info(info.name).name  # a file that happens to be called so is not meant
        return load_pretrained(model, weights)

    def search(self, text: str) -> list[str]:
        """List the names of models that have a text in their name, their description or a tag, in any case."""
        text = text.lower()
        return sorted(
            info.name
            for info in self._all()
            if any(text in part.lower() for part in (info.name, info.description, *info.tags))
        )

    def list(self, tag: str | None = None, filter: str | Callable[[str], bool] | None = None) -> list[str]:
        """List names in order.

        Args:
            tag: only models with this tag.
            filter: only names that match this pattern, such as "resnet*", or for which this function returns True.
        """
        names = sorted(info.name for info in self._all() if tag is None or tag in info.tags)
        if filter is None:
            return names
        if isinstance(filter, str):
            return [name for name in names if fnmatch.fnmatchcase(name, filter)]
        return [name for name in names if filter(name)]
