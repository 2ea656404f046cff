"""Writing a model to files, whole or not at all, with its tensors inside or beside it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import onnx
from onnx import TensorProto

from ..proto import PROTO_LIMIT, current_umask, write
from .emitter import Initializer
from .model import Built
from .types import ONNX_TYPES, bytes_of, tensor_of

ALIGNMENT = 4096  # so that tensors can be mapped into memory
INLINE = 1024  # bytes up to which a tensor stays in the model
CHUNK = 1 << 24
HEADROOM = 1 << 20  # for nodes and names, below what one message can hold
THRESHOLD = PROTO_LIMIT - HEADROOM


def is_large(built: Built, threshold: int | None) -> bool:
    """Whether tensors lie in a file of their own.

    Args:
        built: the model.
        threshold: bytes of tensors beyond which they do; None for what one file cannot hold.
    """
    return built.bytes > (THRESHOLD if threshold is None else min(threshold, THRESHOLD))


def save_large(
    built: Built, path: str | os.PathLike[str], check: Callable[[Path], None] | None = None
) -> onnx.ModelProto:
    """Write a model and, beside it, a `.data` file of its tensors, which are not copied on the way.

    Args:
        built: the model.
        path: of the model.
        check: called with the path of the finished model before the files take their places.

    Returns:
        The model as written; tensors in the other file are named, not loaded.

    Raises:
        OSError: a file cannot be written; what was there before stays.
    """
    target = Path(path)
    model = onnx.ModelProto()
    model.CopyFrom(built.proto)
    data = target.with_name(f"{target.name}.data")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        with open(Path(folder, data.name), "wb") as file:
            for name, one in built.initializers.items():
                model.graph.initializer.append(stored(name, one, file, data.name))
        write(model, Path(folder, target.name))
        if check is not None:
            check(Path(folder, target.name))
        os.chmod(Path(folder, data.name), 0o666 & ~current_umask())
        os.replace(Path(folder, data.name), data)
        os.replace(Path(folder, target.name), target)
    return model


def stored(name: str, one: Initializer, file: IO[bytes], location: str) -> TensorProto:
    """Append a tensor to the file, unless it is small."""
    if one.array.nbytes <= INLINE:
        return tensor_of(name, one.array, one.dtype)
    offset = -(-file.tell() // ALIGNMENT) * ALIGNMENT
    file.seek(offset)
    flat = one.array.reshape(-1)
    step = max(CHUNK // flat.itemsize, 1)
    for start in range(0, flat.size, step):  # in pieces, so that nothing is held twice
        file.write(bytes_of(flat[start : start + step]))
    tensor = TensorProto(name=name, data_type=ONNX_TYPES[one.dtype], dims=one.array.shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", file.tell() - offset)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor
