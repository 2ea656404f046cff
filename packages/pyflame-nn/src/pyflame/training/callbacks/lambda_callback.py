"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable

from .callback import Callback


class LambdaCallback(Callback):
    """Calls functions at events.

    Args:
        events: event -> function with the event's arguments.

    Raises:
        TypeError: there is no such event.

    Example:
        >>> from pyflame.training import LambdaCallback
        >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs, **kw: print(epoch, logs))
        >>> callback.on_epoch_end(0, {"loss": 1.0})
        0 {'loss': 1.0}
    """

    def __init__(self, **events: Callable[..., object]) -> None:
        for event, function in events.items():
            if not event.startswith("on_") or not hasattr(Callback, event):
                raise TypeError(f"[LambdaCallback] there is no event {event!r}")
            setattr(self, event, function)
