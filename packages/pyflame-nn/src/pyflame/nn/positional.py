"""Layers that tell positions apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import DType, Tensor, cat, empty, tensor

from . import functional as F, init
from .module import Module
from .parameter import Parameter


def check(op: str, input: Tensor, features: int, most: int | None = None) -> None:
    if input.ndim < 2 or input.shape[-1] != features or (most is not None and input.shape[-2] > most):
        limit = "" if most is None else f" with at most {most} positions"
        raise ValueError(f"[{op}] input has shape {tuple(input.shape)}: expected (..., positions, {features}){limit}")


def angles(positions: int, size: int, base: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The position times frequencies that fall from 1 towards 1 / base: (positions, ceil(size / 2))."""
    return np.arange(positions)[:, None] * base ** (-np.arange(0, size, 2) / size)


class PositionalEncoding(Module):
    """Adds sines and cosines of the position (Vaswani et al., 2017, section 3.5), then drops out.

    Args:
        d_model: features of the input, (..., positions, features).
        max_len: the most positions.
        dropout: probability, in training.

    Raises:
        ValueError: the input has other features or more positions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.PositionalEncoding(4, dropout=0.0)(pf.zeros(1, 2, 4))[0, 0].tolist()
        [0.0, 1.0, 0.0, 1.0]
    """

    encoding: Tensor

    def __init__(self, d_model: int, max_len: int = 5000, dropout: float = 0.1) -> None:
        super().__init__()
        self.d_model, self.max_len, self.dropout = d_model, max_len, dropout
        values, turned = np.empty((max_len, d_model), np.float32), angles(max_len, d_model, 10000.0)
        values[:, 0::2], values[:, 1::2] = np.sin(turned), np.cos(turned)[:, : d_model // 2]
        self.register_buffer("encoding", tensor(values), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        check("positional_encoding", input, self.d_model, self.max_len)
        return F.dropout(input + self.encoding[: input.shape[-2]], self.dropout, self.training)

    def extra_repr(self) -> str:
        return f"{self.d_model}, max_len={self.max_len}, dropout={self.dropout}"


class LearnedPositionalEmbedding(Module):
    """Adds a learned vector for each position, drawn with deviation 0.02.

    Args:
        max_len: the most positions.
        d_model: features of the input, (..., positions, features).

    Raises:
        ValueError: the input has other features or more positions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LearnedPositionalEmbedding(16, 4)(pf.zeros(2, 5, 4)).shape
        pyflame.Size([2, 5, 4])
    """

    weight: Parameter

    def __init__(self, max_len: int, d_model: int, device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        self.max_len, self.d_model = max_len, d_model
        self.weight = Parameter(empty(max_len, d_model, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new vectors."""
        init.normal_(self.weight, std=0.02)

    def forward(self, input: Tensor) -> Tensor:
        check("learned_positional_embedding", input, self.d_model, self.max_len)
        return input + self.weight[: input.shape[-2]]

    def extra_repr(self) -> str:
        return f"{self.max_len}, {self.d_model}"


class RotaryEmbedding(Module):
    """Turns pairs of features of queries and keys by angles that grow with the position.

    Su et al., "RoFormer" (2021); a pair is a feature of the first half and the one at its place in the second.
    Products of turned queries and keys depend on the distance of their positions alone.

    Args:
        dim: features of the input, (..., positions, dim), an even number.
        base: the slowest pair takes nearly this many positions for a radian.

    Called with (input, offset=0), where offset is the position of the first row.

    Raises:
        ValueError: `dim` is odd, or the input has other features.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.RotaryEmbedding(2)(pf.tensor([[1.0, 0.0], [1.0, 0.0]]))
        tensor([[1.0000, 0.0000],
                [0.5403, 0.8415]])
    """

    def __init__(self, dim: int, base: float = 10000.0) -> None:
        super().__init__()
        if dim <= 0 or dim % 2:
            raise ValueError(f"[rotary_embedding] dim is {dim}: expected a positive even number")
        self.dim, self.base = dim, base

    def forward(self, input: Tensor, offset: int = 0) -> Tensor:
        check("rotary_embedding", input, self.dim)
        turned = angles(offset + input.shape[-2], self.dim, self.base)[offset:]
        cosine, sine = (tensor(part, dtype=input.dtype) for part in (np.cos(turned), np.sin(turned)))
        first, second = input[..., : self.dim // 2], input[..., self.dim // 2 :]
        return cat([first * cosine - second * sine, first * sine + second * cosine], -1)

    def extra_repr(self) -> str:
        return f"{self.dim}, base={self.base}"
