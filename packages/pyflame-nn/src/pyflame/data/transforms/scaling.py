"""Transforms of features that learn their numbers from data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyflame import Tensor, as_tensor, where

from .transform import Transform


class _Scaler(Transform):
    """What is subtracted from features, and what they are then divided by."""

    offset: Tensor | None = None
    width: Tensor | None = None

    def learn(self, data: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def fit(self, data: Any) -> Any:
        """Learn from data and return the transform itself.

        Args:
            data: (n, ...), whose first dimension counts the samples.

        Raises:
            ValueError: there are no samples.
        """
        values = as_tensor(data)
        values = values if values.dtype.is_floating_point else values.double()
        if not values.ndim or not values.shape[0]:
            raise ValueError(f"[{type(self).__name__}] the data has shape {tuple(values.shape)}: expected samples")
        offset, width = self.learn(values)
        # A feature that is the same everywhere stays in its place.
        self.offset, self.width = offset.eval(), where(width == 0, 1.0, width).eval()
        return self

    def parts(self) -> tuple[Tensor, Tensor]:
        if self.offset is None or self.width is None:
            raise RuntimeError(f"[{type(self).__name__}] it has not learned from data yet: call fit first")
        return self.offset, self.width


class StandardScaler(_Scaler):
    """Gives each feature the mean 0 and the standard deviation 1 of the data it was fitted to.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> scaler = transforms.StandardScaler().fit(pf.tensor([[0.0], [2.0]]))
        >>> scaler(pf.tensor([3.0])), scaler.inverse_transform(pf.tensor([2.0]))
        (tensor([2.]), tensor([3.]))
    """

    def learn(self, data: Tensor) -> tuple[Tensor, Tensor]:
        return data.mean(0), data.std(0, unbiased=False)

    def apply(self, image: Tensor) -> Tensor:
        mean, std = self.parts()
        return (image - mean) / std

    def inverse_transform(self, values: Any) -> Tensor:
        """Return the features that scaled ones come from."""
        mean, std = self.parts()
        return as_tensor(values) * std + mean


class MinMaxScaler(_Scaler):
    """Brings each feature into a range, by its lowest and highest value in the data it was fitted to.

    Args:
        feature_range: lowest and highest value of the result.

    Raises:
        ValueError: the limits are out of order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> scaler = transforms.MinMaxScaler().fit(pf.tensor([[1.0], [3.0]]))
        >>> scaler(pf.tensor([1.5]))
        tensor([0.2500])
    """

    def __init__(self, feature_range: Sequence[float] = (0.0, 1.0)) -> None:
        super().__init__()
        self.low, self.high = feature_range
        if not self.low < self.high:
            raise ValueError(f"[MinMaxScaler] feature_range is {tuple(feature_range)}: expected two numbers in order")

    def learn(self, data: Tensor) -> tuple[Tensor, Tensor]:
        low = data.amin(0)
        return low, data.amax(0) - low

    def apply(self, image: Tensor) -> Tensor:
        low, width = self.parts()
        return (image - low) / width * (self.high - self.low) + self.low

    def inverse_transform(self, values: Any) -> Tensor:
        """Return the features that scaled ones come from."""
        low, width = self.parts()
        return (as_tensor(values) - self.low) / (self.high - self.low) * width + low
