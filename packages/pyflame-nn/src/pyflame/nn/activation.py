"""Activation layers."""

from __future__ import annotations

from pyflame import Tensor, relu

from . import functional as F
from .module import Module


class Inplace(Module):
    """What activations share that can write into their input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""

    def _mark(self) -> str:
        return ", inplace=True" if self.inplace else ""


class ReLU(Inplace):
    """The larger of each element and zero.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReLU()(pf.tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, True) if self.inplace else relu(input)


class SiLU(Inplace):
    """`x * sigmoid(x)`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.SiLU()(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


Swish = SiLU


class LeakyReLU(Inplace):
    """Positive elements as they are, the others multiplied by `negative_slope`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LeakyReLU(0.5)(pf.tensor([-1.0, 2.0])).tolist()
        [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{self._mark()}"


class ELU(Inplace):
    """Positive elements as they are, `alpha * (exp(x) - 1)` for the others.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ELU()(pf.tensor([-100.0, 2.0])).tolist()
        [-1.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{self._mark()}"


class Sigmoid(Module):
    """`1 / (1 + exp(-x))`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Sigmoid()(pf.tensor([0.0])).tolist()
        [0.5]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """The logarithm of the sigmoid.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LogSigmoid()(pf.tensor([0.0]))
        tensor([-0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Tanh()(pf.tensor([1.0]))
        tensor([0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Softplus(Module):
    """`log(1 + exp(beta * x)) / beta`, and x itself where `beta * x` is above the threshold.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Softplus()(pf.tensor([0.0, 30.0]))
        tensor([ 0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """x times the normal distribution function (Hendrycks and Gimpel, 2016); `approximate="tanh"` is a cheaper form.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GELU(approximate="tanh")(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8412])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softmax(Module):
    """Exponentials that sum to one along `dim`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Softmax(dim=1)(pf.zeros(1, 4)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of the softmax along `dim`, computed without overflow.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.LogSoftmax(dim=0)(pf.zeros(2))
        tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmin(Softmax):
    """The softmax of the negated input along `dim`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Softmin(dim=0)(pf.tensor([0.0, 0.0])).tolist()
        [0.5, 0.5]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """The softmax over the channels of (batch, channels, height, width), or without batch.

    Raises:
        ValueError: the input has another number of dimensions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Softmax2d()(pf.zeros(1, 2, 1, 2)).flatten().tolist()
        [0.5, 0.5, 0.5, 0.5]
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"[softmax2d] input has shape {tuple(input.shape)}: expected 3 or 4 dimensions")
        return F.softmax(input, -3)


class GLU(Module):
    """The first half along `dim` times the sigmoid of the second (Dauphin et al., 2017).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GLU()(pf.tensor([4.0, 0.0])).tolist()
        [2.0]
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
