"""Cost tables: what things take, in cycles, one JSON file per architecture with source and meaning of each constant."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


@cache
def _table(arch: str) -> dict[str, tuple[float, str, str]]:
    text = files(__package__).joinpath(f"costs_{arch}.json").read_text(encoding="utf-8")
    return {name: (value, source, meaning) for name, (value, source, meaning) in json.loads(text).items()}


def costs(arch: str, mode: str) -> dict[str, float]:
    """The constants of "wse2" or "wse3"; in "functional" mode the fabric has a latency of one cycle."""
    table = {name: value for name, (value, _, _) in _table(arch).items()}
    if mode == "functional":
        table |= {"hop": 1, "ramp_in": 1, "ramp_out": 1}
    return table


def meanings(arch: str) -> dict[str, str]:
    """What each constant is, and where its value comes from."""
    return {name: f"{meaning} ({source})" for name, (_, source, meaning) in _table(arch).items()}
