"""Recurrent networks over sequences; weights, gates and names are those of PyTorch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, overload

from pyflame import DType, Tensor, empty, ops, zeros

from . import init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

State = tuple[Tensor, Tensor]


class Recurrent(Module):
    """What recurrent networks share: weights of each direction of each layer, drawn within 1 / sqrt(hidden_size)."""

    gates: ClassVar[int]
    mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        op = type(self).__name__
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if size <= 0:
                raise ValueError(f"[{op}] {name} is {size}: expected a positive number")
        if not 0 <= dropout <= 1:
            raise ValueError(f"[{op}] dropout is {dropout}: a probability lies between 0 and 1")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"[{op}] proj_size is {proj_size}: expected a number from 0 to below {hidden_size}")
        if dropout and num_layers == 1:
            warnings.warn(f"[{op}] dropout is {dropout}: it acts between layers, and there is one", stacklevel=3)
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.proj_size = proj_size
        self._names: list[str] = []
        output = proj_size or hidden_size
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: 1 + bidirectional]:
                width = output * (1 + bidirectional) if layer else input_size
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, output)}
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                for kind, shape in shapes.items():
                    self._names.append(f"{kind}_l{layer}{suffix}")
                    setattr(self, self._names[-1], Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Return at once: there is no packed copy of the weights to renew."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each direction of each layer."""
        each = len(self._names) // (self.num_layers * (1 + self.bidirectional))
        found = [getattr(self, name) for name in self._names]
        return [found[start : start + each] for start in range(0, len(found), each)]

    def _run_packed(self, input: PackedSequence, hx: list[Tensor] | None) -> tuple[PackedSequence, list[Tensor]]:
        """Run over packed sequences. States are in the order the sequences had before they were sorted."""
        op, data = type(self).__name__, input.data
        sizes: list[int] = input.batch_sizes.tolist()
        if data.ndim != 2:
            raise RuntimeError(f"[{op}] packed data has shape {tuple(data.shape)}: expected (steps, features)")
        if data.shape[1] != self.input_size:
            raise RuntimeError(f"[{op}] packed data has shape {tuple(data.shape)}: expected {self.input_size} features")
        widths = [self.proj_size or self.hidden_size, self.hidden_size][: 1 + (self.mode == "LSTM")]
        shapes = [(self.num_layers * (1 + self.bidirectional), sizes[0], width) for width in widths]
        states = [zeros(*shape, dtype=data.dtype) for shape in shapes] if hx is None else hx
        for state, shape in zip(states, shapes):
            if tuple(state.shape) != shape:
                raise RuntimeError(f"[{op}] a state has shape {tuple(state.shape)}: expected {shape}")
        if hx is not None and input.sorted_indices is not None:
            states = [state.index_select(1, input.sorted_indices) for state in states]
        output, last = ops.packed_recurrence(
            self.mode,
            data,
            sizes,
            states,
            [getattr(self, name) for name in self._names],
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
        )
        if input.unsorted_indices is not None:
            last = [state.index_select(1, input.unsorted_indices) for state in last]
        return PackedSequence(output, *input[1:]), last

    def _options(self, input: Tensor) -> tuple[Any, ...]:
        op = type(self).__name__
        if input.ndim not in (2, 3):
            raise ValueError(f"[{op}] input has shape {tuple(input.shape)}: expected 2 or 3 dimensions")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected {self.input_size} features")
        weights = [getattr(self, name) for name in self._names]
        options = (self.num_layers, self.dropout, self.training, self.bidirectional)
        return weights, self.bias, *options, self.batch_first and input.ndim == 3

    def _zeros(self, input: Tensor, size: int) -> Tensor:
        batch = () if input.ndim == 2 else (input.shape[0 if self.batch_first else 1],)
        return zeros(self.num_layers * (1 + self.bidirectional), *batch, size, dtype=input.dtype)

    def _check_state(self, input: Tensor, state: Tensor, size: int) -> None:
        expected = tuple(self._zeros(input, size).shape)
        if tuple(state.shape) != expected:
            raise RuntimeError(
                f"[{type(self).__name__}] a state has shape {tuple(state.shape)}, input {tuple(input.shape)}: expected "
                f"{expected}"
            )

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [f"proj_size={self.proj_size}"] if self.proj_size else []
        parts += [f"num_layers={self.num_layers}"] if self.num_layers != 1 else []
        parts += [f"bias={self.bias}"] if not self.bias else []
        parts += [f"batch_first={self.batch_first}"] if self.batch_first else []
        parts += [f"dropout={self.dropout}"] if self.dropout else []
        parts += [f"bidirectional={self.bidirectional}"] if self.bidirectional else []
        return ", ".join(parts)


class OneState(Recurrent):
    """Networks whose state is one tensor."""

    def _run(self, function: Callable[..., Any], input: Any, hx: Tensor | None) -> tuple[Any, Tensor]:
        if isinstance(input, PackedSequence):
            packed, (last,) = self._run_packed(input, None if hx is None else [hx])
            return packed, last
        options = self._options(input)
        if hx is None:
            hx = self._zeros(input, self.hidden_size)
        self._check_state(input, hx, self.hidden_size)
        output, last = function(input, hx, *options)
        return output, last


class RNN(OneState):
    """Layers of `tanh(w_ih @ x + b_ih + w_hh @ h + b_hh)` over sequences (Elman, 1990).

    Args:
        input_size: features of the input, (steps, batch, features), or without batch.
        hidden_size: features of the state and the output.
        num_layers: each takes the outputs of the one before.
        nonlinearity: "tanh" or "relu".
        batch_first: input and output are (batch, steps, features).
        dropout: probability between the layers, in training.
        bidirectional: run in both directions and join the outputs.

    Called with (input, hx=None), where hx is the first state, (layers * directions, batch, hidden), zeros by default;
    returns the outputs and the last state. The input may be a `nn.utils.rnn.PackedSequence`; the output is one, then.

    Raises:
        ValueError: an argument is out of range.
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> output, last = nn.RNN(10, 20, num_layers=2)(pf.randn(5, 3, 10))
        >>> output.shape, last.shape
        (pyflame.Size([5, 3, 20]), pyflame.Size([2, 3, 20]))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"[RNN] nonlinearity is {nonlinearity!r}: expected 'tanh' or 'relu'")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity, self.mode = nonlinearity, f"RNN_{nonlinearity.upper()}"

    @overload
    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]: ...
    @overload
    def forward(self, input: PackedSequence, hx: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...
    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        return self._run(ops.rnn_tanh if self.nonlinearity == "tanh" else ops.rnn_relu, input, hx)


class GRU(OneState):
    """Gated recurrent units over sequences (Cho et al., 2014); the arguments are those of `RNN`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> output, last = nn.GRU(10, 20, bidirectional=True)(pf.randn(5, 3, 10))
        >>> output.shape, last.shape
        (pyflame.Size([5, 3, 40]), pyflame.Size([2, 3, 20]))
    """

    gates = 3
    mode = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    @overload
    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]: ...
    @overload
    def forward(self, input: PackedSequence, hx: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...
    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        return self._run(ops.gru, input, hx)


class LSTM(Recurrent):
    """Long short-term memories over sequences (Hochreiter, Schmidhuber, 1997); the arguments are those of `RNN`.

    Args:
        proj_size: if not 0, the outputs are projected to this size.

    The state is (hidden, cell).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> output, (hidden, cell) = nn.LSTM(10, 20, batch_first=True)(pf.randn(3, 5, 10))
        >>> output.shape, cell.shape
        (pyflame.Size([3, 5, 20]), pyflame.Size([1, 3, 20]))
    """

    gates = 4
    mode = "LSTM"

    @overload
    def forward(self, input: Tensor, hx: State | None = None) -> tuple[Tensor, State]: ...
    @overload
    def forward(self, input: PackedSequence, hx: State | None = None) -> tuple[PackedSequence, State]: ...
    def forward(self, input: Any, hx: State | None = None) -> tuple[Any, State]:
        if isinstance(input, PackedSequence):
            packed, (hidden, cell) = self._run_packed(input, None if hx is None else list(hx))
            return packed, (hidden, cell)
        options, output = self._options(input), self.proj_size or self.hidden_size
        if hx is None:
            hx = (self._zeros(input, output), self._zeros(input, self.hidden_size))
        for state, size in zip(hx, (output, self.hidden_size)):
            self._check_state(input, state, size)
        y, hidden, cell = ops.lstm(input, hx, *options)
        return y, (hidden, cell)
