"""The Tensor: a handle on a node of the lazy graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import _conversion, _core, _indexing, _inplace, _printing, _size as _size, autograd as _autograd
from ._device import CPU as _CPU, device as _device
from ._inplace_methods import InPlaceMethods
from ._layouts import layout_of as _layout_of, to_layout as _to_layout
from .autograd import hooks as _hooks
from .autograd.grad_fn import step_of as _step_of
from .ops.creation import as_tensor as as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._types import Array
    from .layout import MeshLayout

_alias = _core.ops.alias
_cat = _core.ops.cat
_detach_view = _core.detach_view
_permute = _core.ops.permute


@_core.methods_of_tensor
class Tensor(InPlaceMethods):
    """An n-dimensional array whose value is computed when somebody needs it.

    Tensors are made by `tensor`, `zeros`, `rand` and their kind, and by operations on tensors. Arithmetic, comparison
    and indexing work as in NumPy; `backward` fills `grad` of the leaves that require it.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    __slots__ = ()
    __module__ = "pyflame"
    __array_priority__ = 1000

    is_cuda = False
    is_parameter = False
    name: str | None = None

    @property
    def layout(self) -> MeshLayout | None:
        """The layout on the mesh, None if none is stated."""
        return _layout_of(self)

    @property
    def device(self) -> _device:
        """Where the tensor lives: always "cpu"."""
        return _CPU

    @property
    def T(self) -> Tensor:
        """The tensor with all dimensions in reverse order."""
        return _permute(self, (1, 0) if self.ndim == 2 else tuple(range(self.ndim))[::-1])

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two dimensions exchanged."""
        if self.ndim < 2:
            raise RuntimeError(f"[mT] x has {self.ndim} dimensions: expected at least 2")
        return self.transpose(-2, -1)

    @property
    def data(self) -> Tensor:
        """The same memory without history, and without checks: backward does not notice changes made through it.

        Assigning takes over the memory of another tensor; a leaf stays the leaf it was.
        """
        return _detach_view(self, False)

    @data.setter
    def data(self, value: Tensor) -> None:
        _inplace.set_data(self, value)

    @property
    def grad_fn(self) -> Any:
        """What computed the tensor, None for leaves."""
        return None if self.is_leaf else _step_of(_core.same_handle(self))

    @property
    def _version(self) -> int:
        """How often the memory has been changed in place."""
        return _core.version(self)

    @property
    def is_scalar(self) -> bool:
        """Whether the tensor is 0-d."""
        return self.ndim == 0

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.dtype.itemsize

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.shape.numel()

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return the distance of neighbours along each dimension, in elements of the memory that views share."""
        strides = tuple(_core.strides(self))
        return strides if dim is None else strides[dim]

    def storage_offset(self) -> int:
        """Return where a view starts in the memory it shares, in elements."""
        return _core.offset(self)

    def data_ptr(self) -> int:
        """Return the address of the first element; evaluates the tensor."""
        start, offset = _core.storage(self)
        return start + offset * self.dtype.itemsize

    def is_contiguous(self) -> bool:
        """Tell whether elements lie in memory in order, without gaps."""
        expected = 1
        for size, stride in zip(self.shape[::-1], _core.strides(self)[::-1]):
            if size != 1 and stride != expected and self.numel():
                return False
            expected *= size
        return True

    def contiguous(self) -> Tensor:
        """Return a tensor whose elements lie in memory in order: the tensor itself if it is one, else a copy."""
        return self if self.is_contiguous() else _cat([self], 0)

    def clone(self) -> Tensor:
        """Return a copy that shares no changes with this tensor; differentiable."""
        return _alias(self)

    def detach(self) -> Tensor:
        """Return the same memory without history: a change of one is seen in the other."""
        return _detach_view(self, True)

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """Return the tensor: it lives on "cpu", the only device.

        Raises:
            ValueError: another device, or a stream, is asked for.
        """
        if str(device) != "cpu" or stream is not None:
            raise ValueError(f"[to_device] device {device}, stream {stream}: tensors live on 'cpu', without streams")
        return self

    def cpu(self) -> Tensor:
        """Return the tensor: it lives there."""
        return self

    def to_layout(self, layout: MeshLayout | None) -> Tensor:
        """Place the same values in another way; see `pyflame.to_layout`."""
        return _to_layout(self, layout)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """Keep elements where the condition holds, else take `other`."""
        return _core.ops.where(condition, self, other)

    def eval(self) -> Tensor:
        """Compute the values now; return the tensor."""
        _core.eval(self)
        return self

    def is_evaluated(self) -> bool:
        """Tell whether the values have been computed."""
        return _core.is_evaluated(self)

    def is_floating_point(self) -> bool:
        """Tell whether the dtype is floating-point."""
        return self.dtype.is_floating_point

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to `.grad` of the leaves it comes from.

        Args:
            gradient: of the tensor's shape; may be left out for one element.
            retain_graph: keep the history for another call; None means `create_graph`.
            create_graph: make the gradients differentiable.
            inputs: only these receive gradients.

        Raises:
            RuntimeError: there is no history, it was freed, or `gradient` is needed.

        Example:
            >>> import pyflame as pf
            >>> x = pf.tensor(3.0, requires_grad=True)
            >>> (x * x).backward()
            >>> x.grad
            tensor(6.)
        """
        plain = gradient is None and inputs is None and not retain_graph and not create_graph
        if not plain or not _core.backward_of(self):
            _autograd.backward(self, gradient, retain_graph, create_graph, inputs)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether gradients are wanted; return the tensor."""
        self.requires_grad = requires_grad
        return self

    register_hook = _hooks.register_hook
    register_post_accumulate_grad_hook = _hooks.register_post_accumulate_grad_hook

    @property
    def retains_grad(self) -> bool:
        """Whether `backward` fills `grad` though the tensor is no leaf."""
        return _core.retains_grad(self)

    def is_inference(self) -> bool:
        """Tell whether the tensor was made in inference mode."""
        return _core.is_inference(self)

    def retain_grad(self) -> None:
        """Keep the gradient of a tensor that is no leaf."""
        _core.retain_grad(self)

    def zero_grad(self) -> None:
        """Set `grad` to None."""
        self.grad = None

    def __getitem__(self, index: Any) -> Tensor:
        return _indexing.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        _indexing.setitem(self, index, value)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("[len] a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("[iter] a 0-d tensor cannot be iterated over")
        return iter(self.unbind(0))

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, (_core.TensorBase, int, float)) and not hasattr(value, "__array__"):
            raise RuntimeError(f"[contains] tensors contain numbers, not {type(value).__name__}")
        return bool((self == value).any())

    def __float__(self) -> float:
        return float(self._one("float"))

    def __complex__(self) -> complex:
        return complex(self.item())

    def __int__(self) -> int:
        return int(self._one("int"))

    def _one(self, kind: str) -> Any:
        if self.ndim and self.numel() != 1:
            raise ValueError(f"[{kind}] x has shape {tuple(self.shape)}: only one element can become a Python number")
        return _core.item(self)

    def __index__(self) -> int:
        if self.dtype.is_floating_point:
            raise TypeError(f"[index] only integer tensors can be an index, this one is {self.dtype.name}")
        return int(self.item())

    def __repr__(self) -> str:
        return _printing.text(self)

    def __format__(self, spec: str) -> str:
        return _printing.formatted(self, spec)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return _conversion.as_array(self, dtype, copy)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return as_tensor(array)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from . import array_api

        return array_api

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        from ._dlpack import to_capsule

        return to_capsule(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # kDLCPU

    def __copy__(self) -> Tensor:
        return _conversion.shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return _conversion.deepcopy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _conversion.reduce(self)

    ndimension = dim
    nelement = numel
    realize = eval


def truth(x: Tensor) -> bool:
    """The answer of `bool(x)`, which the core asks for."""
    if x.ndim and x.numel() != 1:
        raise RuntimeError(
            f"[bool] x has shape {tuple(x.shape)}: only one element has a truth value; use any() or all()"
        )
    return bool(_core.item(x))
