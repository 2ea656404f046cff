"""`pyflame plugins list|load|doctor`: what other distributions add, and why some of it does not work."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any, TypedDict

from .._entry_points import readable
from . import external
from .output import add_json, paint, show, table

GROUPS = ("pyflame.plugins", "pyflame.backends", external.GROUP)


class PluginRow(TypedDict):
    """One entry point of another distribution."""

    name: str
    group: str
    distribution: str
    version: str
    target: str


class PluginList(TypedDict):
    """The JSON of `pyflame plugins list`."""

    plugins: list[PluginRow]


class Diagnosis(PluginRow):
    """A plugin, and what happened when its code was imported: `problem` and `traceback` are empty if it works."""

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
    doctor = actions.add_parser("doctor", help="import every plugin and show the tracebacks of those that fail")
    doctor.set_defaults(run=run_doctor)
    for action in (listing, doctor):
        add_json(action)


def installed() -> Iterator[EntryPoint]:
    for group in GROUPS:
        yield from sorted((point for _, point in readable(group)), key=lambda point: point.name)


def row(point: EntryPoint) -> PluginRow:
    return {
        "name": point.name,
        "group": point.group,
        "distribution": external.owner(point),
        "version": point.dist.version if point.dist is not None else "",
        "target": point.value,
    }


def run_list(options: argparse.Namespace) -> int:
    rows = [row(point) for point in installed()]
    header = ("name", "group", "distribution", "version", "target")
    lines = list(table(header, [tuple(r[key] for key in header) for r in rows]))  # type: ignore[literal-required]
    show(options, PluginList(plugins=rows), lines if rows else ["no plugins are installed"])
    return 0


def diagnose() -> Iterator[Diagnosis]:
    """Import what every entry point names."""
    points = list(installed())
    for point in points:
        problem = trace = ""
        try:
            point.load()
        except Exception as error:  # of code that is not ours: it is what this looks for
            problem, trace = f"{type(error).__name__}: {error}", traceback.format_exc()
        for name, text in external.clashes([other for other in points if other.group == point.group]):
            problem = text if name == point.name and not problem else problem
        yield {**row(point), "problem": problem, "traceback": trace}


def run_doctor(options: argparse.Namespace) -> int:
    found = list(diagnose())
    lines = []
    for plugin in found:
        state = paint("red", "broken") if plugin["problem"] else paint("green", "works ")
        lines.append(f"{state}  {plugin['name']}  ({plugin['group']}, {plugin['distribution']} {plugin['version']})")
        lines += ["  " + line for line in (plugin["traceback"] or plugin["problem"]).splitlines()]
        if plugin["problem"]:
            lines.append(f"  repair: update or uninstall {plugin['distribution']}")
    show(options, Diagnoses(plugins=found), lines or ["no plugins are installed"])
    return 1 if any(plugin["problem"] for plugin in found) else 0
