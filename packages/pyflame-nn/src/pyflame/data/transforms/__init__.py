"""Transforms of images; `Compose` puts them together."""

from __future__ import annotations

from .combine import (
    Compose as Compose,
    Lambda as Lambda,
    RandomApply as RandomApply,
    RandomChoice as RandomChoice,
    RandomOrder as RandomOrder,
)
from .crop import (
    CenterCrop as CenterCrop,
    Pad as Pad,
    RandomCrop as RandomCrop,
    RandomHorizontalFlip as RandomHorizontalFlip,
    RandomVerticalFlip as RandomVerticalFlip,
)
from .pixels import (
    Grayscale as Grayscale,
    Normalize as Normalize,
    RandomGrayscale as RandomGrayscale,
    ToTensor as ToTensor,
)
from .transform import Transform as Transform
