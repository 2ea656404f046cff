"""Tensors of a model as NumPy arrays: sizes are checked against the bytes there are before anything is allocated."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .errors import InvalidOnnxModel

# What a sparse tensor may grow to when its zeros are written out.
MAX_DENSE = 2**28
# Elements smaller than a byte, which are packed.
BITS: dict[int, int] = {
    TensorProto.UINT4: 4,
    TensorProto.INT4: 4,
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.UINT2: 2,
    TensorProto.INT2: 2,
}
# The field that holds the elements when raw_data does not, and how many of its entries make one element.
FIELDS: dict[int, tuple[str, int]] = {
    TensorProto.FLOAT: ("float_data", 1),
    TensorProto.COMPLEX64: ("float_data", 2),
    TensorProto.DOUBLE: ("double_data", 1),
    TensorProto.COMPLEX128: ("double_data", 2),
    TensorProto.INT64: ("int64_data", 1),
    TensorProto.UINT32: ("uint64_data", 1),
    TensorProto.UINT64: ("uint64_data", 1),
    TensorProto.STRING: ("string_data", 1),
}


def type_name(data_type: int) -> str:
    """Return the ONNX name of an element type, such as "FLOAT16"."""
    known = {value: name for name, value in TensorProto.DataType.items()}
    return known.get(data_type, f"type {data_type}")


def array_of(tensor: onnx.TensorProto, folder: Path | None) -> np.ndarray[Any, Any]:
    """Return the values of a tensor, those of an external file included.

    Args:
        tensor: what a model holds.
        folder: where external files are looked for; None if there is no such place.

    Raises:
        InvalidOnnxModel: its sizes contradict its data, or it reaches outside the folder.

    Example:
        >>> import numpy as np, onnx
        >>> from pyflame.onnx.tensors import array_of
        >>> array_of(onnx.numpy_helper.from_array(np.arange(3), "x"), None)
        array([0, 1, 2])
    """
    where = f"[onnx] tensor {tensor.name!r}"
    dims = list(tensor.dims)
    if any(dim < 0 for dim in dims):
        raise InvalidOnnxModel(f"{where} has shape {dims}: sizes cannot be negative")
    count, kind = math.prod(dims), tensor.data_type
    if kind == TensorProto.UNDEFINED or kind not in TensorProto.DataType.values():
        raise InvalidOnnxModel(f"{where} has the element type {kind}, which is none")
    if tensor.data_location == TensorProto.EXTERNAL:
        data = external_bytes(tensor, folder)
        require(len(data) == byte_count(kind, count), where, dims, kind, f"{len(data):,} bytes")
        return from_bytes(tensor, data)
    if tensor.HasField("raw_data"):
        require(len(tensor.raw_data) == byte_count(kind, count), where, dims, kind, f"{len(tensor.raw_data):,} bytes")
        if kind == TensorProto.STRING:
            raise InvalidOnnxModel(f"{where} keeps strings in raw_data: that is not allowed")
    else:
        field, entries = FIELDS.get(kind, ("int32_data", 1))
        held = len(getattr(tensor, field))
        wanted = -(-count * BITS[kind] // 8) if kind in BITS else count * entries
        require(held == wanted, where, dims, kind, f"{held:,} in {field}")
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError) as error:
        raise InvalidOnnxModel(f"{where} cannot be read: {error}") from error


def byte_count(kind: int, count: int) -> int:
    """Bytes of `count` elements, packed as ONNX packs them."""
    if kind in BITS:
        return -(-count * BITS[kind] // 8)
    if kind == TensorProto.STRING:
        return 0
    return count * helper.tensor_dtype_to_np_dtype(kind).itemsize


def require(fits: bool, where: str, dims: list[int], kind: int, held: str) -> None:
    if not fits:
        raise InvalidOnnxModel(f"{where} has shape {dims} of {type_name(kind)} but {held}: the file is damaged")


def from_bytes(tensor: onnx.TensorProto, data: bytes) -> np.ndarray[Any, Any]:
    """Read the elements of a tensor whose bytes came from an external file."""
    inline = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, raw_data=data)
    return numpy_helper.to_array(inline)


def external_bytes(tensor: onnx.TensorProto, folder: Path | None) -> bytes:
    """Read the bytes of a tensor from the file beside the model that it names."""
    where = f"[onnx] tensor {tensor.name!r}"
    if folder is None:
        raise InvalidOnnxModel(f"{where} lies in an external file, but the model came from memory: give its path")
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = external_path(entries.get("location", ""), folder, where)
    try:
        offset = int(entries.get("offset", 0))
        size = os.stat(path).st_size
        length = int(entries["length"]) if "length" in entries else size - offset
    except ValueError:
        raise InvalidOnnxModel(f"{where}: offset or length of its external data is not a number") from None
    except OSError as error:
        raise InvalidOnnxModel(f"{where}: {path.name} cannot be read: {error.strerror}") from error
    if offset < 0 or length < 0 or offset + length > size:
        raise InvalidOnnxModel(f"{where} wants bytes {offset} to {offset + length} of {path.name}, which has {size}")
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def external_path(location: str, folder: Path, where: str) -> Path:
    """Return the file that a location names, which must lie in the model's folder."""
    named = Path(location)
    inside = location and "\\" not in location and "\0" not in location and not named.is_absolute()
    if not inside or ".." in named.parts:
        raise InvalidOnnxModel(f"{where}: external data in {location!r} are not below the model's folder: refused")
    path = folder / named
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(os.path.realpath(folder)) or not real.is_file():
        raise InvalidOnnxModel(f"{where}: external data in {location!r} are no file in the model's folder: refused")
    return path


def dense_of(sparse: onnx.SparseTensorProto, folder: Path | None) -> np.ndarray[Any, Any]:
    """Return a sparse tensor with all its zeros.

    Raises:
        InvalidOnnxModel: its indices do not fit, or it is too large to be written out.
    """
    where = f"[onnx] sparse tensor {sparse.values.name!r}"
    shape, values, indices = list(sparse.dims), array_of(sparse.values, folder), array_of(sparse.indices, folder)
    size = math.prod(shape)
    if any(dim < 0 for dim in shape) or size > MAX_DENSE:
        raise InvalidOnnxModel(f"{where} has shape {shape}: with its zeros it would have {size:,} elements")
    if values.ndim != 1 or indices.dtype != np.int64:
        raise InvalidOnnxModel(f"{where}: values must be a vector, and indices of INT64")
    flat = indices
    if indices.ndim == 2 and indices.shape == (len(values), len(shape)):
        inside = bool(((indices >= 0) & (indices < np.array(shape))).all())
        flat = np.ravel_multi_index(tuple(indices.T), shape) if inside and len(values) else indices[:, 0] * 0 - 1
    if flat.shape != values.shape or (len(flat) and not 0 <= flat.min() <= flat.max() < size):
        raise InvalidOnnxModel(f"{where}: its indices do not fit shape {shape}")
    dense = np.zeros(size, values.dtype)
    dense[flat] = values
    return dense.reshape(shape)
