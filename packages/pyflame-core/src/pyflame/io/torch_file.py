"""PyTorch's zip files (.pt, .pth): a pickle that describes tensors, and one member for the bytes of each storage.

The pickle is read by a machine of our own with a table of what it may name; see pickle_machine.py. Neither PyTorch nor
Python's pickle is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._tensor import Tensor
from ..dtypes import DType
from ..parameter import Parameter
from .arrays import DTYPES, MAX_DIMS, as_tensor, byte_count, from_stored, storage_dtype
from .pickle_machine import Callee, Machine, Table
from .source import Source, is_size, opened_for_reading
from .zip import Member, read_bytes, read_members

if TYPE_CHECKING:
    import os
    from typing import IO

    from .._types import Array

_STORAGES = {"Bool": "bool", "Byte": "uint8", "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64",
             "Half": "float16", "BFloat16": "bfloat16", "Float": "float32", "Double": "float64"}  # fmt: skip
_UNTYPED = "UntypedStorage"


class Storage:
    """The bytes that tensors are windows on, in the byte order of this machine once `dtype` is known."""

    def __init__(self, raw: Array, dtype: DType | None) -> None:
        self.raw = raw
        self.dtype = dtype


def load_torch_checkpoint(path: str | os.PathLike[str] | IO[bytes]) -> Any:
    """Read what `torch.save` wrote, without PyTorch; nothing in the file is executed.

    Tensors of dtypes we have, parameters, dicts, lists, tuples, numbers and text are read; tensors that shared memory
    come back with the same values. A file with other objects, such as a whole module, is refused.

    Args:
        path: a zip file, as PyTorch writes since version 1.6, or a file object.

    Raises:
        SerializationError: the file is damaged, of another format, or holds something else.

    Example:
        >>> import io, zipfile
        >>> import pyflame as pf
        >>> file = io.BytesIO()
        >>> with zipfile.ZipFile(file, "w") as archive:
        ...     archive.writestr("archive/data.pkl", b"\\x80\\x02}X\\x05\\x00\\x00\\x00epochK\\x03s.")
        >>> pf.load_torch_checkpoint(io.BytesIO(file.getvalue()))
        {'epoch': 3}
    """
    with opened_for_reading(path) as source:
        return read(source)


def read(source: Source) -> Any:
    """See load_torch_checkpoint."""
    if source.read(0, min(source.size, 2), "the file") in (b"\x80\x02", b"\x80\x04"):
        raise source.refuse("a bare pickle, as PyTorch wrote before version 1.6: load and save it again with PyTorch")
    members = read_members(source)
    roots = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise source.refuse("a zip file without one data.pkl: PyTorch did not write it")
    root = roots[0]
    if f"{root}constants.pkl" in members:
        raise source.refuse("a TorchScript archive, which holds code: save its state_dict() with torch.save")
    pickle = read_bytes(source, members[f"{root}data.pkl"]).tobytes()
    storages = Storages(source, members, root)
    result = Machine(source, pickle, table(source), storages.find).run()
    check_result(source, result, 4 * len(pickle) + 1000)
    return result


class Storages:
    """The storages of a file, each read once."""

    def __init__(self, source: Source, members: dict[str, Member], root: str) -> None:
        self._source = source
        self._members = members
        self._root = root
        self._found: dict[tuple[str, str], Storage] = {}
        order = members.get(f"{root}byteorder")
        text = b"little" if order is None else read_bytes(source, order).tobytes()
        if text not in (b"little", b"big"):
            raise source.refuse(f"the byte order is {text[:20]!r}: expected little or big")
        self._swap = text == b"big"

    def find(self, id: Any) -> Storage:
        """The storage of ("storage", type, key, location, elements)."""
        if not isinstance(id, tuple) or len(id) != 5 or id[0] != "storage" or not isinstance(id[2], str):
            raise self._source.refuse("the pickle names a storage in a way that is not understood")
        _, kind, key, _, count = id
        if kind is not _UNTYPED and not isinstance(kind, DType):
            raise self._source.refuse(f"storage {key!r} has a type that has no counterpart here")
        name = kind.name if isinstance(kind, DType) else _UNTYPED
        if (key, name) not in self._found:
            self._found[key, name] = self._read(key, kind if isinstance(kind, DType) else None, count)
        return self._found[key, name]

    def _read(self, key: str, dtype: DType | None, count: Any) -> Storage:
        member = self._members.get(f"{self._root}data/{key}")
        size = dtype.itemsize if dtype else 1
        if member is None or not is_size(count) or member.size != count * size:
            raise self._source.refuse(f"storage {key!r} is missing or has not {count} elements of {size} bytes")
        raw = read_bytes(self._source, member)
        if self._swap and size > 1:
            self._source.spend(raw.size, f"storage {key!r}")
            raw = raw.view(f"u{size}").byteswap().view(np.uint8)
        if self._swap and dtype is None:
            raise self._source.refuse(f"storage {key!r} is untyped and of another byte order")
        return Storage(raw, dtype)


def table(source: Source) -> Table:
    """What a pickle may name."""

    def rebuild(
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any = False,
        hooks: Any = None,
        flags: Any = None,
    ) -> Tensor:
        return rebuild_tensor(source, storage, storage.dtype, (offset, size, stride), requires_grad, flags)

    def rebuild_untyped(
        storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, dtype: Any, flags: Any = None
    ) -> Tensor:
        return rebuild_tensor(source, storage, dtype, (offset, size, stride), requires_grad, flags)

    def parameter(data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Tensor:
        if not isinstance(data, Tensor):
            raise source.refuse("a parameter is made of something that is no tensor")
        return Parameter(data, differentiable(source, data.dtype, requires_grad))

    def from_type(callee: Any, kind: Any, args: Any, state: Any) -> Any:
        if not isinstance(callee, Callee) or kind != "tensor" or not isinstance(args, tuple):
            raise source.refuse("a tensor of a class of its own cannot be read")
        return callee.function(*args)

    # Nothing here copies an argument: a file could ask for it over and over.
    def ordered_dict() -> dict[Any, Any]:
        return {}

    def size(sizes: Any) -> tuple[Any, ...]:
        if not isinstance(sizes, tuple):
            raise TypeError("sizes are no tuple")
        return sizes

    def device(kind: Any, index: Any = None) -> str:
        return f"{kind[:20]}" if index is None else f"{kind[:20]}:{index:d}"

    calls: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): ordered_dict,
        ("torch", "Size"): size,
        ("torch", "device"): device,
        ("torch._utils", "_rebuild_tensor"): rebuild,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild,
        ("torch._utils", "_rebuild_tensor_v3"): rebuild_untyped,
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): parameter,
        ("torch._tensor", "_rebuild_from_type_v2"): from_type,
    }
    names: dict[tuple[str, str], Any] = {place: Callee(".".join(place), call) for place, call in calls.items()}
    names.update({("torch", f"{name}Storage"): DTYPES[dtype] for name, dtype in _STORAGES.items()})
    names.update({("torch", name): dtype for name, dtype in DTYPES.items()})
    names["torch.storage", _UNTYPED] = names["torch", _UNTYPED] = _UNTYPED
    names["torch", "Tensor"] = names["torch.nn.parameter", "Parameter"] = names["torch.nn.parameter", "Buffer"] = (
        "tensor"
    )
    return names


def differentiable(source: Source, dtype: DType, requires_grad: Any) -> bool:
    if not isinstance(requires_grad, bool) or (requires_grad and not dtype.is_floating_point):
        raise source.refuse(f"a tensor of dtype {dtype.name} has requires_grad={str(requires_grad)[:20]}")
    return requires_grad


def rebuild_tensor(
    source: Source, storage: Any, dtype: Any, window: tuple[Any, Any, Any], requires_grad: Any, flags: Any
) -> Tensor:
    offset, size, stride = window
    if not isinstance(storage, Storage) or not isinstance(dtype, DType) or flags:
        raise source.refuse("a tensor has no storage, or a dtype or form that has no counterpart here")
    if not all(isinstance(part, tuple) and len(part) <= MAX_DIMS for part in (size, stride)):
        raise source.refuse(f"a tensor has sizes and strides that are no tuples of at most {MAX_DIMS} numbers")
    if not all(map(is_size, (*size, *stride, offset))):
        raise source.refuse("a tensor has sizes, strides or an offset that are no numbers")
    what = f"a tensor of shape {size}"
    count = byte_count(source, dtype, size, what) // dtype.itemsize
    last = offset + sum((length - 1) * step for length, step in zip(size, stride)) if count else -1
    if len(size) != len(stride) or (last + 1) * dtype.itemsize > storage.raw.size:
        raise source.refuse(f"{what} with strides {stride} at {offset} reaches beyond its storage")
    if count == 0:
        raw = np.empty(0, np.uint8)
    elif is_contiguous(size, stride):
        raw = storage.raw[offset * dtype.itemsize : (offset + count) * dtype.itemsize]
    else:
        source.spend(count * dtype.itemsize, what)
        whole = storage.raw[: storage.raw.size // dtype.itemsize * dtype.itemsize].view(storage_dtype(dtype))
        steps = [step * dtype.itemsize for step in stride]
        strided = np.lib.stride_tricks.as_strided(whole[offset:], size, steps, writeable=False)
        raw = np.ascontiguousarray(strided).reshape(-1).view(np.uint8)
    if dtype.name == "bool":
        source.spend(count, what)  # its bytes are looked at, and other tensors may share them
    tensor = as_tensor(from_stored(source, raw, dtype, size, what), dtype)
    if differentiable(source, dtype, requires_grad):
        tensor.requires_grad = True
    return tensor


def is_contiguous(size: Sequence[int], stride: Sequence[int]) -> bool:
    lengths = [math.prod(size[k + 1 :]) for k in range(len(size))]
    return all(length == 1 or step == inner for length, step, inner in zip(size, stride, lengths))


def check_result(source: Source, result: Any, limit: int) -> None:
    """Refuse what only looks like data: values that contain themselves, or that walking through would take for ever."""
    waiting, seen = [result], 1
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list | tuple):
            seen += len(value)
            if seen > limit:
                raise source.refuse("the pickle describes values that contain themselves")
            waiting.extend(value.values() if isinstance(value, dict) else value)
        elif not isinstance(value, Tensor | DType | str | int | float | None):
            raise source.refuse(f"the pickle leaves a {type(value).__name__} among the values")
