"""`pyflame version`: which members of the family are installed."""

from __future__ import annotations

import argparse
from typing import Any, TypedDict

from ..config import version_info
from .output import add_json, show


class Version(TypedDict):
    """The JSON of `pyflame version`."""

    versions: dict[str, str]


def add(commands: Any) -> None:
    parser = commands.add_parser("version", help="print the versions of the installed parts")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    versions = version_info()
    data: Version = {"versions": versions}
    show(options, data, (f"{name} {version}" for name, version in versions.items()))
    return 0
