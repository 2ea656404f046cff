"""Transforms of images and texts; `Compose` puts them together."""

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
from .text import (
    BuildVocab as BuildVocab,
    LowerCase as LowerCase,
    PadSequence as PadSequence,
    StripWhitespace as StripWhitespace,
    Tokenize as Tokenize,
    Vocab as Vocab,
)
from .transform import Transform as Transform
