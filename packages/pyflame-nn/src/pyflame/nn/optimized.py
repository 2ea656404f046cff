"""A graph as a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pyflame import Graph, Tensor, as_tensor, execute_graph

from .module import Module
from .parameter import Parameter


class OptimizedModule(Module):
    """Runs a graph; the graph's parameters are the module's, under the same names.

    A name with dots makes submodules, so that `state_dict()` has the keys of the model that was traced. Integers become
    buffers.

    Args:
        graph: what to run; its shapes and dtypes hold.
        weights: name -> values, in place of those the graph brings along.
        trainable: whether gradients reach the parameters and `train()` is allowed. The graph was recorded in one mode
            and stays in it: dropout and batch normalization do not change.

    Raises:
        GraphError: a parameter has no value.
        KeyError: `weights` has a name that the graph has not.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval()
        >>> x = pf.ones(1, 3)
        >>> fast = nn.OptimizedModule(pf.optimize.fuse_operations(pf.trace(model, x).graph))
        >>> pf.allclose(fast(x), model(x)), list(fast.state_dict())
        (True, ['0.weight', '0.bias'])
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Any] | None = None, *, trainable: bool = False) -> None:
        super().__init__()
        self.graph, self.trainable = graph, trainable
        self._places: dict[str, tuple[Module, str]] = {}
        given = dict(weights or {})
        for node in graph.parameters:
            value = given.pop(node.name, node.value)
            if value is None:
                raise ValueError(
                    f"[OptimizedModule] parameter {node.name} of {graph.name} has no value: give it in weights"
                )
            self._add(node.name, as_tensor(value).detach().to(node.output_dtype))
        if given:
            raise KeyError(f"[OptimizedModule] {graph.name} has no parameters {', '.join(sorted(given))}")
        super().train(trainable)

    def _add(self, name: str, value: Tensor) -> None:
        *path, last = name.split(".")
        part: Module = self
        for step in path:
            if step not in part._modules:
                part.add_module(step, Module())
            part = getattr(part, step)
        if value.dtype.is_floating_point:
            part.register_parameter(last, Parameter(value, requires_grad=self.trainable))
        else:
            part.register_buffer(last, value)
        self._places[name] = (part, last)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode; training needs `trainable=True`.

        Raises:
            RuntimeError: the module is for evaluation only.
        """
        if mode and not self.trainable:
            raise RuntimeError(
                "[OptimizedModule] this graph is for evaluation: trace the model in training mode and pass "
                "trainable=True"
            )
        return super().train(mode)

    def forward(self, *args: Tensor) -> Any:
        return execute_graph(self.graph, args, {name: getattr(*place) for name, place in self._places.items()})

    def extra_repr(self) -> str:
        return f"{self.graph.name}: {self.graph.num_ops} operations"
