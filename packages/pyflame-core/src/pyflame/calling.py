"""The base of objects that are called through their `forward`.

A class that derives from `CallsForward` has a method `forward` and an attribute `_hooks`. A call is a call of `forward`
while `_hooks` is None, else of `_hooks.call(object, args, kwargs)`.
"""

from __future__ import annotations

from ._core import CallsForward as CallsForward
