"""The base of layers that take sizes from their first input."""

from __future__ import annotations

from ..lazy import LazyModuleMixin as LazyModuleMixin
