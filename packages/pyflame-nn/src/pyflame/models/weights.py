"""Weights for the functions that make a model."""

from __future__ import annotations

import os
from typing import TypeVar

from pyflame import nn

# The path of a file, or the name of registered weights.
Weights = str | os.PathLike[str] | None

Model = TypeVar("Model", bound=nn.Module)


def with_weights(name: str, model: Model, pretrained: bool, weights: Weights, progress: bool) -> Model:
    """The model as it is, or with weights: those registered for its name, or the ones that are asked for.

    Args:
        name: of the model, in the registry.
        pretrained: load what is registered for the name; the same as weights="DEFAULT".
        weights: a file, the name of registered weights, or None.
        progress: show the progress of a download.

    Raises:
        WeightsError: there are no such weights.
    """
    if weights is None and not pretrained:
        return model
    from pyflame.hub import load_pretrained, weight_info

    if weights is None or weights == "DEFAULT":
        weights = weight_info(name).name  # a file that happens to be called so is not meant
    return load_pretrained(model, weights, progress=progress)
