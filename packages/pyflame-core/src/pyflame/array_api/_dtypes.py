"""What the standard says about dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import dtypes
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes, bool_, float32, float64, promote_types, uint8

_STANDARD = [dtype for dtype in all_dtypes if dtype.name not in ("float16", "bfloat16")]
_KINDS = {
    "bool": (bool_,),
    "signed integer": tuple(d for d in _STANDARD if not d.is_floating_point and d not in (bool_, uint8)),
    "unsigned integer": (uint8,),
    "real floating": (float32, float64),
    "complex floating": (),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"]


def astype(x: Tensor, dtype: DType, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """Convert to a dtype.

    Args:
        copy: make a new array also where the dtype is that of `x`.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.astype(xp.asarray([1.5, 2.5]), xp.int64)
        tensor([1, 2])
    """
    if dtype is x.dtype:
        return x.clone() if copy else x
    return x.to(dtype)


def can_cast(from_: DType | Tensor, to: DType, /) -> bool:
    """Tell whether promotion may turn one dtype into another."""
    kind = from_.dtype if isinstance(from_, Tensor) else from_
    try:
        return promote_types(kind, to) is to
    except TypeError:
        return False


@dataclass(frozen=True)
class FloatLimits:
    """What `finfo` returns."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class IntegerLimits:
    """What `iinfo` returns."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: DType | Tensor, /) -> FloatLimits:
    """Return the limits of a floating-point dtype."""
    dtype = type.dtype if isinstance(type, Tensor) else type
    limits = dtypes.finfo(dtype)
    return FloatLimits(limits.bits, limits.eps, limits.max, limits.min, limits.tiny, dtype)


def iinfo(type: DType | Tensor, /) -> IntegerLimits:
    """Return the limits of an integer dtype."""
    dtype = type.dtype if isinstance(type, Tensor) else type
    limits = dtypes.iinfo(dtype)
    return IntegerLimits(limits.bits, limits.max, limits.min, dtype)


def isdtype(dtype: DType, kind: DType | str | tuple[DType | str, ...]) -> bool:
    """Tell whether a dtype is of a kind, such as "integral", or another dtype, or one of several.

    Raises:
        ValueError: there is no such kind.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.isdtype(xp.float32, "real floating")
        True
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"[isdtype] kind is {kind!r}: expected one of {', '.join(_KINDS)}")
        return dtype in _KINDS[kind]
    return dtype is kind


def result_type(*arrays_and_dtypes: Any) -> DType:
    """Return the dtype that arrays, dtypes and numbers promote to."""
    kinds = [item.dtype if isinstance(item, Tensor) else item for item in arrays_and_dtypes]
    found = [item for item in kinds if isinstance(item, DType)]
    if not found:
        raise ValueError("[result_type] expected at least one array or dtype")
    result = found[0]
    for dtype in found[1:]:
        result = promote_types(result, dtype)
    # Numbers only matter when they are of a higher kind.
    if any(isinstance(item, float) for item in kinds) and not result.is_floating_point:
        return dtypes.get_default_dtype()
    if result is bool_ and any(isinstance(item, int) and not isinstance(item, bool) for item in kinds):
        return dtypes.int64
    return result


class Info:
    """What this implementation of the standard offers."""

    def capabilities(self) -> dict[str, Any]:
        """Return the optional features there are."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 16}

    def default_device(self) -> Any:
        """Return where arrays live."""
        from .._device import CPU

        return CPU

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """Return the dtypes of Python numbers and of indices."""
        return {"real floating": dtypes.get_default_dtype(), "integral": dtypes.int64, "indexing": dtypes.int64}

    def devices(self) -> list[Any]:
        """Return all places where arrays may live."""
        return [self.default_device()]

    def dtypes(self, *, device: Any = None, kind: str | tuple[str, ...] | None = None) -> dict[str, DType]:
        """Return dtypes by name, all or those of a kind."""
        chosen = _STANDARD if kind is None else [dtype for dtype in _STANDARD if isdtype(dtype, kind)]
        return {dtype.name: dtype for dtype in chosen}


def __array_namespace_info__() -> Info:
    """Return an object to ask for dtypes, devices and capabilities.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.__array_namespace_info__().default_dtypes()["indexing"]
        pyflame.int64
    """
    return Info()
