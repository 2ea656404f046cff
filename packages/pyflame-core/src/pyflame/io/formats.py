"""The file formats, one row each: how to write, read and describe it, and how to know it by its first bytes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from .._tensor import Tensor
from ..dtypes import DType
from . import bundle, npz, safetensors, torch_file
from .arrays import Entry, as_tensor, entry_of
from .container import GRAPH_MAGIC, MAGIC
from .source import Source, opened_for_reading
from .tree import inner
from .zip import read_members

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class TensorInfo:
    """What a file says about a tensor.

    Args:
        shape: sizes.
        dtype: element type.
        size_bytes: of the values, uncompressed.
    """

    shape: tuple[int, ...]
    dtype: DType
    size_bytes: int


@dataclass(frozen=True)
class FileInfo:
    """What a file holds, without its values.

    Args:
        format: name of the format.
        size_bytes: of the file.
        tensors: name -> shape, dtype and size.
        metadata: notes of who wrote it.
    """

    format: str
    size_bytes: int
    tensors: dict[str, TensorInfo]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A row of the table; what a format cannot do is None."""

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Any, IO[bytes], bool, Mapping[str, Any] | None], None] | None
    read: Callable[[Source], Any]
    inspect: Callable[[Source], tuple[dict[str, TensorInfo], dict[str, Any]]]


def flat_entries(obj: Any, format: str) -> list[Entry]:
    if not isinstance(obj, Mapping):
        raise TypeError(f"[save] obj is a {type(obj).__name__}: {format} holds a dict of tensors only; .pf holds more")
    for name, value in obj.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise TypeError(f"[save] {name!r} is a {type(value).__name__}: {format} holds tensors under strings only")
    return [entry_of(name, tensor) for name, tensor in obj.items()]


def write_safetensors(obj: Any, file: IO[bytes], compress: bool, metadata: Mapping[str, Any] | None) -> None:
    if compress:
        raise ValueError("[save] .safetensors files are never compressed: .pf and .npz can be")
    safetensors.write(file, flat_entries(obj, ".safetensors"), metadata)


def read_safetensors(source: Source) -> dict[str, Tensor]:
    stored, _ = safetensors.read_header(source)
    return {one.name: as_tensor(safetensors.read_array(source, one), one.dtype) for one in stored}


def write_npz(obj: Any, file: IO[bytes], compress: bool, metadata: Mapping[str, Any] | None) -> None:
    npz.write(file, flat_entries(obj, ".npz"), metadata, compress=compress)


def read_npz(source: Source) -> dict[str, Tensor]:
    stored, _ = npz.read_directory(source)
    return {one.name: as_tensor(npz.read_array(source, one), one.dtype) for one in stored}


def infos(stored: Any, metadata: Any) -> tuple[dict[str, TensorInfo], dict[str, Any]]:
    """Descriptions of rows that have name, dtype and shape."""
    rows = [(one.name, tuple(one.shape), one.dtype) for one in stored]
    return {name: TensorInfo(shape, dtype, math.prod(shape) * dtype.itemsize) for name, shape, dtype in rows}, metadata


def inspect_torch(source: Source) -> tuple[dict[str, TensorInfo], dict[str, Any]]:
    """The tensors of a PyTorch file stand in its pickle, so it is read; the rest of it counts as metadata."""
    tensors: dict[str, TensorInfo] = {}
    metadata: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, Tensor):
            size = value.numel() * value.dtype.itemsize
            tensors[path] = TensorInfo(tuple(value.shape), value.dtype, size)
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(item, inner(path, key))
        elif isinstance(value, list | tuple):
            for k, item in enumerate(value):
                walk(item, inner(path, k))
        else:
            metadata[path] = value

    walk(torch_file.read(source), "")
    return tensors, metadata


def read_graph(source: Source) -> Any:
    raise ValueError(f"[load] {source.name} holds a graph: use pyflame.Graph.load")


FORMATS = {
    format.name: format
    for format in (
        Format("pf", (".pf",), bundle.write, bundle.read, lambda source: infos(*bundle.describe(source, MAGIC))),
        Format(
            "safetensors",
            (".safetensors",),
            write_safetensors,
            read_safetensors,
            lambda source: infos(*safetensors.read_header(source)),
        ),
        Format("npz", (".npz",), write_npz, read_npz, lambda source: infos(*npz.read_directory(source))),
        Format("torch", (".pt", ".pth"), None, torch_file.read, inspect_torch),
        Format("graph", (), None, read_graph, lambda source: infos(*bundle.describe(source, GRAPH_MAGIC))),
    )
}


def format_by_name(op: str, name: str) -> Format:
    if name not in FORMATS:
        raise ValueError(f"[{op}] there is no format {name!r}: choose one of {', '.join(FORMATS)}")
    return FORMATS[name]


def format_by_suffix(path: str | os.PathLike[str]) -> Format | None:
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    return next((format for format in FORMATS.values() if suffix in format.suffixes), None)


def format_by_content(source: Source) -> Format | None:
    """The format that the first bytes belong to, None if to no known one."""
    start = source.read(0, min(source.size, 9), "the file")
    if start[:8] in (MAGIC, GRAPH_MAGIC):
        return FORMATS["pf" if start[:8] == MAGIC else "graph"]
    if start[:2] in (b"\x80\x02", b"\x80\x04"):
        return FORMATS["torch"]
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        names = read_members(source)
        return FORMATS["torch" if any(name.endswith("/data.pkl") for name in names) else "npz"]
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= source.size - 8:
        return FORMATS["safetensors"]
    return None


def format_of(op: str, source: Source, path_or_file: Any) -> Format:
    """The format of a file: by its content, or, where that tells nothing, by its suffix.

    Raises:
        ValueError: neither tells.
    """
    found = format_by_content(source)
    if found is None and isinstance(path_or_file, str | os.PathLike):
        found = format_by_suffix(path_or_file)
    if found is None:
        raise source.refuse("neither content nor suffix belong to a format that is known: " + ", ".join(FORMATS))
    return found


def detect_format(path: str | Path | IO[bytes]) -> str:
    """Tell the format of a file, by its content first and its suffix second.

    Args:
        path: of the file, or a file object.

    Returns:
        "pf", "safetensors", "npz", "torch" or "graph".

    Raises:
        SerializationError: it is of no known format.

    Example:
        >>> import io
        >>> import pyflame as pf
        >>> file = io.BytesIO()
        >>> pf.save(pf.ones(2), file, format="pf")
        >>> pf.detect_format(io.BytesIO(file.getvalue()))
        'pf'
    """
    with opened_for_reading(path) as source:
        return format_of("detect_format", source, path).name
