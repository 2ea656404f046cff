"""Saving and loading in any format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any

from .atomic import opened_for_writing
from .formats import FORMATS, FileInfo, Format, format_by_name, format_by_suffix, format_of
from .source import opened_for_reading

PathOrFile = str | os.PathLike[str] | IO[bytes]


def save(
    obj: Any,
    path_or_file: PathOrFile,
    format: str = "auto",
    *,
    compress: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Save tensors to a file, atomically: a reader sees the old file or the complete new one.

    Args:
        obj: a module or anything else with a `state_dict()`, a tensor, or a nest of dicts, lists and tuples of tensors,
            numbers, text and None. `.safetensors` and `.npz` hold one dict of tensors.
        path_or_file: a path, or a binary file, which is written from where it stands.
        format: "pf", "safetensors" or "npz"; "auto" goes by the suffix.
        compress: make the file smaller, and slower to write and read; not for safetensors.
        metadata: notes to be stored beside; strings for safetensors.

    Raises:
        TypeError: the format cannot hold `obj` or `metadata`.
        ValueError: no format has this name or suffix.

    Example:
        >>> import tempfile
        >>> import pyflame as pf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pf.save({"x": pf.arange(3), "step": 5}, f"{folder}/x.pf")
        ...     pf.load(f"{folder}/x.pf")
        {'x': tensor([0, 1, 2]), 'step': 5}
    """
    chosen = writing_format(path_or_file, format)
    if not isinstance(obj, Mapping) and callable(getattr(obj, "state_dict", None)):
        obj = obj.state_dict()
    assert chosen.write is not None
    with opened_for_writing(path_or_file) as file:
        chosen.write(obj, file, compress, metadata)


def writing_format(path_or_file: Any, name: str) -> Format:
    known = ", ".join(name for name, format in FORMATS.items() if format.write)
    if name != "auto":
        found: Format | None = format_by_name("save", name)
    elif isinstance(path_or_file, str | os.PathLike):
        found = format_by_suffix(path_or_file)
        if found is None:
            raise ValueError(
                f"[save] {os.fspath(path_or_file)} has a suffix of no format: end it in .pf, .safetensors or .npz, or "
                f"give format, one of {known}"
            )
    else:
        raise ValueError(f"[save] a file object has no suffix: give format, one of {known}")
    assert found is not None
    if found.write is None:
        raise ValueError(f"[save] files of format {found.name} are read but not written: use one of {known}")
    return found


def load(
    path_or_file: PathOrFile,
    map_location: Any = None,
    *,
    format: str = "auto",
    mmap: bool = False,
    weights_only: bool = True,
) -> Any:
    """Load what was saved; nothing in a file is ever executed.

    Args:
        path_or_file: a path, or a binary file, which is read to its end.
        map_location: taken for the sake of PyTorch's habits; tensors live on "cpu".
        format: "pf", "safetensors", "npz" or "torch"; "auto" looks at the content, then at the suffix.
        mmap: let tensors be windows on the file, which is read when they are used; checksums are then not checked, and
            the file must not be written to in place. Replacing it, as `save` does, is fine.
        weights_only: True; there is no way to load anything else.

    Raises:
        SerializationError: the file is damaged, or not of its format.
        NotImplementedError: `weights_only=False`.
        FileNotFoundError: there is no such file.

    Example:
        >>> import io
        >>> import pyflame as pf
        >>> file = io.BytesIO()
        >>> pf.save([pf.ones(2), "two ones"], file, format="pf")
        >>> pf.load(io.BytesIO(file.getvalue()))
        [tensor([1., 1.]), 'two ones']
    """
    if not weights_only:
        raise NotImplementedError(
            "[load] weights_only=False would execute code from the file: only tensors and plain values are loaded"
        )
    check_location(map_location)
    with opened_for_reading(path_or_file, mmap) as source:
        chosen = format_of("load", source, path_or_file) if format == "auto" else format_by_name("load", format)
        return chosen.read(source)


def check_location(map_location: Any) -> None:
    """A name must be that of the CPU; tables and functions would send tensors there from elsewhere."""
    if map_location is not None and not isinstance(map_location, Mapping) and not callable(map_location):
        from .._device import device

        device(str(map_location))


def load_into(module: Any, path: PathOrFile, strict: bool = True) -> Any:
    """Load a file into a module.

    Args:
        module: whose `load_state_dict` is called.
        path: of a file that holds its state dict.
        strict: whether names must agree exactly.

    Returns:
        What `load_state_dict` returns: the missing and the unexpected names.

    Raises:
        RuntimeError: names or shapes do not fit.
        SerializationError: the file is damaged.

    Example:
        >>> import tempfile
        >>> import pyflame as pf
        >>> class Scale:
        ...     def load_state_dict(self, state, strict=True):
        ...         self.factor = state["factor"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pf.save({"factor": pf.tensor(2.0)}, f"{folder}/x.pf")
        ...     scale = Scale()
        ...     pf.load_into(scale, f"{folder}/x.pf")
        >>> scale.factor
        tensor(2.)
    """
    return module.load_state_dict(load(path), strict=strict)


def inspect_file(path: PathOrFile) -> FileInfo:
    """Tell what a file holds: names, shapes, dtypes and metadata, without reading the values.

    Args:
        path: of the file, or a file object.

    Raises:
        SerializationError: the file is damaged, or of no known format.

    Example:
        >>> import io
        >>> import pyflame as pf
        >>> file = io.BytesIO()
        >>> pf.save({"x": pf.ones(2, 3)}, file, format="safetensors", metadata={"by": "me"})
        >>> info = pf.inspect_file(io.BytesIO(file.getvalue()))
        >>> info.tensors["x"].shape, info.metadata
        ((2, 3), {'by': 'me'})
    """
    with opened_for_reading(path) as source:
        chosen = format_of("inspect_file", source, path)
        return FileInfo(chosen.name, source.size, *chosen.inspect(source))
