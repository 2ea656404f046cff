"""The ten element types and what can be asked about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core

if TYPE_CHECKING:
    from ._tensor import Tensor
    from ._types import Number

# CSL names; a dtype without one cannot live on the wafer.
_CSL_NAMES = {
    "bool": "bool", "uint8": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "float16": "f16", "bfloat16": "bf16", "float32": "f32",
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class DType:
    """An element type: one of the ten `pyflame.<name>` constants.

    Example:
        >>> import pyflame as pf
        >>> pf.float32.itemsize, pf.int8.is_floating_point
        (4, False)
    """

    name: str
    code: int
    itemsize: int
    is_floating_point: bool
    is_signed: bool

    def __repr__(self) -> str:
        return f"pyflame.{self.name}"

    def __reduce__(self) -> str:
        return "bool_" if self.name == "bool" else self.name

    def to_numpy(self) -> np.dtype[Any]:
        """NumPy's dtype; bfloat16, which NumPy lacks, maps to float32."""
        return np.dtype(np.float32 if self.name == "bfloat16" else self.name)

    def to_csl(self) -> str:
        """The name of this type in CSL.

        Raises:
            TypeError: CSL has no such type (float64).
        """
        if self.name not in _CSL_NAMES:
            raise TypeError(f"[dtype] CSL has no type for {self.name}: convert to float32 first")
        return _CSL_NAMES[self.name]


bool_ = DType("bool", 0, 1, False, False)
uint8 = DType("uint8", 1, 1, False, False)
int8 = DType("int8", 2, 1, False, True)
int16 = DType("int16", 3, 2, False, True)
int32 = DType("int32", 4, 4, False, True)
int64 = DType("int64", 5, 8, False, True)
float16 = DType("float16", 6, 2, True, True)
bfloat16 = DType("bfloat16", 7, 2, True, True)
float32 = DType("float32", 8, 4, True, True)
float64 = DType("float64", 9, 8, True, True)

all_dtypes = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64)
_core.register_dtypes(list(all_dtypes))

_by_numpy = {dtype.to_numpy(): dtype for dtype in all_dtypes if dtype.name != "bfloat16"}


def from_numpy_dtype(op: str, dtype: np.dtype[Any]) -> DType:
    found = _by_numpy.get(dtype)
    if found is None:
        raise TypeError(f"[{op}] NumPy dtype {dtype} has no counterpart here: convert with astype() first")
    return found


def get_default_dtype() -> DType:
    """Return the dtype of Python floats, float32 unless changed.

    Example:
        >>> import pyflame as pf
        >>> pf.get_default_dtype()
        pyflame.float32
    """
    return all_dtypes[_core.default_dtype()]


def set_default_dtype(dtype: DType) -> None:
    """Set the dtype of Python floats and of integers divided by integers.

    Raises:
        TypeError: `dtype` is not floating-point.

    Example:
        >>> import pyflame as pf
        >>> pf.set_default_dtype(pf.float32)
    """
    if not isinstance(dtype, DType) or not dtype.is_floating_point:
        raise TypeError(f"[set_default_dtype] got {dtype!r}: expected a floating-point dtype such as pyflame.float32")
    _core.set_default_dtype(dtype.code)


def promote_types(a: DType, b: DType) -> DType:
    """Return the dtype that two tensors with dimensions are converted to when they meet.

    Example:
        >>> import pyflame as pf
        >>> pf.promote_types(pf.uint8, pf.int8)
        pyflame.int16
    """
    return all_dtypes[_core.promote_types(a.code, b.code)]


def _category(dtype: DType) -> int:
    return 2 if dtype.is_floating_point else 1 if dtype.code else 0


def result_type(*operands: Tensor | DType | Number) -> DType:
    """Return the dtype of an operation on these tensors, dtypes and numbers.

    Example:
        >>> import pyflame as pf
        >>> pf.result_type(pf.tensor([1], dtype=pf.int8), 2), pf.result_type(pf.tensor([1]), 2.0)
        (pyflame.int8, pyflame.float32)
    """
    if not operands:
        raise ValueError("[result_type] expected at least one operand")
    ranks: list[DType | None] = [None, None, None]  # with dimensions, 0-d, Python numbers
    for operand in operands:
        if isinstance(operand, DType):
            rank, dtype = 0, operand
        elif isinstance(operand, _core.TensorBase):
            rank, dtype = (0 if operand.ndim else 1), operand.dtype
        else:
            kind = bool_ if isinstance(operand, (bool, np.bool)) else int64
            rank, dtype = 2, get_default_dtype() if isinstance(operand, (float, np.floating)) else kind
        known = ranks[rank]
        ranks[rank] = dtype if known is None else promote_types(known, dtype)
    result: DType | None = None
    for lower in ranks:
        if result is None or (lower is not None and _category(lower) > _category(result)):
            result = lower
    assert result is not None
    return result


def can_cast(source: DType, target: DType) -> bool:
    """Tell whether a conversion keeps the category or raises it: bool, integer, float.

    Example:
        >>> import pyflame as pf
        >>> pf.can_cast(pf.int64, pf.float16), pf.can_cast(pf.float32, pf.int64)
        (True, False)
    """
    return _category(source) <= _category(target)


def dtype_size(dtype: DType) -> int:
    """Return the bytes of one element.

    Example:
        >>> import pyflame as pf
        >>> pf.dtype_size(pf.float16)
        2
    """
    return dtype.itemsize


def dtype_name(dtype: DType) -> str:
    """Return the short name.

    Example:
        >>> import pyflame as pf
        >>> pf.dtype_name(pf.float16)
        'float16'
    """
    return dtype.name


def dtype_is_floating(dtype: DType) -> bool:
    """Tell whether the dtype holds floating-point numbers.

    Example:
        >>> import pyflame as pf
        >>> pf.dtype_is_floating(pf.float16)
        True
    """
    return dtype.is_floating_point


def dtype_to_csl(dtype: DType) -> str:
    """Return the name of the dtype in CSL.

    Raises:
        TypeError: CSL has no such type.

    Example:
        >>> import pyflame as pf
        >>> pf.dtype_to_csl(pf.float16)
        'f16'
    """
    return dtype.to_csl()


# name: bits of the significand after the point, largest exponent
_FLOATS = {"float16": (10, 15), "bfloat16": (7, 127), "float32": (23, 127), "float64": (52, 1023)}


class finfo:
    """Limits of a floating-point dtype.

    Args:
        dtype: None for the default dtype.

    Raises:
        TypeError: the dtype is not floating-point.

    Example:
        >>> import pyflame as pf
        >>> pf.finfo(pf.float16).max, pf.finfo(pf.bfloat16).eps
        (65504.0, 0.0078125)
    """

    def __init__(self, dtype: DType | None = None) -> None:
        dtype = dtype or get_default_dtype()
        if dtype.name not in _FLOATS:
            raise TypeError(f"[finfo] {dtype.name} is not floating-point: use iinfo")
        digits, exponent = _FLOATS[dtype.name]
        self.dtype = dtype.name
        self.bits = 8 * dtype.itemsize
        self.eps = 2.0**-digits
        self.max = (2.0 - self.eps) * 2.0**exponent
        self.min = -self.max
        self.smallest_normal = self.tiny = 2.0 ** (1 - exponent)
        self.resolution = 10.0 ** -int(digits * 0.30103)

    def __repr__(self) -> str:
        return f"finfo(eps={self.eps:g}, max={self.max:g}, min={self.min:g}, tiny={self.tiny:g}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer dtype.

    Raises:
        TypeError: the dtype is not an integer type.

    Example:
        >>> import pyflame as pf
        >>> pf.iinfo(pf.int8)
        iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, dtype: DType) -> None:
        if _category(dtype) != 1:
            raise TypeError(f"[iinfo] {dtype.name} is not an integer type: use finfo for floats")
        self.dtype = dtype.name
        self.bits = 8 * dtype.itemsize
        self.max = 2 ** (self.bits - dtype.is_signed) - 1
        self.min = -self.max - 1 if dtype.is_signed else 0

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
