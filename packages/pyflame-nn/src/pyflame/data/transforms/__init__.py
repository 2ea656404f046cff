"""Transforms of images, features, texts and sound; `Compose` puts them together."""

from __future__ import annotations

from .audio import MelSpectrogram as MelSpectrogram, Spectrogram as Spectrogram
from .blur import GaussianBlur as GaussianBlur, RandomErasing as RandomErasing
from .color import ColorJitter as ColorJitter
from .combine import (
    Compose as Compose,
    Lambda as Lambda,
    RandomApply as RandomApply,
    RandomChoice as RandomChoice,
    RandomOrder as RandomOrder,
)
from .convert import (
    ConvertImageDtype as ConvertImageDtype,
    PILToTensor as PILToTensor,
    ToPILImage as ToPILImage,
)
from .crop import (
    CenterCrop as CenterCrop,
    FiveCrop as FiveCrop,
    Pad as Pad,
    RandomCrop as RandomCrop,
    RandomHorizontalFlip as RandomHorizontalFlip,
    RandomVerticalFlip as RandomVerticalFlip,
)
from .geometry import RandomAffine as RandomAffine, RandomRotation as RandomRotation
from .pixels import (
    Grayscale as Grayscale,
    Normalize as Normalize,
    RandomGrayscale as RandomGrayscale,
    ToTensor as ToTensor,
)
from .resize import (
    InterpolationMode as InterpolationMode,
    RandomResizedCrop as RandomResizedCrop,
    Resize as Resize,
)
from .scaling import MinMaxScaler as MinMaxScaler, StandardScaler as StandardScaler
from .text import (
    BuildVocab as BuildVocab,
    LowerCase as LowerCase,
    PadSequence as PadSequence,
    StripWhitespace as StripWhitespace,
    Tokenize as Tokenize,
    Vocab as Vocab,
)
from .transform import Transform as Transform
