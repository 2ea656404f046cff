"""Operations computed on the host: the kernel is a Python function of NumPy arrays.

A host op is a node like any other. It is recorded with a type, runs when its value is needed, is fused around, cached,
traced and exported under its name, and is differentiable if it has a `vjp`. It suits what needs a library (LAPACK
through NumPy) or an algorithm, not what ten lines of existing operations say. For use inside the package:

    def _infer(a):                       # types in, types out; raise here what is wrong with the call
        if a.shape[-1] != a.shape[-2]:
            raise RuntimeError(f"[inv] a has shape {a.shape}: expected square matrices")
        return a

    def _run(a):                         # read-only arrays in, array out
        return np.linalg.inv(a)

    def _vjp(grads, inputs, outputs, attrs):   # tensors in, tensors or None out
        y = outputs[0].mT
        return [-(y @ grads[0] @ y)]

    _inv = HostOp("inv", _run, _infer, _vjp)

The host op is then called like a function: `_inv(a)`. Attributes are keywords, in every function but `vjp`, which has
them as a dict. They may be None, bools, numbers, text, dtypes and tuples of these. They are part of the plan, so what
changes from call to call, such as a step size, should be an operand instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes, bfloat16
from .named import NO_ATTRS, NamedOp, packed, unpacked

if TYPE_CHECKING:
    from .._types import Array

_MAX_DIMS = 16
_BY_CODE = {dtype.code: dtype for dtype in all_dtypes}
_ARRAY_DTYPES = {dtype.code: np.dtype("float32" if dtype is bfloat16 else dtype.name) for dtype in all_dtypes}


class Spec(NamedTuple):
    """The type of an operand or result."""

    shape: tuple[int, ...]
    dtype: DType


class HostOp(NamedOp):
    """An operation whose kernel is a Python function.

    Args:
        name: unique among all operations; names the node in graphs, traces, profiles and errors.
        run: `run(*arrays, **attrs)` gives an array, or a tuple of `num_outputs`. The arrays are read-only copies;
            bfloat16 comes, and may be returned, as float32. It may be called from any thread, holding the GIL.
        infer: `infer(*specs, **attrs)` gives the type of the result, or a tuple of `num_outputs` types, as `Spec` or
            pairs (shape, dtype). It runs when the operation is called, so its errors are raised at the user's line.
        vjp: `vjp(grads, inputs, outputs, attrs)` gives a gradient, or None, for each input. All are tensors, so the
            result is differentiable again. `grads` has None for outputs without a gradient.
        num_outputs: from 1 to 4.
        category: family shown by `pyflame.ir`.

    Raises:
        ValueError: the name is taken.

    Example:
        >>> import numpy as np, pyflame as pf
        >>> def infer(x, *, power=2):
        ...     return x
        >>> cumulate = HostOp("doc_cumulate", lambda x, power=2: np.cumsum(x**power), infer)
        >>> cumulate(pf.tensor([1.0, 2.0, 3.0]), power=3)
        tensor([ 1.,  9., 36.])
        >>> cumulate.remove()
    """

    __slots__ = ("infer", "run", "vjp")

    def __init__(
        self,
        name: str,
        run: Callable[..., Any],
        infer: Callable[..., Any],
        vjp: Callable[..., Sequence[Tensor | None]] | None = None,
        num_outputs: int = 1,
        *,
        category: str = "custom",
    ) -> None:
        self.run = run
        self.infer = infer
        self.vjp = vjp
        self._enter(name, num_outputs, category)

    def __call__(self, *operands: Tensor, **attrs: Any) -> Any:
        """Record the operation; a tensor, or a tuple of `num_outputs` tensors."""
        for position, operand in enumerate(operands):
            if not isinstance(operand, Tensor):
                raise TypeError(f"[{self.name}] operand {position}: expected a Tensor, got {type(operand).__name__}")
        found = self.infer(*[Spec(tuple(operand.shape), operand.dtype) for operand in operands], **attrs)
        words: list[int] = []
        for shape, dtype in [found] if self.num_outputs == 1 else self._several(found, "infer"):
            if len(shape) > _MAX_DIMS or any(size < 0 for size in shape):
                raise RuntimeError(
                    f"[{self.name}] infer gave the shape {tuple(shape)}: expected at most {_MAX_DIMS} sizes from 0 on"
                )
            words += (dtype.code, len(shape), *shape)
        return _core.host(self._number, operands, words, packed(self.name, attrs) if attrs else NO_ATTRS)

    @property
    def attrs(self) -> tuple[tuple[str, bool], ...]:
        """Names of the attributes `infer` takes, and whether each is required."""
        if self._declared is None:
            parameters = inspect.signature(self.infer).parameters.values()
            self._declared = tuple(
                (parameter.name, parameter.default is parameter.empty)
                for parameter in parameters
                if parameter.kind is parameter.KEYWORD_ONLY
            )
        return self._declared

    @property
    def differentiable(self) -> bool:
        """Whether there is a `vjp`."""
        return self.vjp is not None

    # What the core calls.

    def _compute(
        self, arrays: tuple[Array, ...], data: bytes, types: tuple[tuple[tuple[int, ...], int], ...], line: int
    ) -> tuple[Array, ...]:
        try:
            made = self.run(*arrays, **dict(unpacked(data)))
            results = (made,) if self.num_outputs == 1 else self._several(made, "run")
            return tuple(
                self._checked(k, np.asarray(result), shape, _BY_CODE[code])
                for k, (result, (shape, code)) in enumerate(zip(results, types))
            )
        except BaseException as error:
            self._explain(error, line, "")
            raise

    def _checked(self, k: int, array: Array, shape: tuple[int, ...], dtype: DType) -> Array:
        if array.shape != shape or array.dtype != _ARRAY_DTYPES[dtype.code]:
            raise RuntimeError(
                f"[{self.name}] run gave {array.dtype.name} {array.shape} for output {k}, infer said {dtype.name} "
                f"{shape}: the two must agree"
            )
        return np.ascontiguousarray(array)

    def _pull_back(
        self,
        grads: tuple[Tensor | None, ...],
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        data: bytes,
        needed: list[bool],
        line: int,
    ) -> list[Tensor | None]:
        try:
            if self.vjp is None:
                raise NotImplementedError(
                    f"[backward] op {self.name} has no gradient: it was made without a vjp; detach its input or "
                    "keep it off the path to the loss"
                )
            found = list(self.vjp(grads, inputs, outputs, dict(unpacked(data))))
            return self._gradients(found, inputs, needed, "vjp")
        except BaseException as error:
            self._explain(error, line, "the gradient of ")
            raise
