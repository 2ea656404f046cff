"""Element types on both sides: PyFlame's and ONNX's."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

import pyflame as pf

ONNX_TYPES: dict[pf.DType, int] = {
    pf.bool: TensorProto.BOOL,
    pf.uint8: TensorProto.UINT8,
    pf.int8: TensorProto.INT8,
    pf.int16: TensorProto.INT16,
    pf.int32: TensorProto.INT32,
    pf.int64: TensorProto.INT64,
    pf.float16: TensorProto.FLOAT16,
    pf.bfloat16: TensorProto.BFLOAT16,
    pf.float32: TensorProto.FLOAT,
    pf.float64: TensorProto.DOUBLE,
}
# How the schemas of operators call them where it is not PyFlame's name.
_SCHEMA_NAMES = {"float32": "float", "float64": "double"}


def schema_type(dtype: pf.DType) -> str:
    """The type of a tensor as operator schemas write it: "tensor(float)"."""
    return f"tensor({_SCHEMA_NAMES.get(dtype.name, dtype.name)})"


def bytes_of(array: np.ndarray[Any, Any]) -> bytes:
    """The elements in the order and byte order of ONNX files."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def array_in(values: Any, dtype: pf.DType) -> np.ndarray[Any, Any]:
    """Values as an array of a dtype, bfloat16 as its bits."""
    if dtype is not pf.bfloat16:
        return np.asarray(values, dtype.to_numpy())
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return np.asarray((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)  # to the nearest, ties to even


def tensor_of(name: str, array: np.ndarray[Any, Any], dtype: pf.DType) -> onnx.TensorProto:
    """A tensor that holds its bytes itself."""
    return onnx.TensorProto(name=name, data_type=ONNX_TYPES[dtype], dims=array.shape, raw_data=bytes_of(array))
