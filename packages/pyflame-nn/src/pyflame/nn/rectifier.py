"""Activation layers that act on each element: those made of straight pieces, and the smooth ones that resemble them."""

from __future__ import annotations

import warnings
from typing import Any

from pyflame import DType, Tensor, full

from . import functional as F
from .activation import Inplace
from .module import Module
from .parameter import Parameter


class ReLU6(Inplace):
    """Each element between zero and six.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.ReLU6()(pf.tensor([-1.0, 2.0, 7.0])).tolist()
        [0.0, 2.0, 6.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, self.inplace)


class CELU(Inplace):
    """Positive elements as they are, `alpha * (exp(x / alpha) - 1)` for the others (Barron, 2017).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.CELU(alpha=2.0)(pf.tensor([-100.0, 2.0])).tolist()
        [-2.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{self._mark()}"


class SELU(Inplace):
    """A scaled `ELU` that keeps mean zero and variance one (Klambauer et al., 2017).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.SELU()(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.0507])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class Mish(Inplace):
    """`x * tanh(softplus(x))` (Misra, 2019).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Mish()(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8651])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Hardtanh(Inplace):
    """Each element between `min_val` and `max_val`.

    Raises:
        AssertionError: `max_val` is not above `min_val`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Hardtanh(-2.0, 2.0)(pf.tensor([-3.0, 1.0])).tolist()
        [-2.0, 1.0]
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        if min_value is not None or max_value is not None:
            message = "[hardtanh] min_value and max_value are old names: use min_val and max_val"
            warnings.warn(message, FutureWarning, stacklevel=2)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if self.max_val <= self.min_val:
            raise AssertionError(f"[hardtanh] min_val is {self.min_val}, max_val {self.max_val}: expected it above")

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{self._mark()}"


class Hardsigmoid(Inplace):
    """`relu6(x + 3) / 6`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Hardsigmoid()(pf.tensor([-4.0, 0.0, 1.5])).tolist()
        [0.0, 0.5, 0.75]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Hardswish(Inplace):
    """`x * relu6(x + 3) / 6` (Howard et al., 2019).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Hardswish()(pf.tensor([-4.0, 1.5, 4.0])).tolist()
        [0.0, 1.125, 4.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Threshold(Inplace):
    """Elements above `threshold` as they are, `value` instead of the others.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Threshold(2.0, -1.0)(pf.tensor([1.0, 3.0])).tolist()
        [-1.0, 3.0]
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}{self._mark()}"


class RReLU(Inplace):
    """Positive elements as they are, the others times a slope: drawn in training, the mean of the bounds otherwise.

    Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network" (2015).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.RReLU(0.1, 0.3).eval()(pf.tensor([-1.0, 2.0]))
        tensor([-0.2000,  2.0000])
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower, self.upper = lower, upper

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{self._mark()}"


class PReLU(Module):
    """Positive elements as they are, the others times a learned slope (He et al., 2015).

    Args:
        num_parameters: one slope for all, or one for each channel.
        init: what the slopes start at.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.PReLU()(pf.tensor([-4.0, 2.0])).tolist()
        [-1.0, 2.0]
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Shrink(Module):
    """What the shrinking functions share."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(Shrink):
    """Zero for elements within `lambd` of it, the others as they are.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Hardshrink()(pf.tensor([-1.0, 0.25])).tolist()
        [-1.0, 0.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(Shrink):
    """Each element moved towards zero by `lambd`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Softshrink()(pf.tensor([-1.0, 0.25])).tolist()
        [-0.5, 0.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


class Tanhshrink(Module):
    """`x - tanh(x)`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Tanhshrink()(pf.tensor([1.0]))
        tensor([0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class Softsign(Module):
    """`x / (1 + |x|)`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Softsign()(pf.tensor([1.0, -3.0])).tolist()
        [0.5, -0.75]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)
