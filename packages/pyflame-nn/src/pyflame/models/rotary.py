"""Rotary positions (Su et al., "RoFormer", 2021), with the scalings that longer texts use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyflame as pf
from pyflame import DType, Tensor


def frequencies(features: int, theta: float, scaling: Mapping[str, Any] | None) -> list[float]:
    """Radians per position of each pair of features.

    Args:
        features: of a head, an even number.
        theta: the slowest pair takes nearly this many positions for a radian.
        scaling: None, or `rope_type` with its options.

    Raises:
        ValueError: the number of features is odd.
        NotImplementedError: the scaling has another type than "default", "linear" and "llama3".
    """
    if features % 2:
        raise ValueError(f"[rotary] a head has {features} features: expected an even number")
    plain = [theta ** (-2 * pair / features) for pair in range(features // 2)]
    options = {} if scaling is None else scaling
    kind = options.get("rope_type", options.get("type", "default"))
    if kind == "default":
        return plain
    if kind == "linear":
        return [frequency / options["factor"] for frequency in plain]
    if kind == "llama3":
        return [_llama3(frequency, options) for frequency in plain]
    raise NotImplementedError(f"[rotary] rope_type is {kind!r}: 'default', 'linear' and 'llama3' are implemented")


def _llama3(frequency: float, options: Mapping[str, Any]) -> float:
    """Slow pairs are slowed by the factor, quick ones are left, and those between are mixed."""
    turns = options["original_max_position_embeddings"] * frequency / (2 * math.pi)
    low, high = options["low_freq_factor"], options["high_freq_factor"]
    share = min(max((turns - low) / (high - low), 0.0), 1.0)
    return (1 - share) * frequency / options["factor"] + share * frequency


def angles_of(positions: Tensor, per_position: list[float], dtype: DType) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (batch, 1, positions, features), of positions (batch, positions)."""
    half = positions[:, None, :, None].to(pf.float32) * pf.tensor(per_position, dtype=pf.float32)
    whole = pf.cat([half, half], -1)
    return whole.cos().to(dtype), whole.sin().to(dtype)


def turned(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Turn pairs of features; a pair is a feature of the first half and the one at its place in the second."""
    first, second = x.chunk(2, -1)
    return x * angles[0] + pf.cat([-second, first], -1) * angles[1]
