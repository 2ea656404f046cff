"""Single steps of recurrent networks."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pyflame import DType, Tensor, empty, ops, zeros

from . import init
from .module import Module
from .parameter import Parameter


class Cell(Module):
    """What cells share: two weights and two biases, drawn within 1 / sqrt(hidden_size)."""

    gates: ClassVar[int]
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _weights(self, input: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        if input.ndim not in (1, 2):
            raise ValueError(
                f"[{type(self).__name__}] input has shape {tuple(input.shape)}: expected 1 or 2 dimensions"
            )
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _checked(self, state: Tensor) -> Tensor:
        if state.ndim not in (1, 2):
            raise ValueError(
                f"[{type(self).__name__}] the state has shape {tuple(state.shape)}: expected 1 or 2 dimensions"
            )
        return state

    def _zeros(self, input: Tensor) -> Tensor:
        return zeros(*input.shape[:-1], self.hidden_size, dtype=input.dtype)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(Cell):
    """One step of `RNN`.

    Args:
        input_size: features of the input, (batch, features), or without batch.
        hidden_size: features of the state.
        nonlinearity: "tanh" or "relu".

    Raises:
        RuntimeError: another nonlinearity.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.RNNCell(10, 20)(pf.randn(3, 10)).shape
        pyflame.Size([3, 20])
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"[RNNCell] nonlinearity is {nonlinearity!r}: expected 'tanh' or 'relu'")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        step = ops.rnn_tanh_cell if self.nonlinearity == "tanh" else ops.rnn_relu_cell
        weights = self._weights(input)
        return step(input, self._zeros(input) if hx is None else self._checked(hx), *weights)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(Cell):
    """One step of `LSTM`; the state is (hidden, cell).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> hidden, cell = nn.LSTMCell(10, 20)(pf.randn(3, 10))
        >>> cell.shape
        pyflame.Size([3, 20])
    """

    gates = 4

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        weights = self._weights(input)
        state = (self._zeros(input),) * 2 if hx is None else tuple(map(self._checked, hx))
        return ops.lstm_cell(input, state, *weights)


class GRUCell(Cell):
    """One step of `GRU`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.GRUCell(10, 20)(pf.randn(3, 10)).shape
        pyflame.Size([3, 20])
    """

    gates = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        weights = self._weights(input)
        return ops.gru_cell(input, self._zeros(input) if hx is None else self._checked(hx), *weights)
