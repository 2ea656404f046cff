"""Recurrent layers, unrolled over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor
from pyflame.nn import functional as F

from ..values import ints
from .registry import maps

Activation = Callable[[Tensor], Tensor]
Cell = Callable[..., tuple[Tensor, ...]]
# name in lower case: (function of x, alpha, beta; default of alpha; default of beta)
ACTIVATIONS: dict[str, tuple[Callable[[Tensor, float, float], Tensor], float, float]] = {
    "affine": (lambda x, a, b: a * x + b, 1.0, 0.0),
    "elu": (lambda x, a, b: F.elu(x, a), 1.0, 0.0),
    "hardsigmoid": (lambda x, a, b: pf.clip(a * x + b, 0, 1), 0.2, 0.5),
    "leakyrelu": (lambda x, a, b: F.leaky_relu(x, a), 0.01, 0.0),
    "relu": (lambda x, a, b: pf.relu(x), 0.0, 0.0),
    "scaledtanh": (lambda x, a, b: a * pf.tanh(b * x), 1.0, 1.0),
    "sigmoid": (lambda x, a, b: pf.sigmoid(x), 0.0, 0.0),
    "softplus": (lambda x, a, b: F.softplus(x), 0.0, 0.0),
    "softsign": (lambda x, a, b: F.softsign(x), 0.0, 0.0),
    "tanh": (lambda x, a, b: pf.tanh(x), 0.0, 0.0),
    "thresholdedrelu": (lambda x, a, b: pf.where(x > a, x, pf.zeros_like(x)), 1.0, 0.0),
}
TAKES_ALPHA = {"affine", "elu", "hardsigmoid", "leakyrelu", "scaledtanh", "thresholdedrelu"}
TAKES_BETA = {"affine", "hardsigmoid", "scaledtanh"}


def activations_of(
    names: Sequence[str], alphas: Sequence[float] | None, betas: Sequence[float] | None
) -> list[Activation]:
    """Return the functions a layer names; their numbers are handed out in order to those that take some."""
    alpha, beta = iter(alphas or ()), iter(betas or ())
    found: list[Activation] = []
    for name in names:
        key = name.lower()
        if key not in ACTIVATIONS:
            raise NotImplementedError(f"[recurrent] activation {name!r} has no map; there are {', '.join(ACTIVATIONS)}")
        function, a, b = ACTIVATIONS[key]
        a = next(alpha, a) if key in TAKES_ALPHA else a
        b = next(beta, b) if key in TAKES_BETA else b
        found.append(lambda x, function=function, a=a, b=b: function(x, a, b))  # type: ignore[misc]
    return found


@dataclass
class Layer:
    """What all recurrent layers share.

    Attributes:
        x: (steps, batch, features).
        directions: 1 or 2.
        reversed: for each direction, whether it starts at the last step.
        live: (steps, batch, 1), whether a sequence is still going on; None when all are equally long.
        batch_first: whether results have the batch in front.
    """

    x: Tensor
    directions: int
    reversed: list[bool]
    live: Tensor | None
    batch_first: bool

    def steps(self, direction: int) -> range:
        count = self.x.shape[0]
        return range(count - 1, -1, -1) if self.reversed[direction] else range(count)

    def kept(self, step: int, new: Tensor, old: Tensor) -> Tensor:
        """Return the new state where a sequence is still going on, else the old one."""
        return new if self.live is None else pf.where(pf.select(self.live, 0, step), new, old)

    def masked(self, step: int, value: Tensor) -> Tensor:
        """Return zero where a sequence has ended."""
        return value if self.live is None else value * pf.cast(pf.select(self.live, 0, step), value.dtype)

    def run(self, cell_of: Callable[[int], Cell], starts: Sequence[Tensor | None], hidden: int) -> tuple[Tensor, ...]:
        """Run a cell over all steps of each direction.

        Args:
            cell_of: makes the cell of a direction; it takes a step and the states, and returns the new ones.
            starts: the first states of all directions; None for zeros. The first one is what a step puts out.
            hidden: size of the states.

        Returns:
            The outputs of all steps and the last states, in the layout asked for.
        """
        outputs, last = [], []
        for side in range(self.directions):
            cell = cell_of(side)
            states = [self.initial(start, side, hidden) for start in starts]
            row: dict[int, Tensor] = {}
            for step in self.steps(side):
                states = [self.kept(step, new, old) for new, old in zip(cell(step, *states), states)]
                row[step] = self.masked(step, states[0])
            outputs.append(pf.stack([row[step] for step in sorted(row)], 0))
            last.append(states)
        y = pf.stack(outputs, 1)
        ends = [pf.stack(state, 0) for state in zip(*last)]
        if self.batch_first:
            return pf.permute(y, (2, 0, 1, 3)), *(pf.permute(state, (1, 0, 2)) for state in ends)
        return y, *ends

    def initial(self, state: Tensor | None, side: int, hidden: int) -> Tensor:
        if state is None:
            return pf.zeros((self.x.shape[1], hidden), dtype=self.x.dtype)
        return pf.select(state, 1 if self.batch_first else 0, side)


def layer_of(x: Tensor, direction: str, lengths: Any, layout: int) -> Layer:
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"[recurrent] direction {direction!r} is none of forward, reverse, bidirectional")
    x = pf.permute(x, (1, 0, 2)) if layout else x
    backwards = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    live = None
    if lengths is not None:
        ends = np.array(ints(lengths), np.int64)
        if (ends != x.shape[0]).any():
            live = pf.from_numpy((np.arange(x.shape[0])[:, None] < ends[None, :])[:, :, None])
    return Layer(x, len(backwards), backwards, live, bool(layout))


def parts(matrix: Tensor, count: int) -> list[Tensor]:
    size = matrix.shape[0] // count
    return [pf.narrow(matrix, 0, place * size, size) for place in range(count)]


def names_for(activations: Sequence[str] | None, defaults: Sequence[str], directions: int) -> list[str]:
    return list(activations or list(defaults) * directions)


def limit(x: Tensor, clip: float | None) -> Tensor:
    return x if clip is None else pf.clip(x, -clip, clip)


@maps("RNN", 7, 14, 22, host="lengths")
def rnn(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Any = None,
    initial_h: Tensor | None = None,
    *,
    activation_alpha: Sequence[float] | None = None,
    activation_beta: Sequence[float] | None = None,
    activations: Sequence[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
) -> tuple[Tensor, ...]:
    layer = layer_of(x, direction, lengths, layout)
    functions = activations_of(names_for(activations, ["Tanh"], layer.directions), activation_alpha, activation_beta)

    def cell_of(side: int) -> Cell:
        recurrent = pf.t(pf.select(r, 0, side))
        bias = 0 if b is None else sum(parts(pf.select(b, 0, side), 2))
        given = pf.matmul(layer.x, pf.t(pf.select(w, 0, side))) + bias

        def cell(step: int, h: Tensor) -> tuple[Tensor]:
            return (functions[side](limit(pf.select(given, 0, step) + pf.matmul(h, recurrent), clip)),)

        return cell

    return layer.run(cell_of, [initial_h], r.shape[2])


@maps("GRU", 7, 14, 22, host="lengths")
def gru(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Any = None,
    initial_h: Tensor | None = None,
    *,
    activation_alpha: Sequence[float] | None = None,
    activation_beta: Sequence[float] | None = None,
    activations: Sequence[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: int = 0,
) -> tuple[Tensor, ...]:
    layer = layer_of(x, direction, lengths, layout)
    names = names_for(activations, ["Sigmoid", "Tanh"], layer.directions)
    functions = activations_of(names, activation_alpha, activation_beta)
    hidden = r.shape[2]

    def cell_of(side: int) -> Cell:
        gate, candidate = functions[2 * side : 2 * side + 2]
        recurrent = pf.select(r, 0, side)
        bias = pf.zeros((6 * hidden,), dtype=x.dtype) if b is None else pf.select(b, 0, side)
        given_bias, recurrent_bias = parts(bias, 2)
        given = pf.matmul(layer.x, pf.t(pf.select(w, 0, side))) + given_bias
        gates = pf.narrow(recurrent, 0, 0, 2 * hidden)
        gates_bias = pf.narrow(recurrent_bias, 0, 0, 2 * hidden)
        own, own_bias = parts(recurrent, 3)[2], parts(recurrent_bias, 3)[2]

        def cell(step: int, h: Tensor) -> tuple[Tensor]:
            now = pf.select(given, 0, step)
            both = gate(limit(pf.narrow(now, 1, 0, 2 * hidden) + pf.matmul(h, pf.t(gates)) + gates_bias, clip))
            z, reset = pf.narrow(both, 1, 0, hidden), pf.narrow(both, 1, hidden, hidden)
            if linear_before_reset:
                past = reset * (pf.matmul(h, pf.t(own)) + own_bias)
            else:
                past = pf.matmul(reset * h, pf.t(own)) + own_bias
            fresh = candidate(limit(pf.narrow(now, 1, 2 * hidden, hidden) + past, clip))
            return ((1 - z) * fresh + z * h,)

        return cell

    return layer.run(cell_of, [initial_h], hidden)


@maps("LSTM", 7, 14, 22, host="lengths")
def lstm(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Any = None,
    initial_h: Tensor | None = None,
    initial_c: Tensor | None = None,
    peepholes: Tensor | None = None,
    *,
    activation_alpha: Sequence[float] | None = None,
    activation_beta: Sequence[float] | None = None,
    activations: Sequence[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: int = 0,
    layout: int = 0,
) -> tuple[Tensor, ...]:
    layer = layer_of(x, direction, lengths, layout)
    names = names_for(activations, ["Sigmoid", "Tanh", "Tanh"], layer.directions)
    functions = activations_of(names, activation_alpha, activation_beta)
    hidden = r.shape[2]

    def cell_of(side: int) -> Cell:
        gate, candidate, shown = functions[3 * side : 3 * side + 3]
        recurrent = pf.t(pf.select(r, 0, side))
        given = pf.matmul(layer.x, pf.t(pf.select(w, 0, side)))
        if b is not None:
            given = given + sum(parts(pf.select(b, 0, side), 2))
        p_in, p_out, p_forget = [0, 0, 0] if peepholes is None else parts(pf.select(peepholes, 0, side), 3)

        def cell(step: int, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            now = limit(pf.select(given, 0, step) + pf.matmul(h, recurrent), clip)
            enter, leave, forget, new = (pf.narrow(now, 1, place * hidden, hidden) for place in range(4))
            if peepholes is not None:
                enter, forget = enter + p_in * c, forget + p_forget * c
            i = gate(enter)
            f = 1 - i if input_forget else gate(forget)
            grown = f * c + i * candidate(new)
            o = gate(leave if peepholes is None else leave + p_out * grown)
            return o * shown(grown), grown

        return cell

    return layer.run(cell_of, [initial_h, initial_c], hidden)
