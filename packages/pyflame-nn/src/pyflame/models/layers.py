"""The list of layers under the name that Hugging Face gives it."""

from __future__ import annotations

from collections.abc import Iterable

from pyflame import nn


class Layers(nn.Module):
    """Layers that a model calls one after another."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)
