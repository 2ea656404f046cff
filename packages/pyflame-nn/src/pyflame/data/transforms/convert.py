"""Between tensors, PIL images and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import DType, Tensor, float32, float64, from_numpy, iinfo, int32, int64

from .transform import Transform

INSTALL = "[transforms] PIL images are Pillow's: pip install pillow"


class ToPILImage(Transform):
    """Makes a PIL image of a tensor (C, H, W) or of an array (H, W) or (H, W, C); needs Pillow.

    Floats count from 0 to 1. One channel is gray, three are red, green and blue, four have an alpha channel.

    Args:
        mode: of the image, such as "L" or "RGB"; by the number of channels if None.

    Raises:
        ValueError: shapes, dtypes or modes that no image has.
        ModuleNotFoundError: Pillow is not installed.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.ToPILImage()(pf.ones(3, 4, 5)).size
        (5, 4)
    """

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def __call__(self, image: Any) -> Any:
        try:
            from PIL import Image
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(INSTALL) from error
        pixels = np.asarray(image.detach().numpy() if isinstance(image, Tensor) else image)
        if isinstance(image, Tensor):
            if pixels.ndim not in (2, 3):
                raise ValueError(f"[ToPILImage] the tensor has shape {pixels.shape}: expected (C, H, W) or (H, W)")
            pixels = pixels[None] if pixels.ndim == 2 else pixels
            pixels = pixels.transpose(1, 2, 0)
            if np.issubdtype(pixels.dtype, np.floating) and self.mode != "F":
                pixels = (pixels * 255).astype(np.uint8)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        usual = {1: {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}, 2: {"uint8": "LA"}}
        kinds = {**usual, 3: {"uint8": "RGB"}, 4: {"uint8": "RGBA"}}
        found = kinds.get(pixels.shape[-1], {}).get(pixels.dtype.name) if pixels.ndim == 3 else None
        if found is None:
            raise ValueError(f"[ToPILImage] no image has the shape {pixels.shape} (H, W, C) and dtype {pixels.dtype}")
        pixels = np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        result = Image.fromarray(pixels.astype("<u2") if found == "I;16" else pixels)
        if self.mode is None or self.mode == result.mode:
            return result
        alike = [{"LA", "L"}, {"RGB", "YCbCr", "HSV"}, {"RGBA", "CMYK", "RGBX"}]
        if not any({self.mode, result.mode} <= group for group in alike):
            raise ValueError(f"[ToPILImage] mode is {self.mode!r}: these pixels make an image of mode {result.mode!r}")
        return Image.frombytes(self.mode, result.size, result.tobytes())


class PILToTensor(Transform):
    """Makes a tensor (C, H, W) of a PIL image; the values stay as they are.

    Example:
        >>> from PIL import Image
        >>> from pyflame.data import transforms
        >>> transforms.PILToTensor()(Image.new("RGB", (2, 1), (1, 2, 3))).tolist()
        [[[1, 1]], [[2, 2]], [[3, 3]]]
    """

    def __call__(self, image: Any) -> Tensor:
        if isinstance(image, Tensor | np.ndarray):
            raise TypeError(f"[PILToTensor] expected a PIL image, got {type(image).__name__}: see ToTensor")
        pixels = np.array(image)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)), copy=False)


class ConvertImageDtype(Transform):
    """Changes the dtype of an image; floats count from 0 to 1, whole numbers up to the highest of their dtype.

    Args:
        dtype: of the result.

    Raises:
        RuntimeError: a float cannot hold all values of the whole numbers.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.ConvertImageDtype(pf.float32)(pf.tensor([[[0, 255]]], dtype=pf.uint8))
        tensor([[[0., 1.]]])
    """

    def __init__(self, dtype: DType) -> None:
        super().__init__()
        self.dtype = dtype

    def apply(self, image: Tensor) -> Tensor:
        before, after = image.dtype, self.dtype
        if before == after:
            return image
        if before.is_floating_point and after.is_floating_point:
            return image.to(after)
        if before.is_floating_point:
            if (before == float32 and after in (int32, int64)) or (before == float64 and after == int64):
                raise RuntimeError(f"[ConvertImageDtype] {before.name} cannot hold all values of {after.name}")
            return (image * (iinfo(after).max + 1.0 - 1e-3)).to(after)
        if after.is_floating_point:
            return image.to(after) / iinfo(before).max
        factor = (iinfo(before).max + 1) / (iinfo(after).max + 1)
        if factor > 1:
            return (image // int(factor)).to(after)
        return image.to(after) * int(1 / factor)
