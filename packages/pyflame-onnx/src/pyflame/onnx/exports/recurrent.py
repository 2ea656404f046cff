"""Recurrent networks as ONNX's LSTM, GRU and RNN, in place of one step after the other.

A trace records each step of a sequence, so its length would be fixed. While a module is exported, its recurrent layers
record one operation each, which is written as the ONNX operator; the operation computes what the layer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import nn

from .table import Context


@dataclass(frozen=True)
class Kind:
    """A recurrent layer.

    Attributes:
        name: of the function in `pyflame.ops`.
        operator: in ONNX.
        order: where ONNX's gates stand among PyFlame's.
        states: how many tensors a state is.
    """

    name: str
    operator: str
    order: tuple[int, ...]
    states: int = 1


KINDS = {
    "lstm": Kind("lstm", "LSTM", (0, 3, 1, 2), 2),
    "gru": Kind("gru", "GRU", (1, 0, 2)),
    "rnn_tanh": Kind("rnn_tanh", "RNN", (0,)),
    "rnn_relu": Kind("rnn_relu", "RNN", (0,)),
}


@dataclass(frozen=True)
class Network:
    """One configuration of a recurrent layer, with an operation of its own."""

    kind: Kind
    layers: int
    bias: bool
    bidirectional: bool
    batch_first: bool

    @property
    def op_name(self) -> str:
        """The name of the operation that stands for a call of the layer."""
        flags = "".join(f"_{flag}" for flag in ("bias", "bidirectional", "batch_first") if getattr(self, flag))
        return f"onnx_{self.kind.name}_{self.layers}{flags}"

    def run(self, input: pf.Tensor, *rest: pf.Tensor) -> tuple[pf.Tensor, ...]:
        """What the layer computes; `rest` are states, then weights."""
        count = self.kind.states
        state = rest[0] if count == 1 else rest[:count]
        options = (self.bias, self.layers, 0.0, False, self.bidirectional, self.batch_first)
        found: tuple[pf.Tensor, ...] = getattr(pf.ops, self.kind.name)(input, state, rest[count:], *options)
        return found

    def operation(self) -> Callable[..., Any]:
        """The operation, registered at its first use."""
        if self.op_name in pf.extend.list_custom_ops():
            return pf.extend.get_custom_op(self.op_name)
        return pf.extend.register_custom_op(
            self.op_name,
            lambda *tensors: self.run(*tensors),
            num_outputs=1 + self.kind.states,
            onnx={"export": self.write},
        )

    def write(self, c: Context, x: str, *rest: str) -> tuple[str, ...]:
        """The nodes of a call, one operator for each layer."""
        e, kind = c.e, self.kind
        states, weights = rest[: kind.states], rest[kind.states :]
        zero = [is_zero(c, 1 + k) for k in range(kind.states)]
        directions = 1 + self.bidirectional
        per = (4 if self.bias else 2) * directions
        if self.batch_first:
            x = e.op("Transpose", x, perm=[1, 0, 2])
        finals: list[list[str]] = [[] for _ in states]
        for layer in range(self.layers):
            own = weights[layer * per : (layer + 1) * per]
            packed = [self.packed(c, own, k) for k in range(3 if self.bias else 2)]
            first = [
                "" if empty else self.part(c, state, layer * directions, directions)
                for state, empty in zip(states, zero, strict=True)
            ]
            operands = [x, packed[0], packed[1], packed[2] if self.bias else "", "", *first]
            while not operands[-1]:
                operands.pop()
            outputs = e.ops(
                kind.operator, *operands, outputs=1 + kind.states, hidden_size=self.hidden(c),
                direction="bidirectional" if self.bidirectional else "forward",
                linear_before_reset=1 if kind.operator == "GRU" else None,
                activations=["Relu"] * directions if kind.name == "rnn_relu" else None,
            )  # fmt: skip
            for found, name in zip(finals, outputs[1:], strict=True):
                found.append(name)
            if directions == 1:
                x = e.squeeze(outputs[0], [1])
            else:  # the directions of a step come behind each other
                swapped = e.op("Transpose", outputs[0], perm=[0, 2, 1, 3])
                x = e.op("Reshape", swapped, e.ints([0, 0, directions * self.hidden(c)]))
        if self.batch_first:
            x = e.op("Transpose", x, perm=[1, 0, 2])
        return (x, *(names[0] if len(names) == 1 else e.op("Concat", *names, axis=0) for names in finals))

    def hidden(self, c: Context) -> int:
        """The size of the state."""
        found = c.shape(1)[-1]
        assert isinstance(found, int)
        return found

    def part(self, c: Context, state: str, start: int, count: int) -> str:
        return state if self.layers == 1 else c.e.slice(state, 0, start, start + count)

    def packed(self, c: Context, weights: tuple[str, ...], which: int) -> str:
        """Input weights, state weights or biases of both directions, with ONNX's order of gates."""
        e, step = c.e, 4 if self.bias else 2
        rows = [
            (weights[start + which],) if which < 2 else weights[start + 2 : start + 4]
            for start in range(0, len(weights), step)
        ]
        found = []
        for names in rows:
            ordered = [self.ordered(c, name) for name in names]
            joined = ordered[0] if len(ordered) == 1 else e.op("Concat", *ordered, axis=0)
            found.append(e.unsqueeze(joined, [0]))
        return found[0] if len(found) == 1 else e.op("Concat", *found, axis=0)

    def ordered(self, c: Context, name: str) -> str:
        hidden = self.hidden(c)
        if len(self.kind.order) == 1:
            return name
        rows = np.concatenate([np.arange(gate * hidden, (gate + 1) * hidden) for gate in self.kind.order])
        return c.e.op("Gather", name, c.e.const(rows, pf.int64), axis=0)


def is_zero(c: Context, index: int) -> bool:
    """Whether an operand is filled with zeros, as the state a layer begins with by itself."""
    node = c.program.node(c.node.inputs[index])
    return node.op_type == "full" and all(one.attrs["value"] == 0 for one in c.program.row(node))


@contextmanager
def whole_layers(model: Any) -> Iterator[None]:
    """Let the recurrent layers of a module record one operation each, where ONNX has one for them."""
    layers = list(model.modules()) if hasattr(model, "modules") else []
    changed = [layer for layer in layers if network_of(layer) is not None]
    try:
        for layer in changed:
            vars(layer)["forward"] = forward_of(layer)
        yield
    finally:
        for layer in changed:
            vars(layer).pop("forward", None)


def network_of(layer: Any) -> Network | None:
    """The configuration of a layer; None for what is no recurrent layer, or one that ONNX has no operator for."""
    for base, kind in ((nn.LSTM, "lstm"), (nn.GRU, "gru"), (nn.RNN, "rnn")):
        if isinstance(layer, base) and type(layer).forward is base.forward and "forward" not in vars(layer):
            if layer.proj_size or (layer.dropout and layer.training):
                return None
            name = f"rnn_{layer.nonlinearity}" if isinstance(layer, nn.RNN) else kind
            return Network(KINDS[name], layer.num_layers, layer.bias, layer.bidirectional, layer.batch_first)
    return None


def forward_of(layer: Any) -> Callable[..., Any]:
    """What the layer does, as one operation; sequences without a batch axis are left to the layer."""
    network, plain = network_of(layer), layer.forward
    assert network is not None
    operation = network.operation()

    def forward(input: pf.Tensor, hx: Any = None) -> Any:
        if input.ndim != 3:
            return plain(input, hx)
        weights = [getattr(layer, name) for name in weight_names(layer)]
        batch = input.shape[0 if layer.batch_first else 1]
        shape = (layer.num_layers * (1 + layer.bidirectional), batch, layer.hidden_size)
        if hx is None:
            states = tuple(pf.zeros(*shape, dtype=input.dtype) for _ in range(network.kind.states))
        else:
            states = tuple(hx) if isinstance(hx, tuple | list) else (hx,)
        output, *last = operation(input, *states, *weights)
        return output, tuple(last) if len(last) > 1 else last[0]

    return forward


def weight_names(layer: Any) -> list[str]:
    """The names of the weights in the order the functions take them."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if layer.bias else ("weight_ih", "weight_hh")
    return [
        f"{kind}_l{k}{suffix}"
        for k in range(layer.num_layers)
        for suffix in ("", "_reverse")[: 1 + layer.bidirectional]
        for kind in kinds
    ]
