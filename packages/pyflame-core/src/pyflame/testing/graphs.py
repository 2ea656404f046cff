"""Random IR graphs, for passes, serialisers and backends to try themselves on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import DType, float32, float64, int64
from ..graph.ir import Graph, Value

_UNARY = ("neg", "abs", "exp", "tanh", "sigmoid", "relu", "square", "sin", "floor", "positive")
_BINARY = ("add", "sub", "mul", "maximum", "minimum", "add", "mul")
_DTYPES = (float32, float32, float32, float64, int64)


def random_graph(seed: int, n_ops: int = 20) -> Graph:
    """A valid graph with inputs, bound parameters, constants, common and needless subexpressions, and dead code.

    Args:
        seed: equal seeds give equal graphs.
        n_ops: about how many operations it has.

    Example:
        >>> random_graph(0).fingerprint() == random_graph(0).fingerprint()
        True
    """
    return _Builder(seed, n_ops).graph


def random_arguments(graph: Graph, seed: int = 0) -> list[Any]:
    """NumPy arrays for the inputs of a graph whose dtypes NumPy has.

    Args:
        graph: graph.
        seed: equal seeds give equal values.

    Example:
        >>> graph = random_graph(1)
        >>> [array.shape for array in random_arguments(graph)] == [node.output_shape for node in graph.inputs]
        True
    """
    rng = np.random.default_rng(seed)
    return [_draw(rng, node.output_shape, node.output_dtype) for node in graph.inputs]


def _draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Any:
    values = rng.uniform(-2, 2, shape) if dtype.is_floating_point else rng.integers(-3, 4, shape)
    return np.asarray(values, dtype.to_numpy())


class _Builder:
    def __init__(self, seed: int, n_ops: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = Graph(f"random_{seed}")
        self.values: list[Value] = []
        for k in range(2):
            self.values.append(self.graph.create_input(self.shape(), self.dtype(), name=f"x{k}")[0])
        for k in range(2):
            shape, dtype = self.shape(), self.dtype()
            value = _draw(self.rng, shape, dtype)
            self.values.append(self.graph.create_parameter(shape, dtype, name=f"w{k}", value=value)[0])
            self.values.append(self.graph.create_constant(_draw(self.rng, self.shape(), self.dtype()))[0])
        steps = [
            self.unary, self.binary, self.binary, self.scalar, self.scalar, self.needless, self.repeat, self.reduce,
            self.matmul, self.shape_op, self.shape_op, self.cat, self.where, self.pool, self.twice,
        ]  # fmt: skip
        while self.graph.num_ops < n_ops:
            steps[self.rng.integers(len(steps))]()
        for value in self.values[-3:]:
            self.graph.mark_output(value)

    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self.rng.choice([1, 2, 3, 4], size=self.rng.integers(0, 4)))

    def dtype(self) -> DType:
        return _DTYPES[self.rng.integers(len(_DTYPES))]

    def pick(self) -> Value:
        return self.values[int(len(self.values) * self.rng.random() ** 0.5)]

    def add(self, op: str, inputs: list[Value], **attrs: Any) -> None:
        self.values.append(self.graph.create_op(op, inputs, attrs)[0])

    def full(self, x: Value, number: float) -> Value:
        dtype = self.graph.spec(x).dtype
        value = number if dtype.is_floating_point else int(number)
        return self.graph.create_op("full", [], {"value": value, "dtype": dtype, "shape": ()})[0]

    def unary(self) -> None:
        self.add(str(self.rng.choice(_UNARY)), [self.pick()])

    def binary(self) -> None:
        a, b = self.pick(), self.pick()
        try:
            np.broadcast_shapes(self.graph.spec(a).shape, self.graph.spec(b).shape)
        except ValueError:
            return
        self.add(str(self.rng.choice(_BINARY)), [a, b])

    def scalar(self) -> None:
        x = self.pick()
        operands = [x, self.full(x, float(self.rng.integers(-2, 3)))]
        self.add(str(self.rng.choice(_BINARY)), operands if self.rng.random() < 0.7 else operands[::-1])

    def needless(self) -> None:
        x = self.pick()
        op, number = [("add", 0.0), ("sub", 0.0), ("mul", 1.0), ("pow", 2.0), ("pow", 1.0)][self.rng.integers(5)]
        self.add(op, [x, self.full(x, number)])

    def twice(self) -> None:
        op = str(self.rng.choice(["neg", "abs", "relu", "floor"]))
        self.add(op, [self.graph.create_op(op, [self.pick()])[0]])

    def repeat(self) -> None:
        node = self.graph.node(self.pick().node_id)
        if node.is_operation and node.num_outputs == 1:
            self.values.append(self.graph.create_op(node.op_type, node.inputs, node.attrs)[0])

    def reduce(self) -> None:
        x = self.pick()
        ndim = len(self.graph.spec(x).shape)
        dims = tuple(int(d) for d in range(ndim) if self.rng.random() < 0.5)
        op = str(self.rng.choice(["sum", "amax", "amin"]))
        if dims:
            self.add(op, [x], dim=dims, keepdim=bool(self.rng.random() < 0.6))

    def matmul(self) -> None:
        x = self.pick()
        shape = self.graph.spec(x).shape
        if len(shape) < 2:
            return
        value = _draw(self.rng, (shape[-1], 3), self.graph.spec(x).dtype)
        self.add("matmul", [x, self.graph.create_constant(value)[0]])

    def shape_op(self) -> None:
        x = self.pick()
        shape = self.graph.spec(x).shape
        choice = self.rng.integers(4)
        if choice == 0:
            self.add("permute", [x], dims=tuple(int(d) for d in self.rng.permutation(len(shape))))
        elif choice == 1:
            self.add("reshape", [x], shape=tuple(int(n) for n in self.rng.permutation(shape)))
        elif choice == 2:
            self.add("expand", [x], shape=(2, *shape))
        elif shape and shape[0] > 1:
            self.add("slice", [x], dim=0, start=1, step=1, length=shape[0] - 1)

    def cat(self) -> None:
        x = self.pick()
        if self.graph.spec(x).shape:
            self.add("cat", [x, x, x], dim=0)

    def where(self) -> None:
        x = self.pick()
        positive = self.graph.create_op("gt", [x, self.full(x, 0.0)])[0]
        self.add("where", [positive, x, self.full(x, 1.0)])

    def pool(self) -> None:
        x = self.pick()
        spec = self.graph.spec(x)
        if len(spec.shape) < 1 or not spec.dtype.is_floating_point:
            return
        planes = self.graph.create_op("reshape", [x], {"shape": (1, 1, 1, spec.numel())})[0]
        two = (1, 1)
        attrs = {"kernel": two, "stride": two, "padding": (0, 0), "dilation": two, "ceil_mode": False}
        node = self.graph.create_op("max_pool2d", [planes], attrs)
        self.values += [node[0], node[1]]
