"""Choosing precision by operation.

The lists are those of PyTorch's CPU autocast. Records carry theirs in the core, which converts inputs where the
operation is recorded; a conversion that is asked for twice is computed once, so no cache is needed. Composites that
need float32, the losses above all, say so with `float32_inputs`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _core
from .._autocast import OFF, converted, float32_inputs as float32_inputs
from ..dtypes import DType, all_dtypes, bfloat16, float16

F = TypeVar("F", bound=Callable[..., Any])


class autocast:
    """Compute in lower precision where that is safe, in a `with` block or a decorated function.

    Products (matmul, linear, convolutions, attention) convert floating-point operands to `dtype`; losses, norms of
    matrices, decompositions and a few others convert them to float32; everything else computes in what it gets.
    float64 operands stay as they are. Leave the backward pass outside of the block.

    Args:
        device_type: accepted and ignored; a dtype here is taken as `dtype`.
        dtype: bfloat16 or float16.
        enabled: False switches autocast off inside.
        cache_enabled: accepted and ignored.

    Example:
        >>> import pyflame as pf
        >>> a = pf.ones(2, 2)
        >>> with pf.autocast():
        ...     (a @ a).dtype, (a + a).dtype
        (pyflame.bfloat16, pyflame.float32)
    """

    def __init__(
        self,
        device_type: str | DType | None = None,
        dtype: DType | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if isinstance(device_type, DType):
            dtype = device_type
        self.dtype = bfloat16 if dtype is None else dtype
        if enabled and self.dtype not in (bfloat16, float16):
            warnings.warn(
                f"[autocast] dtype is {self.dtype.name}: only bfloat16 and float16 are available; autocast is disabled",
                stacklevel=2,
            )
            enabled = False
        self.enabled = bool(enabled)
        self._previous: list[int] = []

    def __enter__(self) -> autocast:
        self._previous.append(_core.set_autocast(self.dtype.code if self.enabled else OFF))
        return self

    def __exit__(self, *exc: object) -> None:
        _core.set_autocast(self._previous.pop())

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Tell whether autocast is on.

    Example:
        >>> import pyflame as pf
        >>> pf.amp.is_autocast_enabled()
        False
    """
    return _core.autocast_dtype() != OFF


def get_autocast_dtype(device_type: str | None = None) -> DType:
    """Return the dtype that autocast converts to; bfloat16 while it is off.

    Example:
        >>> import pyflame as pf
        >>> with pf.autocast(dtype=pf.float16):
        ...     pf.amp.get_autocast_dtype()
        pyflame.float16
    """
    code = _core.autocast_dtype()
    return bfloat16 if code == OFF else all_dtypes[code]


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str | None = None, cast_inputs: DType | None = None
) -> Any:
    """Decorate `forward` of an `autograd.Function` for use under autocast.

    Args:
        cast_inputs: convert floating-point arguments to this dtype and compute without autocast.

    Example:
        >>> import pyflame as pf
        >>> class Product(pf.autograd.Function):
        ...     @staticmethod
        ...     @pf.amp.custom_fwd(cast_inputs=pf.float32)
        ...     def forward(ctx, a, b):
        ...         return a @ b
        >>> with pf.autocast():
        ...     Product.apply(pf.ones(2, 2), pf.ones(2, 2)).dtype
        pyflame.float32
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        ctx._autocast = _core.autocast_dtype()
        if cast_inputs is None or ctx._autocast == OFF:
            return fwd(ctx, *args, **kwargs)
        ctx._autocast = OFF
        with autocast(enabled=False):
            return fwd(ctx, *converted(args, cast_inputs), **converted(kwargs, cast_inputs))

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str | None = None) -> Any:
    """Decorate `backward` of an `autograd.Function`: it runs under the autocast of its forward.

    Example:
        >>> import pyflame as pf
        >>> class Product(pf.autograd.Function):
        ...     @staticmethod
        ...     @pf.amp.custom_fwd
        ...     def forward(ctx, a, b):
        ...         ctx.save_for_backward(a, b)
        ...         return a @ b
        ...
        ...     @staticmethod
        ...     @pf.amp.custom_bwd
        ...     def backward(ctx, grad):
        ...         a, b = ctx.saved_tensors
        ...         return grad @ b.mT, a.mT @ grad
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        previous = _core.set_autocast(ctx._autocast)
        try:
            return bwd(ctx, *args, **kwargs)
        finally:
            _core.set_autocast(previous)

    return backward
