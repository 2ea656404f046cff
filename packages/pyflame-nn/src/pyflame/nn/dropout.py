"""Dropout layers."""

from __future__ import annotations

from pyflame import Tensor

from . import functional as F
from .module import Module


class Dropout(Module):
    """Sets each element to zero with probability `p` while training, and divides the others by `1 - p`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.Dropout(0.5).eval()
        >>> layer(pf.ones(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"[dropout] p is {p}: a probability lies between 0 and 1")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """Sets whole channels of (batch, channels, height, width) to zero with probability `p` while training.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Dropout2d(0.5)(pf.ones(2, 3, 4, 4)).shape
        pyflame.Size([2, 3, 4, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout1d(Dropout):
    """Sets whole channels of (batch, channels, length) to zero with probability `p` while training.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Dropout1d(0.5)(pf.ones(2, 3, 4)).shape
        pyflame.Size([2, 3, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """Sets whole channels of (batch, channels, depth, height, width) to zero with probability `p` while training.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Dropout3d(0.5)(pf.ones(2, 3, 4, 4, 4)).shape
        pyflame.Size([2, 3, 4, 4, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """Drops elements while training so that mean zero and variance one are kept (Klambauer et al., 2017).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> abs(nn.AlphaDropout(0.3)(pf.randn(10000)).mean().item()) < 0.1
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(Dropout):
    """Drops whole channels as `AlphaDropout` does elements.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.FeatureAlphaDropout(0.3)(pf.randn(2, 3, 4)).shape
        pyflame.Size([2, 3, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
