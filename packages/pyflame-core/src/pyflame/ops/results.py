"""What functions with two results return; they unpack as tuples do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .._tensor import Tensor


class ValuesIndices(NamedTuple):
    """Elements, and their places along the dimension they were chosen from."""

    values: Tensor
    indices: Tensor


class MinMax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor
