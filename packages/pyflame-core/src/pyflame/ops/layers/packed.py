"""Recurrent networks over packed sequences: those that have ended drop out of the batch, so padding costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import _core
from ..join import cat
from .attention import _dropped
from .recurrent import State, Step, _gru_step, _lstm_step, _relu_step, _tanh_step

if TYPE_CHECKING:
    from ..._tensor import Tensor

_linear = _core.linear
_reshape = _core.ops.reshape
_slice = _core.ops.slice

_STEPS: dict[str, Step] = {"RNN_TANH": _tanh_step, "RNN_RELU": _relu_step, "LSTM": _lstm_step, "GRU": _gru_step}


def _rows(x: Tensor, start: int, stop: int) -> Tensor:
    return _slice(x, 0, start, 1, stop - start)


def _scan(
    step: Step,
    x: Tensor,
    sizes: Sequence[int],
    state: State,
    weights: Sequence[Tensor],
    biased: bool,
    reverse: bool,
) -> tuple[Tensor, State]:
    """One layer in one direction over (all steps, features); `sizes` says how many sequences each time has."""
    w_ih, w_hh = weights[:2]
    b_ih, b_hh = weights[2:4] if biased else (None, None)
    w_hr = weights[-1] if len(weights) > 2 + 2 * biased else None
    projected = _linear(x, w_ih, b_ih)
    starts = [sum(sizes[:t]) for t in range(len(sizes))]
    first = state
    if reverse:  # short sequences begin, that is, end, later: they join with the state they start from
        state = tuple(_rows(s, 0, sizes[-1]) for s in first)
    ended: list[State] = []
    outputs: list[Tensor] = []
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        size, now = sizes[t], state[0].shape[0]
        if size < now:
            ended.append(tuple(_rows(s, size, now) for s in state))
            state = tuple(_rows(s, 0, size) for s in state)
        elif size > now:
            state = tuple(cat([s, _rows(f, now, size)]) for s, f in zip(state, first))
        state = step(_rows(projected, starts[t], starts[t] + size), _linear(state[0], w_hh, b_hh), state)
        if w_hr is not None:
            state = (_linear(state[0], w_hr, None), *state[1:])
        outputs.append(state[0])
    parts = [state, *reversed(ended)]
    last = state if len(parts) == 1 else tuple(cat([part[i] for part in parts]) for i in range(len(state)))
    return cat(outputs[::-1] if reverse else outputs), last


def packed_recurrence(
    mode: str,
    data: Tensor,
    batch_sizes: Sequence[int],
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Run a recurrent network over packed sequences.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        data: (all steps, features), the steps at the same time next to each other, the longest sequence first.
        batch_sizes: how many sequences there are at each time; they do not rise.
        hx: the states, one or for "LSTM" two, (layers * directions, batch, hidden or projection).
        params: as for `lstm`.
        dropout: between layers, while `train`.

    Returns:
        Outputs (all steps, directions * hidden or projection), and the last states.

    Raises:
        ValueError: the mode is unknown.
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> weights = [pf.ones(1, 1), pf.ones(1, 1)]
        >>> start = [pf.zeros(1, 2, 1)]
        >>> options = (False, 1, 0.0, False, False)
        >>> y, (h,) = pf.ops.packed_recurrence("RNN_RELU", pf.ones(3, 1), [2, 1], start, weights, *options)
        >>> y.tolist(), h.tolist()
        ([[1.0], [1.0], [2.0]], [[[2.0], [1.0]]])
    """
    op = "packed_recurrence"
    if mode not in _STEPS:
        raise ValueError(f"[{op}] mode is {mode!r}: expected one of {', '.join(_STEPS)}")
    sizes, directions = [int(size) for size in batch_sizes], 1 + bidirectional
    each, rest = divmod(len(params), num_layers * directions) if num_layers > 0 else (0, 1)
    if rest or each not in (2 + 2 * has_biases, 3 + 2 * has_biases):
        raise RuntimeError(f"[{op}] {len(params)} weights do not make {num_layers} layers of {directions} directions")
    if not sizes or sizes[-1] < 1 or any(later > size for size, later in zip(sizes, sizes[1:])):
        raise RuntimeError(f"[{op}] batch_sizes are {sizes}: expected positive numbers that do not rise")
    if data.ndim != 2 or data.shape[0] != sum(sizes):
        raise RuntimeError(f"[{op}] data has shape {tuple(data.shape)}: expected ({sum(sizes)}, features)")
    if len(hx) != 1 + (mode == "LSTM") or any(tuple(s.shape)[:2] != (num_layers * directions, sizes[0]) for s in hx):
        raise RuntimeError(
            f"[{op}] states have shapes {[tuple(s.shape) for s in hx]}: expected {1 + (mode == 'LSTM')} of "
            f"({num_layers * directions}, {sizes[0]}, hidden)"
        )
    x = data
    last: list[list[Tensor]] = [[] for _ in hx]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            weights = params[place * each : (place + 1) * each]
            if weights[0].shape[1] != x.shape[1]:
                raise RuntimeError(
                    f"[{op}] layer {layer} has {x.shape[1]} features, its weight {tuple(weights[0].shape)}"
                )
            state = tuple(_reshape(_rows(s, place, place + 1), tuple(s.shape)[1:]) for s in hx)
            y, state = _scan(_STEPS[mode], x, sizes, state, weights, has_biases, direction == 1)
            outputs.append(y)
            for found, s in zip(last, state):
                found.append(_reshape(s, (1, *s.shape)))
        x = outputs[0] if directions == 1 else cat(outputs, 1)
        if dropout and train and layer < num_layers - 1:
            x = _dropped(x, dropout)
    return x, [cat(found) for found in last]
