"""Tensors to and from other libraries by DLPack. NumPy does it, but for bfloat16, which NumPy lacks.

The bits of bfloat16 pass NumPy as uint16: the type in the capsule (DLTensor in dlpack.h) is rewritten on the way.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._conversion import as_array
from .dtypes import bfloat16

if TYPE_CHECKING:
    from ._tensor import Tensor
    from ._types import Array

_UINT, _BFLOAT = 1, 4  # DLDataTypeCode
_DTYPE = 8 + 8 + 4  # offset in DLTensor: after data, device and ndim
_DLTENSOR = {b"dltensor": 0, b"dltensor_versioned": 8 + 8 + 8 + 8}  # its offset in the capsule's struct


class _Dtype(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


def _dtype_of(capsule: Any) -> _Dtype:
    api = ctypes.pythonapi
    api.PyCapsule_IsValid.argtypes = api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    name = next((name for name in _DLTENSOR if api.PyCapsule_IsValid(capsule, name)), None)
    if name is None:
        raise BufferError("[dlpack] __dlpack__ returned no unused DLPack capsule")
    return _Dtype.from_address(api.PyCapsule_GetPointer(capsule, name) + _DLTENSOR[name] + _DTYPE)


class _Bits:
    """An array of another library whose bfloat16 values are offered as uint16."""

    def __init__(self, source: Any) -> None:
        self.source, self.rewritten = source, False

    def __dlpack_device__(self) -> Any:
        return self.source.__dlpack_device__()

    def __dlpack__(self, **options: Any) -> Any:
        capsule = self.source.__dlpack__(**options)
        dtype = _dtype_of(capsule)
        self.rewritten = (dtype.code, dtype.bits, dtype.lanes) == (_BFLOAT, 16, 1)
        if self.rewritten:
            dtype.code = _UINT
        return capsule


def to_capsule(
    x: Tensor,
    stream: Any,
    max_version: tuple[int, int] | None,
    dl_device: tuple[int, int] | None,
    copy: bool | None,
) -> Any:
    """A DLPack capsule of the values, for `__dlpack__`."""
    if stream is not None or dl_device not in (None, (1, 0)):
        raise BufferError(f"[dlpack] stream {stream}, device {dl_device}: tensors live on the CPU, without streams")
    is_bfloat16 = x.dtype is bfloat16
    array = _core.to_array(x) if is_bfloat16 and not x.requires_grad else as_array(x)
    array = array.copy() if copy else array
    capsule = array.__dlpack__() if max_version is None else array.__dlpack__(max_version=max_version)
    if is_bfloat16:
        _dtype_of(capsule).code = _BFLOAT
    return capsule


def read(source: Any) -> tuple[Array, bool]:
    """The values of an object with `__dlpack__`, and whether they are the bits of bfloat16."""
    bits = _Bits(source)
    return np.from_dlpack(bits), bits.rewritten
