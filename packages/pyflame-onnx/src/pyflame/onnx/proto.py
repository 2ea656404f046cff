"""Reading and writing ONNX files: what comes from outside is checked here, before anything trusts it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from .errors import InvalidOnnxModel
from .validate import validate

# Protobuf cannot hold more in one message.
PROTO_LIMIT = 2**31 - 1

Source = str | os.PathLike[str] | bytes | onnx.ModelProto


@dataclass(frozen=True)
class ModelFile:
    """A model as it was read, and where its external data lie.

    Attributes:
        proto: the model; tensors stored outside it are not loaded.
        folder: where external data are looked for; None for a model that came from memory.
        name: how messages call it.
    """

    proto: onnx.ModelProto
    folder: Path | None
    name: str

    @property
    def opsets(self) -> dict[str, int]:
        """Domain -> opset version; the standard domain is ""."""
        return {standard(entry.domain): entry.version for entry in self.proto.opset_import}


def standard(domain: str) -> str:
    """Return the short name of a domain: "ai.onnx" is ""."""
    return "" if domain == "ai.onnx" else domain


def read(source: Source) -> ModelFile:
    """Read and validate a model; tensors in external files are not loaded.

    Args:
        source: a path, the bytes of a file, or a model.

    Raises:
        InvalidOnnxModel: it is not a valid model.
        OSError: the file cannot be read.

    Example:
        >>> import onnx.parser
        >>> from pyflame.onnx import proto
        >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
        >>> proto.read(onnx.parser.parse_model(text)).opsets
        {'': 17}
    """
    folder: Path | None = None
    if isinstance(source, onnx.ModelProto):
        model, name = source, source.graph.name or "model"
    elif isinstance(source, bytes):
        model, name = parse(source, "bytes"), "bytes"
    else:
        path = Path(source)
        model, folder, name = parse(path.read_bytes(), path.name), path.parent, path.name
    found = ModelFile(model, folder, name)
    validate(model, name)
    return found


def parse(data: bytes, name: str) -> onnx.ModelProto:
    """Decode the bytes of a file."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise InvalidOnnxModel(f"[onnx] {name}: not an ONNX model ({error}): is the file complete?") from None
    return model


def write(model: onnx.ModelProto, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, whole or not at all.

    Args:
        model: the model; its tensors are part of the file.
        path: where to; an existing file is replaced.

    Raises:
        ValueError: it is beyond the 2 GB that one file can hold.
        OSError: the file cannot be written.

    Example:
        >>> import onnx.parser
        >>> from pyflame.onnx import proto
        >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
        >>> proto.write(onnx.parser.parse_model(text), "relu.onnx")
        >>> proto.read("relu.onnx").name
        'relu.onnx'
    """
    size = model.ByteSize()
    if size > PROTO_LIMIT:
        raise ValueError(f"[onnx] the model has {size:,} bytes, one file can hold {PROTO_LIMIT:,}: use external data")
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(model.SerializeToString())
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def current_umask() -> int:
    """The process's file mode mask, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
