"""How host scripts simulate: they have no arguments for it, so `pyflame csl run` sets `PYFLAME_CSL_SIMULATOR`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

VARIABLE = "PYFLAME_CSL_SIMULATOR"
KINDS = {"mode": str, "sched_seed": int, "max_cycles": int, "strict": int, "banks": int, "copies": str}


def simulator_options() -> dict[str, Any]:
    """Return the options in the variable, such as `mode=cycle,sched_seed=3`.

    Raises:
        ValueError: an option is unknown or has no number where it needs one.
    """
    found: dict[str, Any] = {}
    for entry in filter(None, os.environ.get(VARIABLE, "").split(",")):
        name, _, value = entry.partition("=")
        if name not in KINDS:
            raise ValueError(f"[csl] {VARIABLE} has {name!r}: the options are {', '.join(KINDS)}")
        found[name] = KINDS[name](value)
    return found


def as_text(options: Mapping[str, Any]) -> str:
    """The value of the variable for some options."""
    return ",".join(f"{name}={int(value) if isinstance(value, bool) else value}" for name, value in options.items())
