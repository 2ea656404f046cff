"""Classes as vectors."""

from __future__ import annotations

import pyflame as pf
from pyflame import Tensor

__all__ = ["one_hot"]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 vectors with a 1 at the place each element names.

    Args:
        tensor: integers, any shape.
        num_classes: the length of the vectors; -1 takes the largest element, which evaluates the tensor.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.one_hot(pf.tensor([0, 2]))
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    return pf.one_hot(tensor, num_classes)
