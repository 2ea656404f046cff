"""A softmax over very many classes, of which frequent ones cost less."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pyflame import DType, Tensor, cat, int64, tensor, where

from . import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module


class AdaptiveLoss(NamedTuple):
    """The log probability of each target, and the mean of their negatives."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log probabilities of very many classes, sorted by frequency, in clusters (Grave et al., 2017).

    Args:
        in_features: size of the input, (batch, in_features) or (in_features,).
        n_classes: how many classes, the frequent ones first.
        cutoffs: where the clusters begin, rising numbers between 1 and n_classes - 1.
        div_value: how much narrower the features of each cluster are than those before.
        head_bias: whether the head has a bias.

    Called with (input, target); returns `(output, loss)`.

    Raises:
        ValueError: the cutoffs are out of order or out of range.
        RuntimeError: input and target do not fit, or a target is no class.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10])
        >>> output, loss = layer(pf.randn(3, 16), pf.tensor([0, 7, 19]))
        >>> output.shape, layer.log_prob(pf.randn(3, 16)).shape
        (pyflame.Size([3]), pyflame.Size([3, 20]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        found = list(cutoffs)
        rising = all(first < second for first, second in pairwise([0, *found, n_classes]))
        if not found or not rising or any(int(cutoff) != cutoff for cutoff in found):
            raise ValueError(
                f"[adaptive_log_softmax] cutoffs are {found}: expected rising integers between 1 and {n_classes - 1}"
            )
        self.in_features, self.n_classes, self.div_value, self.head_bias = in_features, n_classes, div_value, head_bias
        self.cutoffs = [*found, n_classes]
        self.shortlist_size, self.n_clusters = found[0], len(found)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for number, (low, high) in enumerate(pairwise(self.cutoffs), 1):
            width = int(in_features // div_value**number)
            self.tail.append(
                Sequential(
                    Linear(in_features, width, bias=False, device=device, dtype=dtype),
                    Linear(width, high - low, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> AdaptiveLoss:
        if target.ndim > 1 or input.ndim != target.ndim + 1 or tuple(input.shape[:-1]) != tuple(target.shape):
            raise RuntimeError(
                f"[adaptive_log_softmax] input has shape {tuple(input.shape)}, target {tuple(target.shape)}: expected "
                f"(batch, features) and (batch,), or (features,) and ()"
            )
        if target.ndim == 0:
            output, loss = self.forward(input.unsqueeze(0), target.unsqueeze(0))
            return AdaptiveLoss(output.squeeze(0), loss)
        ids = np.asarray(target.numpy(), dtype=np.int64)
        if ids.size and not (0 <= ids.min() and ids.max() < self.n_classes):
            raise RuntimeError(
                f"[adaptive_log_softmax] targets are from {ids.min()} to {ids.max()}: expected classes below "
                f"{self.n_classes}"
            )
        output, places = input.new_zeros(ids.size), ids.copy()
        for number, (low, high) in enumerate(pairwise(self.cutoffs)):
            rows = np.flatnonzero((low <= ids) & (ids < high))
            if rows.size:
                places[rows] = self.shortlist_size + number
                row_ids, inside = tensor(rows, dtype=int64), tensor(ids[rows] - low, dtype=int64)
                local = F.log_softmax(self.tail[number](input.index_select(0, row_ids)), dim=1)
                output = output.index_add(0, row_ids, local.gather(1, inside.unsqueeze(1)).squeeze(1))
        head = F.log_softmax(self.head(input), dim=1)
        output = output + head.gather(1, tensor(places, dtype=int64).unsqueeze(1)).squeeze(1)
        return AdaptiveLoss(output, (-output).mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log probabilities of all classes.

        Args:
            input: (batch, in_features)

        Returns:
            (batch, n_classes)
        """
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for number, cluster in enumerate(self.tail):
            place = self.shortlist_size + number
            parts.append(F.log_softmax(cluster(input), dim=1) + head[:, place : place + 1])
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable class of each input, as PyTorch does: of the head, or else of all classes.

        Args:
            input: (batch, in_features)

        Returns:
            (batch,)
        """
        first = self.head(input).argmax(1)
        return where(first < self.shortlist_size, first, self.log_prob(input).argmax(1))
