"""Windows that slide over the trailing dimensions: where each of their elements lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array
from .convolution import padding_of, positions


@dataclass(frozen=True)
class Windows:
    """Sizes of a pooling, one entry per spatial dimension.

    Attributes:
        sizes: of the input.
        kernel: of a window.
        strides: from window to window.
        dilations: from element to element of a window.
        before: padding in front.
        after: padding behind that was asked for.
        extra: padding behind that only a last, overhanging window needs.
        counts: number of windows.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    extra: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def is_simple(self) -> bool:
        """Whether PyFlame's own pooling takes this padding."""
        fits = all(2 * pad <= size for pad, size in zip(self.before, self.kernel))
        return self.before == self.after and not any(self.extra) and fits

    def padded(self, x: Tensor, value: float) -> Tensor:
        """Pad the input so that every window lies inside."""
        behind = [a + b for a, b in zip(self.after, self.extra)]
        ends = [amount for pair in zip(reversed(self.before), reversed(behind)) for amount in pair]
        return pf.pad(x, ends, value=value) if any(ends) else x

    def places(self) -> Array:
        """Return where each element of each window lies in the padded input, flattened: (elements, windows)."""
        sizes = [s + b + a + e for s, b, a, e in zip(self.sizes, self.before, self.after, self.extra)]
        return positions(sizes, self.kernel, self.strides, self.dilations)

    def gathered(self, x: Tensor, value: float) -> Tensor:
        """Return all elements of all windows: (batch, channels, elements, windows)."""
        places = self.places()
        whole = self.padded(x, value)
        flat = pf.reshape(whole, (*x.shape[:2], math.prod(whole.shape[2:])))
        return pf.reshape(pf.index_select(flat, 2, pf.from_numpy(places.reshape(-1))), (*x.shape[:2], *places.shape))

    def spread(self, inside: int, padding: int, overhang: int) -> Array:
        """Return a flattened padded input that tells by three numbers what is input, padding and overhang."""
        whole = np.full(
            [s + b + a + e for s, b, a, e in zip(self.sizes, self.before, self.after, self.extra)], overhang
        )
        whole[tuple(slice(0, s + b + a) for s, b, a in zip(self.sizes, self.before, self.after))] = padding
        whole[tuple(slice(b, b + s) for s, b in zip(self.sizes, self.before))] = inside
        return whole.reshape(-1)


def windows_of(
    x: Tensor,
    kernel_shape: Sequence[int],
    auto_pad: str,
    pads: Sequence[int] | None,
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    ceil_mode: int,
) -> Windows:
    """Work out the windows of a pooling operator from its attributes."""
    sizes, count = tuple(x.shape[2:]), x.ndim - 2
    kernel, stride = tuple(kernel_shape), tuple(strides or [1] * count)
    gap = tuple(dilations or [1] * count)
    if not len(kernel) == len(stride) == len(gap) == count or min(*kernel, *stride, *gap) < 1:
        raise ValueError(f"[pool] kernel {kernel}, strides {stride}, dilations {gap} on {list(sizes)}: they do not fit")
    before, after = padding_of(auto_pad, pads, sizes, kernel, stride, gap)
    counts, extra = [], []
    for size, extent, step, wide, front, back in zip(sizes, kernel, stride, gap, before, after):
        reach = (extent - 1) * wide + 1
        room = size + front + back - reach
        if room < 0:
            raise ValueError(f"[pool] a window of {reach} does not fit into {size} elements padded by {front}, {back}")
        number = room // step + 1
        # An overhanging window counts only if it begins inside the input or the padding in front.
        if ceil_mode and auto_pad in ("NOTSET", "") and room % step and number * step < size + front:
            number += 1
        counts.append(number)
        extra.append(max((number - 1) * step + reach - (size + front + back), 0))
    return Windows(sizes, kernel, stride, gap, tuple(before), tuple(after), tuple(extra), tuple(counts))
