"""What PyFlame finds by the entry points of pyproject.toml: the plugin, and its command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pyflame as pf
from pyflame import extend

from .integrations import CsvLog
from .ops import OPS


class ExamplePlugin(extend.Plugin):
    """The operations and the log, as PyFlame loads and unloads them."""

    name = "example"  # that of the entry point
    version = version("pyflame-plugin-example")
    description = "Swish, relu6 and a log in a CSV file"
    api = ">=1,<2"  # that of the keyword
    requires = ("custom_ops", "integrations")

    def get_custom_ops(self) -> Mapping[str, Mapping[str, Any]]:
        return OPS

    def get_integrations(self) -> Mapping[str, Any]:
        return {"example-csv": CsvLog}


def add_command(commands: Any) -> None:
    """Add `pyflame example` to the subparsers of the command `pyflame`."""
    parser = commands.add_parser("example", help="compute the plugin's operations")
    parser.add_argument("numbers", metavar="NUMBER", type=float, nargs="+")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what each operation makes of the numbers; return the exit code."""
    extend.load_plugin("example")
    x = pf.tensor(options.numbers)
    for name in OPS:
        print(name, *(f"{value:.4f}" for value in extend.get_custom_op(name)(x).tolist()))
    return 0
