"""Nested objects in .pf containers: the tree and what NumPy arrays cannot say goes into the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from .. import _core
from .._tensor import Tensor
from ..parameter import Parameter
from .arrays import Entry, as_tensor, entry_of
from .container import OPTIMIZER_STATE, Contents, Stored, read_array, read_contents, write as write_container
from .source import Source
from .tree import decode, encode


def write(obj: Any, file: IO[bytes], compress: bool, metadata: Mapping[str, Any] | None, kind: str = "object") -> None:
    """Write a nest of tensors and plain values.

    Args:
        obj: what is stored.
        file: written to.
        compress: see container.write.
        metadata: notes: a dict of plain values.
        kind: "object", or "checkpoint".
    """
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"[save] metadata is a {type(metadata).__name__}: expected a dict")
    placed = Placed()
    tree = encode("save", obj, placed.place)
    notes = encode("save", dict(metadata or {}), no_tensors)
    flags = OPTIMIZER_STATE if kind == "checkpoint" and obj["optimizer_state"] is not None else 0
    description = {"kind": kind, "producer": producer(), "tree": tree, "tensors": placed.extras, "notes": notes}
    write_container(file, placed.entries, description, compress=compress, flags=flags)


def producer() -> str:
    from importlib.metadata import version

    return f"pyflame-core {version('pyflame-core')}"


def no_tensors(path: str, tensor: Tensor) -> int:
    raise TypeError(f"[save] metadata {path} is a tensor: put it into the object")


class Placed:
    """Tensors on their way into a file; those with the same memory are stored once."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.extras: list[dict[str, Any]] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._names: set[str] = set()

    def place(self, path: str, tensor: Tensor) -> int:
        extra: dict[str, Any] = {}
        if tensor.layout is not None:
            extra["layout"] = tensor.layout.to_dict()
        if tensor.requires_grad:
            extra["requires_grad"] = True
        if isinstance(tensor, Parameter):
            extra["parameter"] = True
        memory = (_core.storage(tensor), tuple(_core.strides(tensor)), tuple(tensor.shape))
        key = (*memory, tensor.dtype, str(extra))
        if key in self._numbers:
            return self._numbers[key]
        name, count = path or "tensor", 1
        while name in self._names:
            count += 1
            name = f"{path}#{count}"
        self._names.add(name)
        self._numbers[key] = len(self.entries)
        self.entries.append(entry_of(name, tensor))
        self.extras.append(extra)
        return len(self.entries) - 1


def describe(source: Source, magic: bytes) -> tuple[list[Stored], dict[str, Any]]:
    """The tensors of a container and the notes of who wrote it."""
    contents = read_contents(source, magic)
    return contents.stored, read_notes(source, contents)


def read_notes(source: Source, contents: Contents) -> dict[str, Any]:
    def refuse(number: int) -> Tensor:
        raise source.refuse("the notes hold a tensor")

    notes = decode(source, contents.metadata.get("notes", {"dict": {}}), refuse, 0)
    if not isinstance(notes, dict):
        raise source.refuse("the notes are no dict")
    return notes


def read(source: Source, kind: str | None = None) -> Any:
    """The object of a container.

    Args:
        source: the file.
        kind: what it has to be, None for anything.

    Raises:
        SerializationError: the file is damaged, or of another kind.
    """
    contents = read_contents(source)
    found = contents.metadata.get("kind")
    if found not in ("object", "checkpoint") or kind not in (None, found):
        raise source.refuse(f"it holds a {str(found)[:40]}: expected {kind or 'object or checkpoint'}")
    extras = contents.metadata.get("tensors")
    if not isinstance(extras, list) or len(extras) != len(contents.stored):
        raise source.refuse("the metadata does not describe each tensor")
    arrays: dict[int, Any] = {}

    def tensor(number: int) -> Tensor:
        if number not in arrays:
            arrays[number] = read_array(source, contents, number)
        return restored(source, as_tensor(arrays[number], contents.stored[number].dtype), extras[number])

    return decode(source, contents.metadata.get("tree"), tensor, len(contents.stored))


def restored(source: Source, tensor: Tensor, extra: Any) -> Tensor:
    """A tensor with what its file says beside the values."""
    if not isinstance(extra, dict):
        raise source.refuse("the metadata describes a tensor by something that is no object")
    requires_grad = extra.get("requires_grad", False)
    if not isinstance(requires_grad, bool) or (requires_grad and not tensor.dtype.is_floating_point):
        raise source.refuse(f"a tensor of dtype {tensor.dtype.name} requires grad")
    if extra.get("layout") is not None:
        from ..layout import MeshLayout

        try:
            tensor = tensor.to(MeshLayout.from_dict(extra["layout"]))
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            raise source.refuse(f"the layout of a tensor cannot be read: {error}") from None
    if extra.get("parameter") is True:
        return Parameter(tensor, requires_grad)
    tensor.requires_grad = requires_grad
    return tensor
