"""The plugins of this process."""

from __future__ import annotations

from typing import TypeVar

from .manager import PluginManager
from .plugin import Plugin, PluginInfo

manager = PluginManager()
_P = TypeVar("_P", bound=type[Plugin])


def register_plugin(cls: _P) -> _P:
    """Make a plugin class known under its name, for `load_plugin`. Usable as a decorator.

    Args:
        cls: concrete subclass of Plugin.

    Raises:
        TypeError: it is none.
        ValueError: another class has the name.
    """
    manager.register(cls)
    return cls


def load_plugin(name: str) -> Plugin:
    """Load a plugin, after those it depends on; once, however often it is asked for.

    Args:
        name: that of an entry point in the group `pyflame.plugins` or of a registered class, "module:Class", or a
            module that defines one plugin.

    Raises:
        PluginError: it cannot be loaded. Nothing it registered is left.
    """
    return manager.load(name)


def unload_plugin(name: str) -> None:
    """Unload a plugin: every registry is as if it had never been loaded.

    Args:
        name: of a loaded plugin.

    Raises:
        PluginError: it is not loaded, another depends on it, or its teardown raised.
    """
    manager.unload(name)


def get_plugin(name: str) -> Plugin:
    """A loaded plugin.

    Args:
        name: of a loaded plugin.

    Raises:
        PluginError: it is not loaded.
    """
    return manager.get(name)


def list_plugins() -> list[PluginInfo]:
    """A row for every plugin that is installed, registered, loaded or broken; nothing is imported.

    Example:
        >>> all(row.state in ("found", "registered", "loaded", "broken") for row in list_plugins())
        True
    """
    return list(manager.list())


def discover_plugins() -> list[PluginInfo]:
    """Look for installed plugins anew; nothing of theirs is imported."""
    return list(manager.discover(again=True))


def diagnose() -> list[PluginInfo]:
    """Try every plugin that is not loaded, and give all rows: broken ones with error and traceback."""
    return list(manager.diagnose())
