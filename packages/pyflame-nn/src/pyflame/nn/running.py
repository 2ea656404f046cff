"""Running statistics that wait for an evaluation.

A layer moves its statistics lazily, in the forward pass. They depend on the batch but nothing of the training step
depends on them, so evaluating the new parameters leaves them pending: one more link in a chain for every step. The
optimizer therefore asks here for what waits and evaluates it together with the parameters, in the same plan.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from pyflame import Tensor
from pyflame.compilation import when_replayed

from .module import Module

_waiting: WeakKeyDictionary[Module, Callable[[Module], list[Tensor]]] = WeakKeyDictionary()
_any = False  # asking the dictionary runs Python, at every step of every optimizer


def wait(module: Module, statistics: Callable[[Module], list[Tensor]]) -> None:
    """Remember that the tensors `statistics(module)` are pending."""
    when_replayed(_wait, module, statistics)


def _wait(module: Module, statistics: Callable[[Module], list[Tensor]]) -> None:
    global _any
    _waiting[module] = statistics
    _any = True


def take_waiting() -> list[Tensor]:
    """Return the pending statistics of all living modules and forget about them."""
    global _any
    if not _any:
        return []
    _any = False
    tensors = [tensor for module, statistics in _waiting.items() for tensor in statistics(module)]
    _waiting.clear()
    return tensors
