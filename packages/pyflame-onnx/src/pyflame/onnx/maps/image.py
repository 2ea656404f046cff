"""Pictures in files."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import check_count, host
from .registry import maps

MODES = {"RGB": "RGB", "BGR": "RGB", "Grayscale": "L"}
# What the operator's definition names; Pillow reads more, some of it by running other programs.
FORMATS = ("BMP", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")


@maps("ImageDecoder", 20, host="encoded")
def image_decoder(encoded: Any, *, pixel_format: str = "RGB") -> Tensor:
    """Return the pixels of an encoded picture: (height, width, channels)."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("[ImageDecoder] pictures are decoded by Pillow: pip install pillow") from error
    if pixel_format not in MODES:
        raise ValueError(f"[ImageDecoder] pixel_format {pixel_format!r} is none of {', '.join(MODES)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # a harder limit follows
            picture = Image.open(io.BytesIO(host(encoded).tobytes()), formats=FORMATS)
            check_count(picture.width * picture.height * 3, "ImageDecoder")
            pixels = np.asarray(picture.convert(MODES[pixel_format]))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"[ImageDecoder] the picture cannot be decoded: {error}") from error
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels[:, :, ::-1] if pixel_format == "BGR" else pixels
    return pf.from_numpy(np.ascontiguousarray(pixels))
