"""A profile of the whole process as a Chrome trace, for chrome://tracing or Perfetto."""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path
from typing import Any

from .hooks import set_profiling
from .io.atomic import atomic_file


def profile_process(path: str) -> None:
    """Collect events from now on and write them when the process ends.

    Args:
        path: of the JSON file.
    """
    events: list[dict[str, Any]] = []
    set_profiling(True, events.append)
    atexit.register(_write, Path(path), events)


def _write(path: Path, events: list[dict[str, Any]]) -> None:
    set_profiling(False)
    rows = [
        {
            "name": event["name"],
            "cat": event["category"],
            "ph": "X",  # a complete event: start and duration in microseconds
            "ts": event["start_time"] * 1e6,
            "dur": (event["end_time"] - event["start_time"]) * 1e6,
            "pid": os.getpid(),
            "tid": 0,
            "args": {"memory": event["memory_allocated"], "shapes": event["output_shapes"], **event["metadata"]},
        }
        for event in events
    ]
    with atomic_file(path) as file:
        file.write(json.dumps({"traceEvents": rows}).encode())
