"""`pyflame info`: what a bug report should contain."""

from __future__ import annotations

import argparse
import os
import platform
from typing import Any, TypedDict

from .output import add_json, paint, pairs, show


class Info(TypedDict):
    """The JSON of `pyflame info`."""

    versions: dict[str, str]
    python: str
    numpy: str
    platform: str
    location: str
    build: dict[str, Any]
    runtime: dict[str, Any]
    environment: dict[str, str]


def add(commands: Any) -> None:
    parser = commands.add_parser("info", help="print versions, build, settings and environment")
    add_json(parser)
    parser.set_defaults(run=run)


def collect() -> Info:
    import numpy as np

    import pyflame as pf

    runtime = pf.runtime_info()
    settings = ("backend", "cpu_tier", "num_threads", "eager", "debug", "graph_limit")
    return {
        "versions": pf.version_info(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "location": os.path.dirname(pf.__file__),
        "build": pf.config.build_info(),
        "runtime": {name: runtime[name] for name in settings},
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith("PYFLAME_")},
    }


def run(options: argparse.Namespace) -> int:
    data = collect()
    secret = {name: "(set)" if name.endswith("_KEY") else value for name, value in data["environment"].items()}
    data["environment"] = secret
    groups = [
        ("versions", data["versions"]),
        ("system", {name: data[name] for name in ("python", "numpy", "platform", "location")}),
        ("build", data["build"]),
        ("settings", data["runtime"]),
        ("environment", data["environment"] or {"": "no PYFLAME_ variable is set"}),
    ]
    lines = [
        line for title, group in groups for line in (paint("bold", title), *("  " + p for p in pairs(group.items())))
    ]
    show(options, data, lines)
    return 0
