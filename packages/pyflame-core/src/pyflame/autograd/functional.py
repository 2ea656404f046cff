"""Derivatives of functions: Jacobians, Hessians, and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import TensorBase
from ..ops import arange
from .engine import grad
from .modes import enable_grad

if TYPE_CHECKING:
    from .._tensor import Tensor

# What the arguments called `func` and `inputs` are here: a function from tensors to a tensor or a tuple of them, and a
# tensor or a tuple of them. Results have the form of both.
Function = Callable[..., Any]


def _tuple(op: str, what: str, given: Any) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether a tuple was given, and the tensors."""
    listed = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for place, x in enumerate(listed):
        if not isinstance(x, TensorBase):
            raise TypeError(f"[{op}] {what} {place} is a {type(x).__name__}: expected tensors")
    return isinstance(given, (tuple, list)), listed


def _inputs(op: str, given: Any, create_graph: bool) -> tuple[bool, tuple[Tensor, ...]]:
    """Inputs that gradients are computed for: with create_graph they keep their own history."""
    several, listed = _tuple(op, "input", given)
    if create_graph:
        return several, tuple(
            _core.ops.alias(x) if x.requires_grad else _core.detach(x).requires_grad_() for x in listed
        )
    return several, tuple(_core.detach(x).requires_grad_() for x in listed)


def _outputs(op: str, func: Function, inputs: tuple[Tensor, ...], strict: bool) -> tuple[bool, tuple[Tensor, ...]]:
    several, listed = _tuple(op, "output", func(*inputs))
    for place, y in enumerate(listed):
        if strict and not y.requires_grad:
            raise RuntimeError(f"[{op}] output {place} is independent of the inputs, which strict mode does not allow")
    return several, listed


def _vectors(op: str, given: Any, like: tuple[Tensor, ...], what: str) -> tuple[Tensor, ...]:
    """The weights `v`, one for each tensor of `like`; they may be left out for a single number."""
    if given is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"[{op}] v may be left out only where the {what} is a single number: give it")
        return (_core.ops.full(1.0, like[0].dtype, like[0].shape),)
    _, listed = _tuple(op, "v", given)
    if len(listed) != len(like):
        raise RuntimeError(f"[{op}] v has {len(listed)} tensors, the {what} {len(like)}: expected one for each")
    for place, (v, x) in enumerate(zip(listed, like)):
        if v.shape != x.shape:
            raise RuntimeError(
                f"[{op}] v {place} has shape {tuple(v.shape)}, the {what} {tuple(x.shape)}: must be equal"
            )
    return listed


def _gradients(
    op: str,
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
    weights: tuple[Tensor, ...] | None,
    create_graph: bool,
    strict: bool,
) -> tuple[Tensor, ...]:
    """Gradients with zeros where nothing depends on an input; strict refuses that."""
    pairs = [(y, None if weights is None else weights[k]) for k, y in enumerate(outputs) if y.requires_grad]
    if not pairs:
        return tuple(_core.ops.full(0.0, x.dtype, x.shape) for x in inputs)
    found: tuple[Any, ...] = grad(
        [y for y, _ in pairs], inputs, [w for _, w in pairs], True, create_graph, allow_unused=True
    )
    for place, gradient in enumerate(found):
        if strict and gradient is None:
            raise RuntimeError(f"[{op}] the outputs are independent of input {place}, which strict mode does not allow")
        if strict and create_graph and not gradient.requires_grad:
            raise RuntimeError(
                f"[{op}] the derivative is independent of input {place}: strict mode with create_graph forbids that"
            )
    return tuple(_core.ops.full(0.0, x.dtype, x.shape) if g is None else g for g, x in zip(found, inputs))


def _given_back(several: bool, tensors: tuple[Tensor, ...], create_graph: bool) -> Any:
    listed = tensors if create_graph else tuple(_core.detach(x) if x.requires_grad else x for x in tensors)
    return listed if several else listed[0]


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Multiply a vector with the Jacobian of a function.

    Args:
        func: from tensors to a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: of the form of the outputs; may be left out for a single number.
        create_graph: make the results differentiable.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    Returns:
        The outputs, and the product in the form of the inputs.

    Raises:
        RuntimeError: v does not fit, or strict mode found an independent input.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.functional.vjp(lambda x: x * x, pf.tensor([1.0, 2.0]), pf.ones(2))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        one, xs = _inputs("vjp", inputs, create_graph)
        many, ys = _outputs("vjp", func, xs, strict)
        weights = _vectors("vjp", v, ys, "output")
        found = _gradients("vjp", ys, xs, weights, create_graph, strict)
    return _given_back(many, ys, create_graph), _given_back(one, found, create_graph)


def _push(
    op: str, ys: tuple[Tensor, ...], xs: tuple[Tensor, ...], v: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """Jacobian times vector by two backwards: the gradient w.r.t. w of the product of w with the Jacobian."""
    duals = tuple(_core.ops.full(0.0, y.dtype, y.shape).requires_grad_() for y in ys)
    pulled = _gradients(op, ys, xs, duals, True, strict)
    if not any(x.requires_grad for x in pulled):
        return tuple(_core.ops.full(0.0, y.dtype, y.shape) for y in ys)
    return _gradients(op, pulled, duals, v, create_graph, False)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Multiply the Jacobian of a function with a vector.

    Args:
        func: from tensors to a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: of the form of the inputs; may be left out for a single number.
        create_graph: make the results differentiable.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    Returns:
        The outputs, and the product in the form of the outputs.

    Raises:
        RuntimeError: v does not fit, or strict mode found an independent input.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.functional.jvp(lambda x: x * x, pf.tensor([1.0, 2.0]), pf.ones(2))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        _, xs = _inputs("jvp", inputs, create_graph)
        weights = _vectors("jvp", v, xs, "input")
        many, ys = _outputs("jvp", func, xs, strict)
        found = _push("jvp", ys, xs, weights, create_graph, strict)
    return _given_back(many, ys, create_graph), _given_back(many, found, create_graph)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Compute all derivatives of the outputs of a function.

    Args:
        func: from tensors to a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        create_graph: make the results differentiable.
        strict: raise where an output does not depend on an input, instead of giving zeros.
        vectorize: accepted; rows are graph nodes and are evaluated together either way.
        strategy: "reverse-mode", or "forward-mode", which makes columns in place of rows and needs `vectorize`.

    Returns:
        For each output and each input a tensor of their shapes joined; without the outer or inner tuple where the
        outputs or inputs are no tuple.

    Raises:
        RuntimeError: strict mode found an independent input.
        ValueError: the strategy is unknown.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.functional.jacobian(lambda x: x * x.sum(), pf.tensor([1.0, 2.0]))
        tensor([[4., 1.],
                [2., 5.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"[jacobian] strategy is {strategy!r}: expected 'reverse-mode' or 'forward-mode'")
    if strategy == "forward-mode" and (create_graph or not vectorize):
        raise NotImplementedError("[jacobian] forward-mode needs vectorize=True and create_graph=False, as in PyTorch")
    with enable_grad():
        one, xs = _inputs("jacobian", inputs, create_graph)
        many, ys = _outputs("jacobian", func, xs, strict)
        rows = [_columns(y, xs) if strategy == "forward-mode" else _rows(y, xs, create_graph, strict) for y in ys]
    found = [_given_back(one, row, create_graph) for row in rows]
    return tuple(found) if many else found[0]


def _rows(y: Tensor, xs: tuple[Tensor, ...], create_graph: bool, strict: bool) -> tuple[Tensor, ...]:
    flat = y.reshape(-1)
    rows = [_gradients("jacobian", (flat[k],), xs, None, create_graph, strict) for k in range(flat.numel())]
    return tuple(
        _core.ops.cat([row[place].reshape(1, -1) for row in rows], 0).reshape(*y.shape, *x.shape)
        if rows
        else _core.ops.full(0.0, x.dtype, (*y.shape, *x.shape))
        for place, x in enumerate(xs)
    )


def _columns(y: Tensor, xs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    made = []
    for place, x in enumerate(xs):
        columns = []
        for k in range(x.numel()):
            unit = (arange(x.numel()) == k).to(x.dtype).reshape(x.shape)
            vectors = tuple(unit if p == place else _core.ops.full(0.0, o.dtype, o.shape) for p, o in enumerate(xs))
            columns.append(_push("jacobian", (y,), xs, vectors, False, False)[0].reshape(-1, 1))
        empty = _core.ops.full(0.0, y.dtype, (*y.shape, *x.shape))
        made.append(_core.ops.cat(columns, 1).reshape(*y.shape, *x.shape) if columns else empty)
    return tuple(made)


def _scalar(op: str, func: Function) -> Function:
    def call(*xs: Tensor) -> Tensor:
        y = func(*xs)
        if not isinstance(y, TensorBase) or y.shape.numel() != 1:
            raise RuntimeError(f"[{op}] the function must return one tensor with a single element")
        scalar: Tensor = _core.ops.reshape(y, ())
        return scalar

    return call


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Compute all second derivatives of a function of one number.

    Args:
        func: from tensors to a tensor of one element.
        inputs: a tensor or a tuple of them.
        create_graph: make the results differentiable.
        strict: raise where a derivative does not depend on an input, instead of giving zeros.
        vectorize: accepted; see `jacobian`.
        outer_jacobian_strategy: "reverse-mode" or "forward-mode".

    Returns:
        A tensor of twice the input's shape; for a tuple of inputs, one for each pair of them.

    Raises:
        RuntimeError: the output is not a single number, or strict mode found an independent input.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.functional.hessian(lambda x: (x**3).sum(), pf.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    one = not isinstance(inputs, (tuple, list))
    scalar = _scalar("hessian", func)

    def slope(*xs: Tensor) -> Any:
        return jacobian(scalar, xs[0] if one else xs, create_graph=True, strict=strict)

    return jacobian(slope, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Multiply a vector with the Hessian of a function of one number.

    Args:
        func: from tensors to a tensor of one element.
        inputs: a tensor or a tuple of them.
        v: of the form of the inputs; may be left out for a single number.
        create_graph: make the results differentiable.
        strict: raise where a derivative does not depend on an input, instead of giving zeros.

    Returns:
        The output, and the product in the form of the inputs.

    Raises:
        RuntimeError: the output is not a single number, v does not fit, or strict mode found an independent input.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.functional.vhp(lambda x: (x**3).sum(), pf.tensor([1.0, 2.0]), pf.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    scalar = _scalar("vhp", func)
    with enable_grad():
        one, xs = _inputs("vhp", inputs, create_graph)
        weights = _vectors("vhp", v, xs, "input")
        _, ys = _outputs("vhp", scalar, xs, strict)
        slopes = _gradients("vhp", ys, xs, None, True, strict)
        found = _gradients("vhp", slopes, xs, weights, create_graph, strict)
    return _given_back(False, ys, create_graph), _given_back(one, found, create_graph)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Multiply the Hessian of a function of one number with a vector; the same as `vhp`, as it is symmetric.

    Args:
        func: from tensors to a tensor of one element.
        inputs: a tensor or a tuple of them.
        v: of the form of the inputs; may be left out for a single number.
        create_graph: make the results differentiable.
        strict: raise where a derivative does not depend on an input, instead of giving zeros.

    Returns:
        The output, and the product in the form of the inputs.

    Raises:
        RuntimeError: the output is not a single number, v does not fit, or strict mode found an independent input.

    Example:
        >>> import pyflame as pf
        >>> pf.autograd.functional.hvp(lambda x: (x**3).sum(), pf.tensor([1.0, 2.0]), pf.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    return vhp(func, inputs, v, create_graph, strict)
