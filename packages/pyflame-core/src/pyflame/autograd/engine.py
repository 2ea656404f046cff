"""Computing gradients.

Gradients are graph like everything else: nothing is computed until a value is asked for, and with `create_graph=True`
they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import TensorBase
from .modes import set_grad_enabled

if TYPE_CHECKING:
    from .._tensor import Tensor


def _listed(tensors: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, TensorBase) else list(tensors)


def _start_gradients(op: str, outputs: list[Tensor], given: Any) -> list[Tensor]:
    gradients = [None] * len(outputs) if given is None else [given] if isinstance(given, TensorBase) else list(given)
    if len(gradients) != len(outputs):
        raise RuntimeError(f"[{op}] {len(outputs)} outputs and {len(gradients)} gradients: expected one for each")
    found = []
    for output, gradient in zip(outputs, gradients):
        if gradient is None:
            if output.numel() != 1:
                raise RuntimeError(
                    f"[{op}] the output has shape {tuple(output.shape)}: give its gradient, as for all but one element"
                )
            gradient = _core.ops.full(1.0, output.dtype, output.shape)
        found.append(gradient)
    return found


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of `tensors` to `.grad` of the leaves they come from.

    Args:
        grad_tensors: the gradient of each tensor; may be left out for those of one element.
        retain_graph: keep the history for another call; None means `create_graph`.
        create_graph: make the gradients differentiable.
        inputs: only these receive gradients.

    Raises:
        RuntimeError: a tensor has no history, or it was freed by an earlier call.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], requires_grad=True)
        >>> pf.autograd.backward((x * x).sum())
        >>> x.grad
        tensor([2., 4.])
    """
    outputs = _listed(tensors)
    gradients = _start_gradients("backward", outputs, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _core.backward(outputs, gradients, [], retain, create_graph)
        return
    wanted = _listed(inputs)
    if not wanted:
        raise RuntimeError("[backward] inputs is empty: leave it out for all leaves")
    for x, found in zip(wanted, _core.gradients_of(outputs, gradients, wanted, retain, create_graph)):
        if found is not None:
            with set_grad_enabled(create_graph):
                x.grad = found if x.grad is None else x.grad + found
            hooks = _core.attached(x)
            if hooks is not None:
                hooks.accumulated(x)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of the sum of `outputs` with respect to `inputs`.

    Args:
        grad_outputs: weights of the outputs; may be left out for those of one element.
        retain_graph: keep the history for another call; None means `create_graph`.
        create_graph: make the gradients differentiable.
        allow_unused: return None for inputs that the outputs do not depend on, instead of raising.
        materialize_grads: return zeros for them.

    Raises:
        RuntimeError: an input does not require grad or is not used.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor(3.0, requires_grad=True)
        >>> (dx,) = pf.autograd.grad(x * x, x, create_graph=True)
        >>> pf.autograd.grad(dx, x)
        (tensor(2.),)
    """
    ends, wanted = _listed(outputs), _listed(inputs)
    for place, x in enumerate(wanted):
        if not x.requires_grad:
            raise RuntimeError(f"[grad] input {place} does not require grad: call requires_grad_() before using it")
    gradients = _start_gradients("grad", ends, grad_outputs)
    retain = create_graph if retain_graph is None else retain_graph
    found = _core.gradients_of(ends, gradients, wanted, retain, create_graph)
    for place, (x, gradient) in enumerate(zip(wanted, found)):
        if gradient is not None:
            continue
        if materialize_grads:
            found[place] = _core.ops.full(0.0, x.dtype, x.shape)
        elif not allow_unused:
            raise RuntimeError(
                f"[grad] input {place} is not used by the outputs: pass allow_unused=True to get None for it"
            )
    return tuple(found)
