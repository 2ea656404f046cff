"""`pyflame plugins list|load|doctor`: what other distributions add, and why some of it does not work."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, TypedDict

from .._entry_points import readable
from . import external
from .output import add_json, paint, pairs, show, table

if TYPE_CHECKING:
    from ..extend import PluginInfo

PLUGINS = "pyflame.plugins"
GROUPS = ("pyflame.backends", external.GROUP)  # beside plugins, which have a manager of their own


class PluginRow(TypedDict):
    """One entry point of another distribution; `state` is found, registered, loaded or broken."""

    name: str
    group: str
    distribution: str
    version: str
    target: str
    state: str


class PluginList(TypedDict):
    """The JSON of `pyflame plugins list`."""

    plugins: list[PluginRow]


class Loaded(TypedDict):
    """The JSON of `pyflame plugins load`."""

    plugin: dict[str, Any]


class Diagnosis(PluginRow):
    """A plugin, and what happened when its code was run: `problem` and `traceback` are empty if it works."""

    problem: str
    traceback: str


class Diagnoses(TypedDict):
    """The JSON of `pyflame plugins doctor`."""

    plugins: list[Diagnosis]


def add(commands: Any) -> None:
    parser = commands.add_parser("plugins", help="list, load and examine plugins")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    listing = actions.add_parser("list", help="list installed plugins, without importing them")
    listing.set_defaults(run=run_list)
    loading = actions.add_parser("load", help="load a plugin into this process, to see whether it can be")
    loading.add_argument("name", metavar="NAME", help="its name, or module:Class")
    loading.set_defaults(run=run_load)
    doctor = actions.add_parser("doctor", help="import every plugin and show the tracebacks of those that fail")
    doctor.set_defaults(run=run_doctor)
    for action in (listing, loading, doctor):
        add_json(action)


def points() -> Iterator[EntryPoint]:
    for group in GROUPS:
        yield from sorted((point for _, point in readable(group)), key=lambda point: point.name)


def point_row(point: EntryPoint) -> PluginRow:
    return {
        "name": point.name,
        "group": point.group,
        "distribution": external.owner(point),
        "version": point.dist.version if point.dist is not None else "",
        "target": point.value,
        "state": "found",
    }


def plugin_row(info: PluginInfo) -> PluginRow:
    return {
        "name": info.name,
        "group": PLUGINS,
        "distribution": info.distribution,
        "version": info.version,
        "target": info.target,
        "state": info.state,
    }


def run_list(options: argparse.Namespace) -> int:
    from ..extend import list_plugins

    rows = [*map(plugin_row, list_plugins()), *map(point_row, points())]
    header = ("name", "group", "distribution", "version", "target", "state")
    lines = list(table(header, [tuple(r[key] for key in header) for r in rows]))  # type: ignore[literal-required]
    show(options, PluginList(plugins=rows), lines if rows else ["no plugins are installed"])
    return 0


def run_load(options: argparse.Namespace) -> int:
    from ..extend import load_plugin

    info = load_plugin(options.name).get_info()
    show(options, Loaded(plugin=info), pairs(info.items()))
    return 0


def diagnose() -> Iterator[Diagnosis]:
    """Load every plugin and take it back, and import what every other entry point names."""
    from .. import extend

    for info in extend.diagnose():
        yield {**plugin_row(info), "problem": info.error, "traceback": info.traceback}
    found = list(points())
    for point in found:
        row, problem, trace = point_row(point), "", ""
        try:
            point.load()
        except Exception as error:  # of code that is not ours: it is what this looks for
            problem, trace = f"{type(error).__name__}: {error}", traceback.format_exc()
        for name, text in external.clashes([other for other in found if other.group == point.group]):
            problem = text if name == point.name and not problem else problem
        yield {**row, "state": "broken" if problem else "found", "problem": problem, "traceback": trace}


def run_doctor(options: argparse.Namespace) -> int:
    found = list(diagnose())
    lines = []
    for plugin in found:
        state = paint("red", "broken") if plugin["problem"] else paint("green", "works ")
        lines.append(f"{state}  {plugin['name']}  ({plugin['group']}, {plugin['distribution']} {plugin['version']})")
        lines += ["  " + line for line in plugin["problem"].splitlines()]
        lines += ["    " + line for line in plugin["traceback"].splitlines()]
        if plugin["problem"]:
            lines.append(f"  repair: update or uninstall {plugin['distribution']}")
    show(options, Diagnoses(plugins=found), lines or ["no plugins are installed"])
    return 1 if any(plugin["problem"] for plugin in found) else 0
