"""Recurrent networks, a record for all steps of a layer. Weights and gates are laid out as in PyTorch.

The products with the inputs of all steps are one multiplication; what remains in a step are those with the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ... import _core
from ...dtypes import float32, float64
from ..join import cat
from .attention import _dropped

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_linear = _core.linear
_mul = _core.ops.mul
_permute = _core.ops.permute
_relu = _core.ops.relu
_reshape = _core.ops.reshape
_sigmoid = _core.ops.sigmoid
_slice = _core.ops.slice
_sub = _core.ops.sub
_tanh = _core.ops.tanh

State = tuple["Tensor", ...]
# From the products with the input and with the state, and the state, to the new state.
Step = Callable[["Tensor", "Tensor", State], State]


def _gates(x: Tensor, count: int) -> list[Tensor]:
    size = x.shape[-1] // count
    return [_slice(x, x.ndim - 1, k * size, 1, size) for k in range(count)]


def _tanh_step(x: Tensor, h: Tensor, state: State) -> State:
    return (_tanh(_add(x, h)),)


def _relu_step(x: Tensor, h: Tensor, state: State) -> State:
    return (_relu(_add(x, h)),)


def _lstm_step(x: Tensor, h: Tensor, state: State) -> State:
    into, forget, new, out = _gates(_add(x, h), 4)
    cell = _add(_mul(_sigmoid(forget), state[1]), _mul(_sigmoid(into), _tanh(new)))
    return _mul(_sigmoid(out), _tanh(cell)), cell


def _gru_step(x: Tensor, h: Tensor, state: State) -> State:
    (rx, zx, nx), (rh, zh, nh) = _gates(x, 3), _gates(h, 3)
    new = _tanh(_add(nx, _mul(_sigmoid(_add(rx, rh)), nh)))
    return (_add(_mul(_sub(state[0], new), _sigmoid(_add(zx, zh))), new),)


# The numbers the core gives them.
_CELLS: dict[Step, int] = {_tanh_step: 0, _relu_step: 1, _lstm_step: 2, _gru_step: 3}
_GATES: dict[Step, int] = {_tanh_step: 1, _relu_step: 1, _lstm_step: 4, _gru_step: 3}


def _cell(
    op: str,
    step: Step,
    input: Tensor,
    state: State,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
) -> State:
    gates = _GATES[step]
    if input.ndim not in (1, 2) or any(s.ndim != input.ndim for s in state):
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: it and the state need 1 or 2 dimensions")
    hidden = state[0].shape[-1]
    expected = {"input": (w_ih, input.shape[-1]), "state": (w_hh, hidden)}
    for name, (weight, size) in expected.items():
        if tuple(weight.shape) != (gates * hidden, size):
            raise RuntimeError(
                f"[{op}] the weight for the {name} has shape {tuple(weight.shape)}: expected {(gates * hidden, size)}"
            )
    if any(tuple(s.shape) != (*input.shape[:-1], hidden) for s in state):
        raise RuntimeError(f"[{op}] states have shapes {[tuple(s.shape) for s in state]}: batch sizes must agree")
    if input.ndim == 1:
        one = _cell(op, step, _row(input), tuple(_row(s) for s in state), w_ih, w_hh, b_ih, b_hh)
        return tuple(_reshape(s, (-1,)) for s in one)
    return step(_linear(input, w_ih, b_ih), _linear(state[0], w_hh, b_hh), state)


def _row(x: Tensor) -> Tensor:
    return _reshape(x, (1, -1))


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Take one step of a recurrent network: tanh(w_ih @ input + b_ih + w_hh @ hx + b_hh).

    Args:
        input: (batch, features)
        hx: (batch, hidden)
        w_ih: (hidden, features)
        w_hh: (hidden, hidden)
        b_ih: (hidden,), as `b_hh`.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.rnn_tanh_cell(pf.ones(1, 2), pf.zeros(1, 1), pf.zeros(1, 2), pf.ones(1, 1))
        tensor([[0.]])
    """
    return _cell("rnn_tanh_cell", _tanh_step, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Take one step of a recurrent network with `relu`; the arguments are those of `rnn_tanh_cell`.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.rnn_relu_cell(pf.ones(1, 2), pf.zeros(1, 1), pf.ones(1, 2), pf.ones(1, 1))
        tensor([[2.]])
    """
    return _cell("rnn_relu_cell", _relu_step, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Take one step of a long short-term memory (Hochreiter, Schmidhuber, 1997).

    Args:
        input: (batch, features)
        hx: output and cell, both (batch, hidden).
        w_ih: (4 * hidden, features), the gates in the order input, forget, cell, output.
        w_hh: (4 * hidden, hidden)
        b_ih: (4 * hidden,), as `b_hh`.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> h, c = pf.ops.lstm_cell(pf.ones(1, 2), (pf.zeros(1, 1), pf.ones(1, 1)), pf.zeros(4, 2), pf.zeros(4, 1))
        >>> c
        tensor([[0.5000]])
    """
    output, cell = _cell("lstm_cell", _lstm_step, input, tuple(hx), w_ih, w_hh, b_ih, b_hh)
    return output, cell


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Take one step of a gated recurrent unit (Cho et al., 2014).

    Args:
        input: (batch, features)
        hx: (batch, hidden)
        w_ih: (3 * hidden, features), the gates in the order reset, update, new.
        w_hh: (3 * hidden, hidden)
        b_ih: (3 * hidden,), as `b_hh`.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.gru_cell(pf.ones(1, 2), pf.ones(1, 1), pf.zeros(3, 2), pf.zeros(3, 1))
        tensor([[0.5000]])
    """
    return _cell("gru_cell", _gru_step, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def _scan(
    step: Step, x: Tensor, state: State, weights: Sequence[Tensor], biased: bool, reverse: bool
) -> tuple[Tensor, State]:
    """One layer in one direction over (steps, batch, features)."""
    w_ih, w_hh = weights[:2]
    b_ih, b_hh = weights[2:4] if biased else (None, None)
    w_hr = weights[-1] if len(weights) > 2 + 2 * biased else None
    steps, batch = x.shape[:2]
    projected = _linear(x, w_ih, b_ih)
    width = projected.shape[-1]
    if w_hr is None and projected.dtype in (float32, float64) and w_hh.dtype is state[0].dtype is projected.dtype:
        bias = _core.ops.full(0.0, w_hh.dtype, (width,)) if b_hh is None else b_hh
        y, *rest = _core.ops.recurrent([projected, w_hh, bias, *state], _CELLS[step], reverse)
        cells = rest[:1] if step is _lstm_step else []
        last = 0 if reverse else steps - 1
        return y, tuple(_reshape(_slice(s, 0, last, 1, 1), tuple(s.shape)[1:]) for s in (y, *cells))
    outputs: list[Tensor] = []
    for t in reversed(range(steps)) if reverse else range(steps):
        now = _reshape(_slice(projected, 0, t, 1, 1), (batch, width))
        state = step(now, _linear(state[0], w_hh, b_hh), state)
        if w_hr is not None:
            state = (_linear(state[0], w_hr, None), *state[1:])
        outputs.append(_reshape(state[0], (1, *state[0].shape)))
    return cat(outputs[::-1] if reverse else outputs), state


def _network(
    op: str,
    step: Step,
    input: Tensor,
    start: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Outputs, and the last states (layers * directions, batch, hidden)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected (steps, batch, features)")
    single, directions = input.ndim == 2, 1 + bidirectional
    x = input
    if single:
        x = _reshape(x, (x.shape[0], 1, x.shape[1]))
        start = [_reshape(s, (s.shape[0], 1, s.shape[1])) for s in start]
    elif batch_first:
        x = _permute(x, (1, 0, 2))
    each, rest = divmod(len(params), num_layers * directions) if num_layers > 0 else (0, 1)
    if rest or each not in (2 + 2 * has_biases, 3 + 2 * has_biases):
        raise RuntimeError(f"[{op}] {len(params)} weights do not make {num_layers} layers of {directions} directions")
    if not x.shape[0]:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected at least one step")
    for s in start:
        if s.ndim != 3 or tuple(s.shape)[:2] != (num_layers * directions, x.shape[1]):
            raise RuntimeError(
                f"[{op}] a state has shape {tuple(s.shape)}: expected ({num_layers * directions}, {x.shape[1]}, hidden)"
            )
    last: list[list[Tensor]] = [[] for _ in start]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            state = tuple(_reshape(_slice(s, 0, place, 1, 1), tuple(s.shape)[1:]) for s in start)
            weights = params[place * each : (place + 1) * each]
            if weights[0].shape[1] != x.shape[-1]:
                raise RuntimeError(
                    f"[{op}] layer {layer} has {x.shape[-1]} features, its weight {tuple(weights[0].shape)}"
                )
            y, state = _scan(step, x, state, weights, has_biases, direction == 1)
            outputs.append(y)
            for found, s in zip(last, state):
                found.append(_reshape(s, (1, *s.shape)))
        x = outputs[0] if directions == 1 else cat(outputs, 2)
        if dropout and train and layer < num_layers - 1:
            x = _dropped(x, dropout)
    states = [cat(found) for found in last]
    if single:
        return _reshape(x, (x.shape[0], x.shape[2])), [_reshape(s, (s.shape[0], s.shape[2])) for s in states]
    return (_permute(x, (1, 0, 2)) if batch_first else x), states


def rnn_tanh(
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """Run a recurrent network with `tanh` over sequences.

    Args:
        input: (steps, batch, features); (batch, steps, features) with `batch_first`; or without batch.
        hx: (layers * directions, batch, hidden)
        params: w_ih, w_hh and, with `has_biases`, b_ih, b_hh of each direction of each layer.
        dropout: between layers, while `train`.

    Returns:
        Outputs (steps, batch, directions * hidden) and the last states, shaped as `hx`.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> weights = [pf.zeros(2, 3), pf.zeros(2, 2)]
        >>> y, h = pf.ops.rnn_tanh(pf.ones(4, 1, 3), pf.zeros(1, 1, 2), weights, False, 1, 0.0, False, False, False)
        >>> y.shape, h.shape
        (pyflame.Size([4, 1, 2]), pyflame.Size([1, 1, 2]))
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, states = _network("rnn_tanh", _tanh_step, input, [hx], params, *options)
    return y, states[0]


def rnn_relu(
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """Run a recurrent network with `relu` over sequences; the arguments are those of `rnn_tanh`.

    Example:
        >>> import pyflame as pf
        >>> weights = [pf.ones(1, 1), pf.ones(1, 1)]
        >>> y, h = pf.ops.rnn_relu(pf.ones(3, 1, 1), pf.zeros(1, 1, 1), weights, False, 1, 0.0, False, False, False)
        >>> y.reshape(-1)
        tensor([1., 2., 3.])
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, states = _network("rnn_relu", _relu_step, input, [hx], params, *options)
    return y, states[0]


def gru(
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """Run gated recurrent units over sequences; the arguments are those of `rnn_tanh`, with weights of `gru_cell`.

    Example:
        >>> import pyflame as pf
        >>> weights = [pf.zeros(3, 1), pf.zeros(3, 1)]
        >>> y, h = pf.ops.gru(pf.ones(2, 1, 1), pf.ones(1, 1, 1), weights, False, 1, 0.0, False, False, False)
        >>> y.reshape(-1)
        tensor([0.5000, 0.2500])
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, states = _network("gru", _gru_step, input, [hx], params, *options)
    return y, states[0]


def lstm(
    input: Tensor,
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run long short-term memories over sequences.

    Args:
        input: as for `rnn_tanh`.
        hx: outputs (layers * directions, batch, hidden or projection) and cells (layers * directions, batch, hidden).
        params: the weights of `lstm_cell` of each direction of each layer; after them w_hr, (projection, hidden), for
            outputs smaller than the cells.

    Returns:
        Outputs, last outputs and last cells.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> weights, start = [pf.zeros(4, 1), pf.zeros(4, 1)], (pf.zeros(1, 1, 1), pf.ones(1, 1, 1))
        >>> y, h, c = pf.ops.lstm(pf.ones(2, 1, 1), start, weights, False, 1, 0.0, False, False, False)
        >>> c.item()
        0.25
    """
    if len(hx) != 2:
        raise RuntimeError(f"[lstm] hx has {len(hx)} tensors: expected outputs and cells")
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, states = _network("lstm", _lstm_step, input, list(hx), params, *options)
    return y, states[0], states[1]
