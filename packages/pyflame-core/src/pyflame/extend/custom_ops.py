"""Registering custom operations by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._journal import note
from ..ops.named import find, named_ops, put_back
from .declaration import CSLTemplateInfo, CustomOp
from .templates import check_template


def register_custom_op(
    name: str,
    forward_fn: Callable[..., Any],
    backward_fn: Callable[..., Any] | None = None,
    csl_template: str | Path | CSLTemplateInfo | None = None,
    *,
    shape_fn: Callable[..., Any] | None = None,
    dtype_fn: Callable[..., Any] | None = None,
    batch_fn: Callable[..., Any] | None = None,
    cost_fn: Callable[..., Any] | None = None,
    onnx: Mapping[str, Any] | None = None,
    num_outputs: int = 1,
    override: bool = False,
) -> CustomOp:
    """Declare an operation: a function of tensors under a name.

    All but the first two arguments may be left out; who needs a missing part raises an error that names it.

    Args:
        name: unique among all operations.
        forward_fn: from tensors, then options, to a tensor or a tuple of `num_outputs`.
        backward_fn: `backward_fn(*grads, *inputs, **options)` gives a gradient, or a tuple with one per input, None for
            none. Without it the forward function is differentiated through. With it, no gradient reaches tensors the
            forward function uses besides its arguments.
        csl_template: source of a CSL kernel, or a Path to it; checked at once where pyflame-csl is installed.
        shape_fn: `shape_fn(*shapes, **options)` gives the shape of the result, or `num_outputs` of them; compared with
            what the forward function makes in debug mode and by `check`.
        dtype_fn: the same for dtypes.
        batch_fn: `batch_fn(inputs, dims, **options)` gives results and their batch dimensions.
        cost_fn: `cost_fn(*shapes, **options)` gives (flops, bytes).
        onnx: {"export": converter, "import": converter}, read by pyflame-onnx.
        num_outputs: from 1 to 4.
        override: replace the custom operation of this name.

    Raises:
        ValueError: the name is taken.

    Example:
        >>> import pyflame as pf
        >>> swish = register_custom_op("doc_swish", lambda x: x * pf.sigmoid(x))
        >>> x = pf.tensor([0.0, 2.0], requires_grad=True)
        >>> swish(x).sum().backward()
        >>> x.grad
        tensor([0.5000, 1.0908])
        >>> unregister_custom_op("doc_swish")
    """
    template = None if csl_template is None else CSLTemplateInfo.read(csl_template)
    if template is not None:
        check_template(name, template)
    return CustomOp(
        name,
        forward_fn,
        backward_fn,
        template,
        shape_fn=shape_fn,
        dtype_fn=dtype_fn,
        batch_fn=batch_fn,
        cost_fn=cost_fn,
        onnx=onnx,
        num_outputs=num_outputs,
        override=override,
    )


def custom_op(
    name: str,
    backward_fn: Callable[..., Any] | None = None,
    csl_template: str | Path | CSLTemplateInfo | None = None,
    **parts: Any,
) -> Callable[[Callable[..., Any]], CustomOp]:
    """Declare the decorated function as an operation.

    Args:
        name: unique among all operations.
        backward_fn: see `register_custom_op`.
        csl_template: see `register_custom_op`.
        parts: further keywords of `register_custom_op`.

    Example:
        >>> import pyflame as pf
        >>> @custom_op("doc_double", backward_fn=lambda grad, x: grad * 2)
        ... def double(x):
        ...     return x * 2
        >>> double(pf.ones(2))
        tensor([2., 2.])
        >>> unregister_custom_op("doc_double")
    """
    return lambda forward_fn: register_custom_op(name, forward_fn, backward_fn, csl_template, **parts)


def get_custom_op(name: str) -> CustomOp:
    """The custom operation of a name.

    Args:
        name: as registered.

    Raises:
        KeyError: there is none.
    """
    op = find(name)
    if not isinstance(op, CustomOp):
        known = ", ".join(list_custom_ops()) or "none"
        raise KeyError(f"[get_custom_op] there is no custom op named {name!r}: registered are {known}")
    return op


def list_custom_ops() -> list[str]:
    """Names of all custom operations, in the order they were registered."""
    return [op.name for op in named_ops() if isinstance(op, CustomOp)]


def unregister_custom_op(name: str) -> None:
    """Free the name of a custom operation. What is already recorded can still be computed.

    Args:
        name: as registered.

    Raises:
        KeyError: there is none.
    """
    op = get_custom_op(name)
    op.remove()
    note(lambda: put_back(None, op))


def clear_custom_ops() -> None:
    """Free the names of all custom operations."""
    for name in list_custom_ops():
        unregister_custom_op(name)
