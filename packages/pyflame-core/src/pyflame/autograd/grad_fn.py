"""What a tensor was computed by, as far as gradients are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core

if TYPE_CHECKING:
    from .._tensor import Tensor


class GradFn:
    """A step of the backward pass, for looking at the recorded history."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def name(self) -> str:
        """The op's name in camel case and Backward0; for functions of the user's, the class's and Backward."""
        function = _function_of(self._tensor)
        if function is not None:
            return f"{function.name}Backward"
        return "".join(part.capitalize() for part in _core.op_name(self._tensor).split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[GradFn | AccumulateGrad | None, int], ...]:
        """Where the gradients of the operands go next, each with the index of the operand among its outputs."""
        edges = _core.gradient_edges(self._tensor)
        function = _function_of(self._tensor)
        if function is not None:
            edges = function.edges(edges)
        return tuple((None if x is None else step_of(x), 0) for x in edges)

    def _identity(self) -> object:
        return _function_of(self._tensor) or _core.node_id(self._tensor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class AccumulateGrad:
    """The end of a path of the backward pass: adds to `grad` of a leaf."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def name(self) -> str:
        """Always "torch::autograd::AccumulateGrad" in PyTorch; here without the prefix."""
        return "AccumulateGrad"

    @property
    def variable(self) -> Tensor:
        """The leaf."""
        owner = _core.grad_owner(self._tensor)
        return self._tensor if owner is None else owner

    next_functions: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def _function_of(x: Tensor) -> Any:
    op = _core.op_name(x)
    if op not in ("function", "function_output"):
        return None
    node = x if op == "function" else _core.function_of(x)
    return None if node is None else _core.attached(node)


def step_of(x: Tensor) -> GradFn | AccumulateGrad:
    return AccumulateGrad(x) if x.is_leaf else GradFn(x)
