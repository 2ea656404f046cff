"""`pyflame doctor`: is this installation sound, and if not, what repairs it."""

from __future__ import annotations

import argparse
from typing import Any, TypedDict

from .output import add_json, paint, show

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


class FindingRow(TypedDict):
    """One finding."""

    check: str
    state: str
    found: str
    repair: str


class Report(TypedDict):
    """The JSON of `pyflame doctor`."""

    sound: bool
    findings: list[FindingRow]


class Explanation(TypedDict):
    """The JSON of `pyflame doctor CODE`."""

    code: str
    text: str


def add(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="examine the installation, or explain the code of an error")
    parser.add_argument("code", metavar="CODE", nargs="?", help="an error's code, such as PF0019")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..errors import explain
    from .checks import CHECKS

    if options.code is not None:
        text = explain(options.code)
        show(options, Explanation(code=options.code.upper(), text=text), [text])
        return 0
    findings = [finding for check in CHECKS for finding in check()]
    sound = all(finding.state != "error" for finding in findings)
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        state = paint(_COLOURS[finding.state], f"{finding.state:<7}")
        lines.append(f"{state}  {finding.check:<{width}}  {finding.found}")
        if finding.repair:
            lines.append(f"{'':9}{'':{width}}  repair: {finding.repair}")
    rows = [FindingRow(check=f.check, state=f.state, found=f.found, repair=f.repair) for f in findings]
    show(options, Report(sound=sound, findings=rows), lines)
    return 0 if sound else 1
