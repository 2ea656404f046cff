"""Hooks on the gradients that reach a module's outputs and leave its inputs.

Inputs and outputs pass through functions that change nothing. In the backward pass that of the outputs runs when all of
their gradients are known, that of the inputs when the module is done.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pyflame import Tensor, is_grad_enabled
from pyflame.autograd import Function

if TYPE_CHECKING:
    from .module import Module

Gradients = tuple[Tensor | None, ...]
Hook = Callable[..., Any]


class Watch(Function):
    """Hands on its tensors; shows their gradients to a function, which may replace them."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[[Gradients], Gradients], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        copies = tuple(tensor.view_as(tensor) for tensor in tensors)
        ctx.mark_non_differentiable(*(copy for copy, tensor in zip(copies, tensors) if not tensor.requires_grad))
        return copies

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        return (None, *ctx.seen(gradients))


def watched(values: tuple[Any, ...], seen: Callable[[Gradients], Gradients]) -> tuple[tuple[Any, ...], list[int]]:
    """The values with their tensors watched, and which of them are tensors; nothing without a gradient to come."""
    places = [place for place, value in enumerate(values) if isinstance(value, Tensor)]
    if not is_grad_enabled() or not any(values[place].requires_grad for place in places):
        return values, []
    result = list(values)
    for place, value in zip(places, Watch.apply(seen, *(values[place] for place in places))):
        result[place] = value
    return tuple(result), places


class BackwardHooks:
    """The backward hooks around one call of a module."""

    def __init__(self, module: Module, before: Sequence[Hook], after: Sequence[Hook]) -> None:
        self.module, self.before, self.after = module, before, after
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.count_in = self.count_out = 0
        self.arrived: Gradients | None = None

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count_in = len(args)
        args, self.inputs = watched(args, self._inputs_done)
        return args

    def watch_outputs(self, result: Any) -> Any:
        results = result if isinstance(result, tuple) else (result,)
        self.count_out = len(results)
        results, self.outputs = watched(results, self._outputs_done)
        return results if isinstance(result, tuple) else results[0]

    def _outputs_done(self, gradients: Gradients) -> Gradients:
        arrived = spread(gradients, self.outputs, self.count_out)
        for hook in self.before:
            arrived = replaced(arrived, hook(self.module, arrived), "pre-hook", "grad_output")
        self.arrived = arrived
        if not self.inputs:
            self._without_inputs(arrived)
            self.arrived = None
        return tuple(arrived[place] for place in self.outputs)

    def _without_inputs(self, arrived: Gradients) -> None:
        if self.after:
            warnings.warn(
                "[module] no input requires grad: the full backward hook runs with the gradients of the outputs alone",
                stacklevel=2,
            )
        for hook in self.after:
            changed = hook(self.module, (None,) * self.count_in, arrived)
            if changed is not None and any(gradient is not None for gradient in as_tuple(changed)):
                raise RuntimeError(
                    "[module] a backward hook returned gradients, and no input requires one: return None"
                )

    def _inputs_done(self, gradients: Gradients) -> Gradients:
        if self.arrived is None:  # backward began inside the module: its outputs had no part in it
            return gradients
        leaving = spread(gradients, self.inputs, self.count_in)
        for hook in self.after:
            changed = hook(self.module, leaving, self.arrived)
            leaving = replaced(leaving, changed, "hook", "grad_input")
        self.arrived = None
        return tuple(leaving[place] for place in self.inputs)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def spread(gradients: Gradients, places: list[int], count: int) -> Gradients:
    found = dict(zip(places, gradients))
    return tuple(found.get(place) for place in range(count))


def replaced(old: Gradients, changed: Any, kind: str, what: str) -> Gradients:
    if changed is None:
        return old
    new = as_tuple(changed)
    if len(new) != len(old):
        raise RuntimeError(f"[module] a backward {kind} returned {len(new)} {what}: expected {len(old)}")
    return new
