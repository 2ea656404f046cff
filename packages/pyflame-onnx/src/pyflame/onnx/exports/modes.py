"""The mode of a module while it is exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def exporting(model: Any, training: bool | None) -> Iterator[None]:
    """Put a module and its parts in a mode, and back into their own afterwards; None leaves them alone."""
    parts = list(model.modules()) if training is not None and hasattr(model, "modules") else []
    before = [part.training for part in parts]
    try:
        if parts:
            model.train(training)
        yield
    finally:
        for part, mode in zip(parts, before):
            part.training = mode
