"""Recording without evaluation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .. import _core


class _State(threading.local):
    depth = 0


_state = _State()


@contextmanager
def recording() -> Iterator[None]:
    """Nothing is evaluated on its own in this thread: not op by op in eager mode, not at the limit of pending nodes."""
    _state.depth += 1
    _core.set_tracing(True)
    try:
        yield
    finally:
        _state.depth -= 1
        _core.set_tracing(_state.depth > 0)
