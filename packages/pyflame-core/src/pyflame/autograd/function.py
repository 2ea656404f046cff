"""Functions with a gradient of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import TensorBase
from .modes import no_grad

if TYPE_CHECKING:
    from .._tensor import Tensor


class FunctionContext:
    """What `forward` leaves for `backward`; other attributes may be set freely.

    Attributes:
        needs_input_grad: for each argument, whether its gradient is wanted.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[tuple[Tensor | None, int]] = []  # the index is that of an output, -1 for other tensors
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Tensor | None = None  # the function's node, while its backward runs

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs, outputs or other tensors; `saved_tensors` returns them in `backward`."""
        for x in tensors:
            if x is not None and not isinstance(x, TensorBase):
                raise TypeError(f"[save_for_backward] got {type(x).__name__}: only tensors and None; set an attribute")
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved, as it was then."""
        recorded = self._node is not None and _core.grad_enabled()
        return tuple(
            _core.function_output(x, self._node, index) if recorded and x is not None and index >= 0 else x
            for x, index in self._saved
        )

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Name the inputs that `forward` has changed in place; it must return them, too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Name outputs that do not require grad."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros, and not None, for outputs without a gradient."""
        self._materialize = bool(value)


class _Node:
    """What the core calls in a backward; it lives as long as the history."""

    __slots__ = ("__weakref__", "context", "function", "outputs", "places", "tensors")

    def __init__(
        self,
        function: type[Function],
        context: FunctionContext,
        args: Sequence[Any],
        places: list[int],
        outputs: Sequence[Any],
    ) -> None:
        self.function, self.context, self.places = function, context, places
        self.tensors = [place for place, x in enumerate(args) if isinstance(x, TensorBase)]
        # Shape and dtype of each output, None for what is no tensor.
        self.outputs = [(tuple(y.shape), y.dtype) if isinstance(y, TensorBase) else None for y in outputs]

    @property
    def name(self) -> str:
        return self.function.__name__

    def computed(self) -> None:
        """The node has no values that anybody could watch."""

    def edges(self, inputs: list[Tensor | None]) -> list[Tensor | None]:
        """The inputs, with None for tensor arguments that gradients do not go to."""
        given = dict(zip(self.places, inputs))
        return [given.get(place) for place in self.tensors]

    def run(self, node: Tensor, gradients: list[Tensor | None]) -> list[Tensor | None]:
        """Gradients of the inputs at `places`."""
        context = self.context
        if context._materialize:
            for place, kind in enumerate(self.outputs):
                if gradients[place] is None and kind is not None:
                    gradients[place] = _core.ops.full(0, kind[1], kind[0])
        context._node = node
        try:
            found = self.function.backward(context, *gradients)
        finally:
            context._node = None
        return self._checked(node, found if isinstance(found, (tuple, list)) else (found,))

    def _checked(self, node: Tensor, found: Sequence[Any]) -> list[Tensor | None]:
        name, count = f"[{self.name}]", len(self.context.needs_input_grad)
        if len(found) < count or any(extra is not None for extra in found[count:]):
            raise RuntimeError(f"{name} backward returned {len(found)} gradients: expected {count}, one per argument")
        inputs = _core.gradient_edges(node)
        wanted: list[Tensor | None] = []
        for place, x in zip(self.places, inputs):
            gradient = found[place]
            if gradient is not None and x is not None:
                if not isinstance(gradient, TensorBase):
                    kind = type(gradient).__name__
                    raise RuntimeError(f"{name} gradient {place} is a {kind}: backward returns tensors or None")
                gradient = _fitting(f"{name} gradient {place}", gradient, x)
            wanted.append(gradient)
        return wanted


def _fitting(what: str, gradient: Any, x: Tensor) -> Tensor:
    """The gradient in the shape and dtype of the input; dimensions that were expanded are summed."""
    if gradient.shape != x.shape:
        lead = gradient.ndim - x.ndim
        pairs = list(zip(gradient.shape[max(lead, 0) :], x.shape))
        if lead < 0 or any(a != b and b != 1 for a, b in pairs):
            raise RuntimeError(
                f"{what} has shape {tuple(gradient.shape)}, the argument {tuple(x.shape)}: they must be compatible"
            )
        gradient = gradient.sum([*range(lead), *(lead + i for i, (a, b) in enumerate(pairs) if a != b)])
        gradient = gradient.reshape(x.shape)
    return gradient if gradient.dtype is x.dtype else _core.ops.cast(gradient, x.dtype)


class Function:
    """A differentiable operation whose gradient is written by hand.

    Subclasses define two static methods. `forward(ctx, *args)` computes tensors; it runs without recording gradients.
    `backward(ctx, *grads)` gets the gradient of each output and returns one for each argument, None where there is
    none; it is recorded with `create_graph=True`, so gradients of gradients work. With `setup_context(ctx, inputs,
    output)` defined, forward is called without ctx. The function is used through `apply`.

    Example:
        >>> import pyflame as pf
        >>> class Exp(pf.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         y = x.exp()
        ...         ctx.save_for_backward(y)
        ...         return y
        ...
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         (y,) = ctx.saved_tensors
        ...         return grad * y
        >>> x = pf.tensor(0.0, requires_grad=True)
        >>> Exp.apply(x).backward()
        >>> x.grad
        tensor(1.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: `forward(ctx, *args)`, or `forward(*args)` where `setup_context` is defined."""
        raise NotImplementedError("[Function] a subclass must define forward as a static method")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what backward needs."""
        raise NotImplementedError("[Function] setup_context is not defined")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return the gradients of the arguments."""
        raise NotImplementedError("[Function] a subclass must define backward as a static method to be differentiated")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call the function.

        Args:
            args: tensors, which gradients may flow to, and anything else.

        Returns:
            What forward returns.

        Raises:
            RuntimeError: a leaf that requires grad is marked as changed in place.
        """
        needs = tuple(isinstance(x, TensorBase) and x.requires_grad for x in args)
        context = FunctionContext(needs)
        recorded = _core.grad_enabled() and any(needs)
        # Forward may change its arguments in place: the history continues from what they are now.
        before = {place: _core.same_handle(args[place]) for place, need in enumerate(needs) if need}
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(context, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(context, args, result)
        several = isinstance(result, (tuple, list))
        outputs = list(result) if several else [result]
        _save(context, args, before, outputs)
        if recorded:
            outputs = _recorded(cls, context, args, before, outputs)
        return tuple(outputs) if several else outputs[0]


def _is_any(x: Any, listed: Sequence[Any]) -> bool:
    return any(x is item for item in listed)


def _place(x: Any, listed: Sequence[Any]) -> int:
    return next((place for place, item in enumerate(listed) if item is x), -1)


def _save(context: FunctionContext, args: Sequence[Any], before: dict[int, Tensor], outputs: list[Any]) -> None:
    """An output is saved without history: it would keep itself alive."""
    for x in context._to_save:
        output, arg = _place(x, outputs), _place(x, args)
        if x is None:
            context._saved.append((None, -1))
        elif output >= 0 and (arg < 0 or _is_any(x, context._dirty)):
            context._saved.append((_core.detach(x), output))
        else:
            context._saved.append((before.get(arg, _core.same_handle(x)), -1))
    context._to_save = ()


def _recorded(
    cls: type[Function], context: FunctionContext, args: Sequence[Any], before: dict[int, Tensor], outputs: list[Any]
) -> list[Any]:
    backward = _Node(cls, context, args, list(before), outputs)
    node = _core.function(list(before.values()), len(outputs), backward)
    made: list[Any] = []
    for index, y in enumerate(outputs):
        if not isinstance(y, TensorBase) or not y.dtype.is_floating_point or _is_any(y, context._constant):
            made.append(y)
            continue
        result: Any = _core.function_output(_core.detach(y), node, index)
        if _is_any(y, context._dirty):
            place = _place(y, args)
            if place in before and before[place].is_leaf:
                raise RuntimeError(
                    f"[{cls.__name__}] argument {place} is a leaf that requires grad: it cannot be changed in place"
                )
            _core.assign(y, result)
            result = y
        made.append(result)
    context._dirty = context._constant = ()
    return made


class _Refuse(Function):
    """The gradients of a function that is differentiable once."""

    @staticmethod
    def forward(ctx: Any, name: str, gradient: Any, *gradients: Any) -> Any:
        ctx.function = name
        return gradient

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            f"[{ctx.function}] trying to differentiate twice a function that was marked with once_differentiable"
        )


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a `backward` that cannot be differentiated, as it computes without recording.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.autograd.function import once_differentiable
        >>> class Double(pf.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...
        ...     @staticmethod
        ...     @once_differentiable
        ...     def backward(ctx, grad):
        ...         return pf.tensor(2.0 * grad.numpy())
    """

    @functools.wraps(function)
    def backward(ctx: Any, *gradients: Any) -> Any:
        with no_grad():
            found = function(ctx, *gradients)
        tracked = [g for g in gradients if isinstance(g, TensorBase) and g.requires_grad]
        if not _core.grad_enabled() or not tracked:
            return found
        listed = found if isinstance(found, (tuple, list)) else (found,)
        name = function.__qualname__.split(".")[0]
        return tuple(_Refuse.apply(name, g, *tracked) if isinstance(g, TensorBase) else g for g in listed)

    return backward
