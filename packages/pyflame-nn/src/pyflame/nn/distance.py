"""Layers that compare two inputs."""

from __future__ import annotations

from pyflame import Tensor

from . import functional as F
from .module import Module


class CosineSimilarity(Module):
    """The cosine of the angle between the vectors along `dim`.

    Args:
        dim: the dimension of the vectors.
        eps: the least length of a vector.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CosineSimilarity()(pf.tensor([[3.0, 4.0]]), pf.tensor([[3.0, 0.0]]))
        tensor([0.6000])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of the difference of vectors, along the last dimension.

    Args:
        p: which norm.
        eps: what is added to the difference, so that its gradient exists.
        keepdim: keep the last dimension, with size one.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.PairwiseDistance()(pf.tensor([[3.0, 4.0]]), pf.zeros(1, 2))
        tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
