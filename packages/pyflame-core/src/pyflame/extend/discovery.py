"""Installed plugins, as their distributions describe them. Nothing of theirs is imported here.

A distribution offers a plugin by an entry point, and states in a keyword which plugin API it was written for:

    [project]
    keywords = ["pyflame-plugin-api>=1,<2"]

    [project.entry-points."pyflame.plugins"]
    example = "pyflame_plugin_example.plugin:ExamplePlugin"
"""

from __future__ import annotations

import os
import re
import traceback
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint

from .._entry_points import offers
from .plugin import PluginError, PluginInfo, check_api

GROUP = "pyflame.plugins"
# Keywords are joined by commas in the metadata, and so are the clauses of a version: the whole field is searched.
_API = re.compile(r"pyflame-plugin-api\s*((?:[<>=!]=?\s*\d+(?:\.\d+)*\s*,?\s*)+)")


@dataclass(frozen=True)
class Found:
    """An entry point and what its distribution says."""

    info: PluginInfo
    entry: EntryPoint | None
    api: str = ""


def allowed_prefixes() -> tuple[str, ...] | None:
    """Modules that plugins may come from; None: any."""
    text = os.environ.get("PYFLAME_ALLOWED_PLUGIN_PREFIXES")
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def check_allowed(name: str, module: str) -> None:
    """Refuse a module that the user's list does not have.

    Raises:
        PluginError: it is not allowed.
    """
    prefixes = allowed_prefixes()
    if prefixes is not None and not module.startswith(prefixes):
        allowed = ", ".join(prefixes) or "none"
        raise PluginError(f"[plugin] {name} is in module {module}: PYFLAME_ALLOWED_PLUGIN_PREFIXES allows {allowed}")


def installed() -> dict[str, Found]:
    """The plugins that are installed, by name; those that must not be imported are marked as broken."""
    if os.environ.get("PYFLAME_DISABLE_ENV_PLUGINS") == "1":
        return {}
    found: dict[str, Found] = {}
    for name, distribution, entries in offers(GROUP):
        if isinstance(entries, Exception):
            text = f"[plugin] the entry points of {name} cannot be read: reinstall or uninstall it"
            trace = "".join(traceback.format_exception(entries))
            found[name] = Found(PluginInfo(name, state="broken", distribution=name, error=text, traceback=trace), None)
            continue
        for item in (_checked(name, distribution, entry) for entry in entries):
            first = found.get(item.info.name)
            found[item.info.name] = item if first is None else _clash(first, item)
    return found


def _checked(name: str, distribution: Distribution, entry: EntryPoint) -> Found:
    row = PluginInfo(entry.name, target=entry.value, distribution=name)
    api = ""
    try:
        metadata = distribution.metadata
        row = PluginInfo(entry.name, metadata["Version"] or "", metadata["Summary"] or "", "found", entry.value, name)
        stated = _API.search(metadata["Keywords"] or "")
        api = stated[1].strip(", ") if stated else ""
        if api:
            check_api(entry.name, api)
        if not re.fullmatch(r"[\w.]+(:[\w.]+)?", entry.value):
            raise PluginError(f"[plugin] {entry.name} points at {entry.value!r}: expected 'module:Class'")
        check_allowed(entry.name, entry.module)
    except PluginError as error:
        return Found(_broken(row, str(error)), None, api)
    except Exception as error:
        text = f"[plugin] the metadata of {name} cannot be read ({error}): reinstall or uninstall it"
        return Found(_broken(row, text, traceback.format_exc()), None, api)
    return Found(row, entry, api)


def _broken(row: PluginInfo, error: str, trace: str = "") -> PluginInfo:
    return PluginInfo(row.name, row.version, row.description, "broken", row.target, row.distribution, error, trace)


def _clash(first: Found, second: Found) -> Found:
    owners = f"{first.info.distribution} and {second.info.distribution}"
    return Found(
        _broken(first.info, f"[plugin] two plugins are named {first.info.name}: {owners}; uninstall one"), None
    )
