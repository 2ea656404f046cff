"""Where the time of training goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyflame import set_profiling
from pyflame.io.atomic import atomic_file

from .callback import Callback, Logs

if TYPE_CHECKING:
    from ..trainer import Trainer


class ProfilerCallback(Callback):
    """Measures the operations of some batches; `summary()` adds them up, and `path` gets a Chrome trace.

    Args:
        path: of a JSON file for chrome://tracing or Perfetto, none if None.
        skip: how many batches to leave out before, as the first ones build plans.
        batches: how many to measure.

    Raises:
        ValueError: `skip` is negative, or `batches` not positive.

    Example:
        >>> from pyflame.training import ProfilerCallback
        >>> profiler = ProfilerCallback("build/trace.json", skip=2, batches=5)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, skip: int = 1, batches: int = 3) -> None:
        if skip < 0 or batches < 1:
            raise ValueError(f"[ProfilerCallback] skip is {skip}, batches is {batches}: expected >= 0 and >= 1")
        self.path, self.skip, self.batches = None if path is None else Path(path), skip, batches
        self.events: list[dict[str, Any]] = []
        """What `pf.set_profiling` reported."""
        self._seen, self._active = 0, False

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self.events, self._seen, self._active = [], 0, False

    def on_batch_begin(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self._seen == self.skip:
            self._active = True
            set_profiling(True, self.events.append)
        self._seen += 1

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self._seen == self.skip + self.batches:
            self._stop()

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if not self._active:
            return
        self._active = False
        set_profiling(False, self.events.append)
        if self.path is not None:
            self._write(self.path)

    def _write(self, path: Path) -> None:
        rows = [
            {
                "name": event["name"],
                "cat": event["category"],
                "ph": "X",  # a complete event: start and duration in microseconds
                "ts": event["start_time"] * 1e6,
                "dur": (event["end_time"] - event["start_time"]) * 1e6,
                "pid": os.getpid(),
                "tid": 0,
                "args": {"shapes": event["output_shapes"], "bytes": event["memory_allocated"]},
            }
            for event in self.events
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(json.dumps({"traceEvents": rows}).encode())

    def summary(self) -> list[tuple[str, int, float]]:
        """Return (operation, calls, seconds) of what was measured, the slowest first."""
        totals: dict[str, tuple[int, float]] = {}
        for event in self.events:
            calls, seconds = totals.get(event["name"], (0, 0.0))
            totals[event["name"]] = calls + 1, seconds + event["end_time"] - event["start_time"]
        rows = [(name, calls, seconds) for name, (calls, seconds) in totals.items()]
        return sorted(rows, key=lambda row: -row[2])
