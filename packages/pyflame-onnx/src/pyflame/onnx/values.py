"""What flows between the nodes of a model: tensors, arrays known on the host, and carried element types.

ONNX has element types that PyFlame has no dtype for. Their values travel in a dtype that can hold all of them, inside a
`Carried` that remembers the type: unsigned integers in the next wider signed one, small floats in float32.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from onnx import TensorProto, helper

import pyflame as pf
from pyflame import DType, Tensor

MAX_ELEMENTS = 2**33

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ElementType:
    """An element type of ONNX and how PyFlame holds it.

    Attributes:
        code: the number ONNX gives it.
        name: the name ONNX gives it.
        array: the dtype of its NumPy arrays.
        dtype: the dtype of its tensors.
        native: whether `dtype` is the type itself, not just wide enough for it.
    """

    code: int
    name: str
    array: np.dtype[Any]
    dtype: DType
    native: bool

    @property
    def bits(self) -> int:
        """Width of an integer type, from its name: "UINT4" has 4."""
        return int("".join(filter(str.isdigit, self.name)) or 0)


def _type(name: str, dtype: DType, native: bool = False) -> ElementType:
    code = int(getattr(TensorProto, name))
    return ElementType(code, name, helper.tensor_dtype_to_np_dtype(code), dtype, native)


TYPES = {
    kind.code: kind
    for kind in (
        *(_type(dtype.name.upper(), dtype, True) for dtype in (pf.int8, pf.int16, pf.int32, pf.int64, pf.uint8)),
        *(_type(name, dtype, True) for name, dtype in (("FLOAT16", pf.float16), ("BFLOAT16", pf.bfloat16))),
        *(_type(name, dtype, True) for name, dtype in (("FLOAT", pf.float32), ("DOUBLE", pf.float64))),
        _type("BOOL", pf.bool_, True),
        *(_type(name, dtype) for name, dtype in (("UINT16", pf.int32), ("UINT32", pf.int64), ("UINT64", pf.int64))),
        *(_type(name, pf.int8) for name in ("INT4", "INT2")),
        *(_type(name, pf.uint8) for name in ("UINT4", "UINT2")),
        *(_type(f"FLOAT8{name}", pf.float32) for name in ("E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ", "E8M0")),
        _type("FLOAT4E2M1", pf.float32),
    )
}
OF_DTYPE = {kind.dtype: kind for kind in TYPES.values() if kind.native}
OF_ARRAY = {kind.array: kind for kind in TYPES.values()}


def element_type(code: int) -> ElementType:
    """Return the element type with an ONNX number.

    Raises:
        NotImplementedError: tensors of strings or complex numbers, which PyFlame has not.
    """
    found = TYPES.get(code)
    if found is None:
        name = next((name for name, value in TensorProto.DataType.items() if value == code), str(code))
        raise NotImplementedError(f"[onnx] tensors of {name} cannot be imported: PyFlame has no such dtype")
    return found


@dataclass(frozen=True, eq=False)
class Carried:
    """A tensor of an element type that PyFlame has no dtype for.

    Attributes:
        tensor: its values, exactly.
        type: the type they have in the model.
    """

    tensor: Tensor
    type: ElementType

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)


Value: TypeAlias = "Tensor | Array | Carried | list[Any] | None"


def type_of(value: Tensor | Array | Carried) -> ElementType:
    """Return the element type a value has in the model."""
    if isinstance(value, Carried):
        return value.type
    if isinstance(value, np.ndarray):
        if value.dtype not in OF_ARRAY:
            raise NotImplementedError(f"[onnx] arrays of {value.dtype} cannot be imported: PyFlame has no such dtype")
        return OF_ARRAY[value.dtype]
    return OF_DTYPE[value.dtype]


def lift(array: Array) -> Tensor | Carried:
    """Return an array's values as a tensor."""
    kind = type_of(array)
    if kind.native and kind.dtype != pf.bfloat16:
        return pf.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    if kind.name == "UINT64":
        array = array.view(np.int64)
    wide = np.dtype(np.float32) if kind.dtype in (pf.bfloat16, pf.float32) else np.dtype(kind.dtype.to_numpy())
    tensor = pf.from_numpy(array.astype(wide))
    return pf.cast(tensor, pf.bfloat16) if kind.native else Carried(tensor, kind)


def carry(tensor: Tensor, kind: ElementType) -> Tensor | Carried:
    """Return a tensor of exact values as one of an element type."""
    return pf.cast(tensor, kind.dtype) if kind.native else Carried(pf.cast(tensor, kind.dtype), kind)


def to_array(value: Any) -> Any:
    """Return a value as NumPy arrays of the model's own element type; sequences become lists."""
    if isinstance(value, Tensor):
        array = value.detach().numpy()
        return array.astype(OF_DTYPE[pf.bfloat16].array) if value.dtype == pf.bfloat16 else array
    if isinstance(value, Carried):
        array = value.tensor.detach().numpy()
        return array.view(np.uint64) if value.type.name == "UINT64" else array.astype(value.type.array)
    if isinstance(value, (list, tuple)):
        return type(value)(map(to_array, value))
    return value


def carried(tensor: Tensor, kind: ElementType) -> Carried:
    """Return a tensor as one of a type without a dtype."""
    return Carried(tensor, kind)


def release(value: Value) -> Any:
    """Return a result as users see it: tensors, in the dtype that can hold them."""
    if isinstance(value, np.ndarray):
        value = lift(value)
    if isinstance(value, Carried):
        return value.tensor
    return [release(entry) for entry in value] if isinstance(value, list) else value


def first(result: Any) -> Any:
    """Return the first result of a node that may have several."""
    return result[0] if isinstance(result, (tuple, list)) and result else result


class Reads(threading.local):
    """Counts how often the host needed a value that depends on the inputs: such a run cannot be repeated blindly."""

    count = 0


reads = Reads()


def host(value: Any) -> Array:
    """Return a value on the host, computing it if need be."""
    if isinstance(value, np.ndarray):
        return value
    reads.count += 1
    array: Array = to_array(value)
    return array


def ints(value: Any) -> list[int]:
    """Return the elements of an integer tensor as Python numbers."""
    if isinstance(value, (list, tuple)):
        return [int(entry) for entry in value]
    return [int(entry) for entry in host(value).reshape(-1)]


def number(value: Any) -> Any:
    """Return the only element of a tensor as a Python number.

    Raises:
        ValueError: it has none, or several.
    """
    if isinstance(value, (bool, int, float)):
        return value
    array = host(value)
    if array.size != 1:
        raise ValueError(f"[onnx] a scalar is needed, there are {array.size} elements of shape {list(array.shape)}")
    return array.reshape(-1)[0].item()


def check_count(count: int, op: str) -> None:
    """Refuse to make more elements than any sensible model has: a file of a few bytes can ask for any number.

    Raises:
        ValueError: there would be too many.
    """
    if count > MAX_ELEMENTS:
        raise ValueError(f"[{op}] a result of {count:,} elements: more than {MAX_ELEMENTS:,} are refused")


def axis_of(axis: int, ndim: int, op: str) -> int:
    """Return an axis counted from the front.

    Raises:
        ValueError: there is no such axis.
    """
    if not -ndim <= axis < max(ndim, 1):
        raise ValueError(f"[{op}] axis {axis} of a tensor with {ndim} dimensions: it lies outside")
    return axis + ndim if axis < 0 else axis


def axes_of(axes: Sequence[int], ndim: int, op: str) -> list[int]:
    """Return axes counted from the front.

    Raises:
        ValueError: one of them does not exist, or comes twice.
    """
    found = [axis_of(int(axis), ndim, op) for axis in axes]
    if len(set(found)) != len(found):
        raise ValueError(f"[{op}] axes {list(axes)} of a tensor with {ndim} dimensions: one comes twice")
    return found
