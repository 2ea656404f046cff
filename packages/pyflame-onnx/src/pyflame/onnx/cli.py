"""`pyflame onnx`: what a model is, and whether it can be imported."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .cli_export import add_export


def add(commands: Any) -> None:
    """Add the subcommand and its own subcommands."""
    parser = commands.add_parser("onnx", help="check ONNX models")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    checker = actions.add_parser("check", help="list what cannot be imported; exit code 1 if there is any")
    checker.add_argument("model", help="an .onnx file")
    checker.add_argument("--json", action="store_true", help="print the report as JSON")
    checker.set_defaults(run=run_check)
    add_export(actions)


def run_check(options: argparse.Namespace) -> int:
    from .check import check

    report = check(options.model)
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return 0 if report.ok else 1
