"""Loading and unloading of plugins. Each load is a transaction; what fails is set aside with its traceback."""

from __future__ import annotations

import importlib
import inspect
import os
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import _journal
from .._journal import describe
from . import discovery, registry
from .custom_ops import register_custom_op
from .plugin import Plugin, PluginError, PluginInfo, check_api, check_requires


@dataclass
class _Loaded:
    plugin: Plugin
    undos: list[_journal.Undo]


class PluginManager:
    """The plugins of a process: installed ones are found on first use, and imported only to be loaded."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._installed: dict[str, discovery.Found] | None = None
        self._registered: dict[str, type[Plugin]] = {}
        self._loaded: dict[str, _Loaded] = {}
        self._broken: dict[str, PluginInfo] = {}

    def discover(self, *, again: bool = False) -> Sequence[PluginInfo]:
        """Rows of the installed plugins; nothing of theirs is imported.

        Args:
            again: look at the disk anew.
        """
        with self._lock:
            if self._installed is None or again:
                self._installed = discovery.installed()
            return [found.info for found in self._installed.values()]

    def register(self, cls: type[Plugin]) -> None:
        """Make a class known under its name.

        Raises:
            TypeError: it is no concrete subclass of Plugin.
            ValueError: another class has the name.
        """
        _check_class(describe(cls), cls)
        name = cls.name if isinstance(cls.name, str) else cls().name
        with self._lock:
            other = self._registered.get(name)
            if other is not None and describe(other) != describe(cls):
                raise ValueError(f"[plugin] two plugins are named {name!r}: {describe(other)} and {describe(cls)}")
            self._registered[name] = cls

    def load(self, name: str) -> Plugin:
        """Load a plugin and what it depends on; once, however often it is asked for.

        Args:
            name: that of an entry point or a registered class, "module:Class", or a module with one plugin.

        Raises:
            PluginError: it cannot be loaded. Nothing it or its dependencies registered is left.
        """
        with self._lock:
            before = list(self._loaded)
            try:
                return self._load(name, ())
            except BaseException:
                for loaded in reversed([other for other in self._loaded if other not in before]):
                    _journal.roll_back(self._loaded.pop(loaded).undos)
                raise

    def unload(self, name: str) -> None:
        """Take back what a plugin registered.

        Raises:
            PluginError: it is not loaded, another plugin depends on it, or its teardown raised; in the last case it is
                unloaded all the same.
        """
        with self._lock:
            if name not in self._loaded:
                raise PluginError(f"[plugin] {name} is not loaded: loaded are {', '.join(self._loaded) or 'none'}")
            users = [other for other, item in self._loaded.items() if name in item.plugin.dependencies]
            if users:
                raise PluginError(f"[plugin] {name} cannot be unloaded: {', '.join(users)} depends on it")
            item = self._loaded.pop(name)
            try:
                item.plugin.teardown()
            except Exception as error:
                raise PluginError(f"[plugin] {name} is unloaded, but its teardown raised: {error}") from error
            finally:
                _journal.roll_back(item.undos)

    def get(self, name: str) -> Plugin:
        """A loaded plugin.

        Raises:
            PluginError: it is not loaded.
        """
        if name not in self._loaded:
            raise PluginError(f"[plugin] {name} is not loaded: call load_plugin({name!r}) first")
        return self._loaded[name].plugin

    def list(self) -> Sequence[PluginInfo]:
        """A row for every plugin that is installed, registered, loaded or broken."""
        rows = {row.name: row for row in self.discover()}
        for name, cls in self._registered.items():
            rows[name] = PluginInfo(name, cls.version, cls.description, "registered", describe(cls))
        rows.update(self._broken)
        for name, item in self._loaded.items():
            row = rows.get(name, PluginInfo(name, target=describe(type(item.plugin))))
            plugin = item.plugin
            rows[name] = replace(
                row,
                version=plugin.version,
                description=plugin.description or row.description,
                state="loaded",
                error="",
                traceback="",
            )
        return sorted(rows.values(), key=lambda row: row.name)

    def diagnose(self) -> Sequence[PluginInfo]:
        """Load what is not loaded, unload it again, and give the rows: broken plugins with error and traceback."""
        for row in self.list():
            if row.state in ("found", "registered"):
                before = list(self._loaded)
                try:
                    self.load(row.name)
                    for name in reversed([other for other in self._loaded if other not in before]):
                        self.unload(name)
                except PluginError as error:
                    if row.name not in self._broken:
                        self._set_aside(row.name, error)
        return self.list()

    # ---- loading

    def _load(self, name: str, path: tuple[str, ...]) -> Plugin:
        if name in path:
            raise PluginError(
                f"[plugin] plugins depend on each other: {' -> '.join((*path[path.index(name) :], name))}"
            )
        if name in self._loaded:
            return self._loaded[name].plugin
        try:
            key, cls = self._class(name)
            if key in self._loaded:
                return self._loaded[key].plugin
            plugin = self._made(key, cls)
            for dependency in plugin.dependencies:
                self._dependency(key, dependency, (*path, name))
            with _journal.kept() as undos:
                plugin.setup()
                _register_offers(plugin)
        except PluginError as error:
            self._set_aside(name, error)
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise anything, SystemExit included
            self._set_aside(name, error)
            detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise PluginError(
                f"[plugin] {name} failed to load ({detail}): update or uninstall it; "
                "`pyflame plugins doctor` shows the traceback"
            ) from error
        self._loaded[key] = _Loaded(plugin, undos)
        self._broken.pop(name, None)
        return plugin

    def _made(self, name: str, cls: type[Plugin]) -> Plugin:
        check_api(name, cls.api)
        check_requires(name, tuple(cls.requires))
        if isinstance(cls.dependencies, str):
            raise PluginError(f"[plugin] {name} has dependencies {cls.dependencies!r}: expected a tuple of names")
        plugin = cls()
        if plugin.name != name:
            raise PluginError(f"[plugin] the entry point is named {name}, its plugin {plugin.name}: use one name")
        return plugin

    def _dependency(self, name: str, dependency: str, path: tuple[str, ...]) -> None:
        try:
            self._load(dependency, path)
        except PluginError as error:
            if "depend on each other" in str(error):
                raise
            raise PluginError(f"[plugin] {name} needs {dependency}, which cannot be loaded: {error}") from error

    def _class(self, name: str) -> tuple[str, type[Plugin]]:
        """The plugin's own name, and its class."""
        if name in self._registered:
            cls = self._registered[name]
            discovery.check_allowed(name, cls.__module__)
            return name, cls
        self.discover()
        found = (self._installed or {}).get(name)
        if found is not None:
            if found.entry is None:
                raise PluginError(found.info.error)
            target = found.entry.load()
            return name, _check_class(found.entry.value, _only_plugin(target) if inspect.ismodule(target) else target)
        module_name, _, attribute = name.partition(":")
        if not all(part.isidentifier() for part in module_name.split(".")):
            raise PluginError(f"[plugin] there is no plugin {name!r}: known are {self._known()}")
        discovery.check_allowed(name, module_name)
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and module_name.startswith(error.name):
                raise PluginError(
                    f"[plugin] there is no plugin or module {name!r}: known are {self._known()}"
                ) from None
            raise
        if attribute and not hasattr(module, attribute):
            raise PluginError(f"[plugin] module {module_name} has no {attribute}")
        chosen = _check_class(name, getattr(module, attribute) if attribute else _only_plugin(module))
        return (chosen.name if isinstance(chosen.name, str) else chosen().name), chosen

    def _known(self) -> str:
        return ", ".join(row.name for row in self.list()) or "none"

    def _set_aside(self, name: str, error: BaseException) -> None:
        known = {row.name: row for row in self.discover()}
        row = known.get(name, PluginInfo(name, target=name))
        text = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        self._broken[name] = replace(row, state="broken", error=text, traceback=row.traceback or trace)


def _only_plugin(module: Any) -> type[Plugin]:
    """The one concrete plugin a module defines; what it imported does not count."""
    found = [
        member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Plugin)
        and not inspect.isabstract(member)
        and member.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(cls.__name__ for cls in found) or "none"
        raise PluginError(f"[plugin] module {module.__name__} defines {names}: name one plugin as module:Class")
    return found[0]


def _check_class(target: str, cls: Any) -> type[Plugin]:
    if not inspect.isclass(cls) or not issubclass(cls, Plugin) or inspect.isabstract(cls):
        missing = " (it has no name)" if inspect.isclass(cls) and issubclass(cls, Plugin) else ""
        raise TypeError(f"[plugin] {target} is no concrete subclass of pyflame.extend.Plugin{missing}")
    return cls


def _register_offers(plugin: Plugin) -> None:
    from .. import backends

    for name, declared in plugin.get_custom_ops().items():
        parts = {"forward_fn": declared} if callable(declared) else dict(declared)
        register_custom_op(name, **parts)
    for name, factory in plugin.get_backends().items():
        backends.register(name, factory)
    offers = (
        (registry.models, plugin.get_models()),
        (registry.integrations, plugin.get_integrations()),
        (registry.commands, plugin.get_cli()),
    )
    for table, entries in offers:
        for name, entry in entries.items():
            table.add(name, entry, owner=f"plugin {plugin.name}")


def load_from_environment(manager: PluginManager) -> None:
    """Load what PYFLAME_PLUGINS lists; what fails is set aside with a warning."""
    import warnings

    if os.environ.get("PYFLAME_DISABLE_ENV_PLUGINS") == "1":
        return
    for name in filter(None, map(str.strip, os.environ.get("PYFLAME_PLUGINS", "").split(","))):
        try:
            manager.load(name)
        except PluginError as error:
            warnings.warn(f"PYFLAME_PLUGINS: {error}", RuntimeWarning, stacklevel=2)
