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
import marshal
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes, bfloat16

if TYPE_CHECKING:
    from .._types import Array

MAX_OUTPUTS = 4
_MAX_DIMS = 16
_BY_CODE = {dtype.code: dtype for dtype in all_dtypes}
_BY_NAME = {dtype.name: dtype for dtype in all_dtypes}


class Spec(NamedTuple):
    """The type of an operand or result."""

    shape: tuple[int, ...]
    dtype: DType


class HostOp:
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

    __slots__ = ("_declared", "_number", "category", "infer", "name", "num_outputs", "run", "vjp")

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
        if not 1 <= num_outputs <= MAX_OUTPUTS:
            raise ValueError(f"[{name}] num_outputs is {num_outputs}: expected 1 to {MAX_OUTPUTS}")
        if name in _table or hasattr(_core.ops, name):
            raise ValueError(f"[{name}] an operation of this name exists: choose another name")
        self.name = name
        self.run = run
        self.infer = infer
        self.vjp = vjp
        self.num_outputs = num_outputs
        self.category = category
        self._declared: tuple[tuple[str, bool], ...] | None = None
        self._number = _core.add_host_op(self, name)
        _table[name] = self

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
        return _core.host(self._number, operands, words, _packed(self.name, attrs) if attrs else _NO_ATTRS)

    def remove(self) -> None:
        """Free the name. Tensors that are already recorded can still be computed."""
        if _table.get(self.name) is self:
            del _table[self.name]

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

    def __repr__(self) -> str:
        return f"<HostOp {self.name!r}>"

    def _several(self, items: Any, function: str) -> tuple[Any, ...]:
        if not isinstance(items, tuple | list) or len(items) != self.num_outputs:
            got = f"{len(items)}" if isinstance(items, tuple | list) else type(items).__name__
            raise RuntimeError(f"[{self.name}] {function} must give a tuple of {self.num_outputs}, got {got}")
        return tuple(items)

    # What the core calls.

    def _attributes(self, data: bytes) -> dict[str, Any]:
        return dict(_unpacked(data))

    def _compute(
        self, arrays: tuple[Array, ...], data: bytes, types: tuple[tuple[tuple[int, ...], int], ...], line: int
    ) -> tuple[Array, ...]:
        try:
            made = self.run(*arrays, **dict(_unpacked(data)))
            results = (made,) if self.num_outputs == 1 else self._several(made, "run")
            return tuple(
                self._checked(k, np.asarray(result), shape, _BY_CODE[code])
                for k, (result, (shape, code)) in enumerate(zip(results, types))
            )
        except BaseException as error:
            self._explain(error, line, "")
            raise

    def _checked(self, k: int, array: Array, shape: tuple[int, ...], dtype: DType) -> Array:
        expected = "float32" if dtype is bfloat16 else dtype.name
        if array.shape != shape or array.dtype.name != expected:
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
            found = list(self.vjp(grads, inputs, outputs, dict(_unpacked(data))))
            if len(found) != len(inputs):
                raise RuntimeError(f"[{self.name}] vjp gave {len(found)} gradients for {len(inputs)} inputs")
            return [
                self._gradient(i, gradient, like) if need and gradient is not None else None
                for i, (gradient, like, need) in enumerate(zip(found, inputs, needed))
            ]
        except BaseException as error:
            self._explain(error, line, "the gradient of ")
            raise

    def _gradient(self, i: int, gradient: Tensor, like: Tensor) -> Tensor:
        if not isinstance(gradient, Tensor):
            raise TypeError(
                f"[{self.name}] vjp gave {type(gradient).__name__} for input {i}: expected a Tensor or None"
            )
        if tuple(gradient.shape) != tuple(like.shape):
            raise RuntimeError(
                f"[{self.name}] vjp gave shape {tuple(gradient.shape)} for input {i} of shape {tuple(like.shape)}"
            )
        return gradient if gradient.dtype is like.dtype else _core.ops.cast(gradient, like.dtype)

    def _explain(self, error: BaseException, line: int, what: str) -> None:
        file, number, _ = _core.source_line(line)
        where = "" if file is None else f", called at {file}:{number}"
        error.add_note(f"in {what}op {self.name}{where}")


_table: dict[str, HostOp] = {}


def find(name: str) -> HostOp | None:
    """The host op of a name."""
    return _table.get(name)


def host_ops() -> tuple[HostOp, ...]:
    """All host ops, in the order they were made."""
    return tuple(_table.values())


# Attributes travel as bytes: equal values give equal bytes. A tuple is written as a list, a dtype as a tuple of its
# name.


def _plain(name: str, attr: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [_plain(name, attr, item) for item in value]
    if isinstance(value, DType):
        return (value.name,)
    raise TypeError(
        f"[{name}] {attr}: expected None, a bool, number, text, dtype or a tuple of these, got {type(value).__name__}"
    )


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item) for item in value)
    return _BY_NAME[value[0]] if isinstance(value, tuple) else value


def _packed(name: str, attrs: Mapping[str, Any]) -> bytes:
    # Version 0 has no references between equal objects, which would make bytes depend on identity.
    return marshal.dumps([(key, _plain(name, key, attrs[key])) for key in sorted(attrs)], 0)


_NO_ATTRS = marshal.dumps([], 0)


@lru_cache(maxsize=256)
def _unpacked(data: bytes) -> tuple[tuple[str, Any], ...]:
    return tuple((key, _restored(value)) for key, value in marshal.loads(data))
