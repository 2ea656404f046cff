"""Parameters and buffers: the tensors a module owns, also those whose shape is not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from pyflame import DType, Parameter as Parameter, Tensor, empty


class Buffer(Tensor):
    """A tensor that a module registers as a buffer when it is assigned to an attribute.

    Args:
        data: the values; the buffer is another handle on the same tensor.
        persistent: whether the buffer is part of `state_dict()`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> class Scaled(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = nn.Buffer(pf.tensor(2.0))
        >>> list(Scaled().state_dict())
        ['scale']
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        self = super().__new__(cls, empty(0) if data is None else data)
        self.persistent = persistent
        return self


# What a tensor without a shape can do: belong to a module, change its dtype, be copied.
_POSSIBLE = frozenset(
    "data dtype device grad grad_fn is_cuda is_leaf is_parameter name requires_grad requires_grad_ layout materialize "
    "persistent is_evaluated".split()
)
_OPERATORS = (
    "add and floordiv iadd iand ifloordiv ilshift imod imul ior ipow irshift isub itruediv ixor lshift matmul mod mul "
    "or pow radd rand rfloordiv rlshift rmatmul rmod rmul ror rpow rrshift rshift rsub rtruediv rxor sub truediv xor "
    "eq ne lt le gt ge neg pos abs invert getitem setitem len iter contains bool float int index array"
)


def _refuse(name: str, error: type[Exception]) -> NoReturn:
    raise error(
        f"[{name}] the tensor has no shape yet: run a batch through its lazy module first, or call materialize(shape)"
    )


def _refusing(name: str) -> Any:
    return lambda self, *args: _refuse(name, ValueError)


class _Uninitialized(Tensor):
    """A tensor that gets its shape and values later; what needs them before is refused."""

    _later: ClassVar[type[Tensor]]

    def __getattribute__(self, name: str) -> Any:
        if name in _POSSIBLE or name.startswith("_"):
            return super().__getattribute__(name)
        return _refuse(name, RuntimeError if name == "shape" else ValueError)

    for _name in _OPERATORS.split():
        locals()[f"__{_name}__"] = _refusing(_name)
    del _name
    __hash__ = Tensor.__hash__

    def materialize(self, shape: Sequence[int], device: Any = None, dtype: DType | None = None) -> None:
        """Become an ordinary parameter or buffer, with arbitrary values.

        Args:
            shape: sizes of the dimensions.
            dtype: the one it was made with, if None.
        """
        value = empty(tuple(shape), dtype=self.dtype if dtype is None else dtype, device=device)
        self.__class__ = self._later  # type: ignore[assignment]
        self.data = value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        reduced: Any = self.__reduce__()
        memo[id(self)] = copied = reduced[0](*reduced[1])
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is not known yet; `materialize(shape)` turns it into a `Parameter`.

    Args:
        requires_grad: whether gradients are wanted.
        dtype: of the values to come; the default dtype if None.

    Raises:
        ValueError: it is used in a computation.
        RuntimeError: its shape is asked for.

    Example:
        >>> from pyflame import nn
        >>> weight = nn.UninitializedParameter()
        >>> weight.materialize((3, 2))
        >>> type(weight).__name__, weight.shape
        ('Parameter', pyflame.Size([3, 2]))
    """

    _later = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: DType | None = None) -> Any:
        return Parameter.__new__(cls, empty(0, dtype=dtype, device=device), requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        pass

    def __reduce__(self) -> Any:
        return UninitializedParameter, (self.requires_grad, None, self.dtype)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer whose shape is not known yet; `materialize(shape)` turns it into a `Buffer`.

    Args:
        dtype: of the values to come; the default dtype if None.
        persistent: whether the buffer is part of `state_dict()`.

    Raises:
        ValueError: it is used in a computation.
        RuntimeError: its shape is asked for.

    Example:
        >>> from pyflame import nn
        >>> mean = nn.UninitializedBuffer()
        >>> nn.parameter.is_lazy(mean)
        True
    """

    _later = Buffer

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: DType | None = None, persistent: bool = True
    ) -> Any:
        return Buffer.__new__(cls, empty(0, dtype=dtype, device=device), persistent=persistent)

    def __reduce__(self) -> Any:
        return UninitializedBuffer, (False, None, self.dtype, self.persistent)


def is_lazy(param: Any) -> bool:
    """Return whether a parameter or buffer has no shape yet."""
    return isinstance(param, _Uninitialized)
