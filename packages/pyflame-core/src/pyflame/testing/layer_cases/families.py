"""All families: name -> the function that draws one of its calls."""

from __future__ import annotations

from collections.abc import Callable

from . import activation, convolution, indexing, losses, normalization, pooling, resampling, sequences
from .case import Case, Draw

FAMILIES: dict[str, Callable[[Draw], Case]] = {
    name: draw
    for module in (convolution, pooling, normalization, indexing, resampling, sequences, activation, losses)
    for name, draw in module.FAMILIES.items()
}
