"""Transforms that take details away."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyflame import Generator, Tensor, exp, linspace, randn, tensor
from pyflame.nn import functional as F

from .crop import two
from .transform import Transform, as_batch, check_image, check_probability, in_floats


def bell(size: int, sigma: float, like: Tensor) -> Tensor:
    """Return weights of a Gaussian filter, which sum to one."""
    half = (size - 1) / 2
    weights = exp(-0.5 * (linspace(-half, half, size, dtype=like.dtype) / sigma) ** 2)
    return weights / weights.sum()


class GaussianBlur(Transform):
    """Blurs an image with a Gaussian filter of random width; at the edges the image is mirrored.

    Args:
        kernel_size: height and width of the filter in pixels, or one number for both; odd.
        sigma: lowest and highest standard deviation in pixels, or one number.

    Raises:
        ValueError: an even or negative size, or standard deviations that are not positive.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> image = pf.zeros(1, 3, 3); image[0, 1, 1] = 1.0
        >>> transforms.GaussianBlur(3, sigma=0.5)(image)[0, 1]
        tensor([0.1676, 0.6193, 0.1676])
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        sigma: float | Sequence[float] = (0.1, 2.0),
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.kernel_size = two(kernel_size)
        if any(size < 1 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"[GaussianBlur] kernel_size is {kernel_size}: expected odd positive numbers")
        low, high = (sigma, sigma) if isinstance(sigma, int | float) else sigma
        if not 0 < low <= high:
            raise ValueError(f"[GaussianBlur] sigma is {sigma}: expected positive numbers in order")
        self.sigma = float(low), float(high)

    def apply(self, image: Tensor) -> Tensor:
        check_image(image, "GaussianBlur")
        (height, width), sigma = self.kernel_size, self.uniform(*self.sigma)

        def change(batch: Tensor) -> Tensor:
            channels = batch.shape[1]
            rows, columns = (bell(size, sigma, batch) for size in (height, width))
            padded = F.pad(batch, (width // 2, width // 2, height // 2, height // 2), mode="reflect")
            down = F.conv2d(padded, rows.reshape(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)
            return F.conv2d(down, columns.reshape(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels)

        return as_batch(image, lambda batch: in_floats(batch, change))


class RandomErasing(Transform):
    """Overwrites a random rectangle, with probability `p`: Zhong et al., Random Erasing Data Augmentation, 2017.

    Args:
        p: probability.
        scale: lowest and highest share of the area.
        ratio: lowest and highest height per width.
        value: what is written: one number, one for each channel, or "random" for normally distributed ones.
        inplace: write into the given tensor.

    Raises:
        ValueError: p is no probability, or numbers are out of order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> erased = transforms.RandomErasing(p=1.0, scale=(0.25, 0.25), ratio=(1, 1))(pf.ones(1, 4, 4))
        >>> erased.sum().item()
        12.0
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0,
        inplace: bool = False,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        check_probability(self, p)
        if not (0 <= scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1]):
            raise ValueError(f"[RandomErasing] scale {tuple(scale)}, ratio {tuple(ratio)}: expected limits in order")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"[RandomErasing] value is {value!r}: expected numbers or 'random'")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, tuple(scale), tuple(ratio), value, inplace

    def apply(self, image: Tensor) -> Tensor:
        check_image(image, "RandomErasing")
        if not self.happens(self.p):
            return image
        channels, rows, columns = image.shape[-3:]
        for _ in range(10):
            area = rows * columns * self.uniform(*self.scale)
            proportion = math.exp(self.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            height, width = round(math.sqrt(area * proportion)), round(math.sqrt(area / proportion))
            if height < rows and width < columns:
                break
        else:
            return image
        top, left = self.pick(rows - height + 1), self.pick(columns - width + 1)
        result = image if self.inplace else image.clone()
        result[..., top : top + height, left : left + width] = self._written(image, channels, height, width)
        return result

    def _written(self, image: Tensor, channels: int, height: int, width: int) -> Tensor:
        if self.value == "random":
            return randn((channels, height, width), dtype=image.dtype, generator=self.generator)
        values = self.value if isinstance(self.value, Sequence) else [self.value]
        if len(values) not in (1, channels):
            raise ValueError(f"[RandomErasing] value has {len(values)} numbers: the image has {channels} channels")
        return tensor(values, dtype=image.dtype).reshape(-1, 1, 1)
