"""Calls that all processes make together."""

from __future__ import annotations

import enum
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyflame import Tensor, as_tensor, bfloat16, float16, float32, load, no_grad, save

from .group import ProcessGroup, current, needed

Array = np.ndarray[Any, Any]
NOTE = 256  # bytes of what each process says that it does


class ReduceOp(enum.Enum):
    """How the values of the processes become one.

    Example:
        >>> from pyflame.distributed import ReduceOp
        >>> ReduceOp.SUM.name
        'SUM'
    """

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"


def agree(group: ProcessGroup, op: str, what: str) -> None:
    """Compare notes: a call that others do not make would hang, or mix up its data.

    Raises:
        RuntimeError: another process does something else.
    """
    own = np.frombuffer(f"{op} {what}".encode()[:NOTE].ljust(NOTE), np.uint8)
    all_notes = np.empty((group.size, NOTE), np.uint8)
    group.wait(op, [group.comm.Iallgather(own, all_notes)])
    for rank, note in enumerate(all_notes):
        if not np.array_equal(note, own):
            other = note.tobytes().rstrip().decode(errors="replace")
            raise RuntimeError(
                f"[{op}] the processes do not agree: rank {group.rank} calls {op} {what}, rank {rank} calls {other}"
            )


def on_host(tensor: Tensor) -> Array:
    """The values in a type that MPI knows."""
    wide = tensor.detach().to(float32) if tensor.dtype in (float16, bfloat16) else tensor
    return np.ascontiguousarray(wide.numpy(force=True))


def describe(tensor: Tensor) -> str:
    return f"{tensor.dtype.name} {tuple(tensor.shape)}"


def set_values(tensor: Tensor, values: Array) -> None:
    with no_grad():
        tensor.copy_(as_tensor(values.reshape(tuple(tensor.shape))).to(tensor.dtype))


def check_options(op: str, group: Any, async_op: bool) -> None:
    """Raise NotImplementedError for what PyTorch has and PyFlame has not."""
    if group is not None:
        raise NotImplementedError(f"[{op}] group: there is only the group of all processes")
    if async_op:
        raise NotImplementedError(f"[{op}] async_op: the call returns when it is done")


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> None:
    """Replace a tensor, in each process, by the sum (or another reduction) of all processes' tensors.

    16-bit floats are added in float32.

    Args:
        tensor: of the same shape and dtype in all processes.
        op: the reduction.
        group: None, all processes.
        async_op: False.

    Raises:
        TypeError: the dtype has no such reduction.
        RuntimeError: the processes do not agree, one has ended, or there is no process group.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import distributed
        >>> def mean_of(loss):  # in a program that mpirun has started
        ...     distributed.all_reduce(loss, distributed.ReduceOp.AVG)
        ...     return loss
    """
    check_options("all_reduce", group, async_op)
    own = needed("all_reduce")
    if tensor.dtype.name == "bool" or (op is ReduceOp.AVG and not tensor.dtype.is_floating_point):
        raise TypeError(f"[all_reduce] {op.name} of {tensor.dtype.name}: convert the tensor to float32 before")
    agree(own, "all_reduce", f"{op.name} {describe(tensor)}")
    set_values(tensor, reduced(own, "all_reduce", [on_host(tensor)], op)[0])


def reduced(group: ProcessGroup, name: str, arrays: Sequence[Array], op: ReduceOp) -> list[Array]:
    """The reductions of several arrays, sent at once."""
    results = [np.empty_like(array) for array in arrays]
    kind = getattr(group.mpi, "SUM" if op is ReduceOp.AVG else op.value)
    group.wait(name, [group.comm.Iallreduce(array, result, kind) for array, result in zip(arrays, results)])
    if op is ReduceOp.AVG:
        for result in results:
            result /= group.size
    return results


def broadcast(tensor: Tensor, src: int = 0, group: Any = None, async_op: bool = False) -> None:
    """Replace a tensor, in each process, by that of one process.

    Args:
        tensor: of the same shape and dtype in all processes.
        src: rank of the process whose values all get.
        group: None, all processes.
        async_op: False.

    Raises:
        ValueError: there is no such rank.
        RuntimeError: the processes do not agree, one has ended, or there is no process group.

    Example:
        >>> from pyflame import distributed
        >>> def same_start(weight):  # in a program that mpirun has started
        ...     distributed.broadcast(weight, src=0)
    """
    check_options("broadcast", group, async_op)
    own = needed("broadcast")
    if not 0 <= src < own.size:
        raise ValueError(f"[broadcast] src is {src}: there are ranks from 0 to {own.size - 1}")
    agree(own, "broadcast", f"from {src} {describe(tensor)}")
    broadcast_all(own, "broadcast", [tensor], src)


def broadcast_all(group: ProcessGroup, name: str, tensors: Sequence[Tensor], src: int = 0) -> None:
    """Replace several tensors by those of one process, in one message; shapes and dtypes are known to agree."""
    arrays = [on_host(tensor) for tensor in tensors]
    data = np.concatenate([array.reshape(-1).view(np.uint8) for array in arrays]) if arrays else np.empty(0, np.uint8)
    group.wait(name, [group.comm.Ibcast(data, src)])
    if group.rank == src:
        return
    start = 0
    for tensor, array in zip(tensors, arrays):
        set_values(tensor, data[start : start + array.nbytes].view(array.dtype))
        start += array.nbytes


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> None:
    """Put the tensors of all processes, by rank, into those of a list.

    Args:
        tensor_list: as many tensors as processes, of the shape and dtype of `tensor`.
        tensor: of the same shape and dtype in all processes.
        group: None, all processes.
        async_op: False.

    Raises:
        ValueError: the list is too short or too long, or its tensors are others.
        RuntimeError: the processes do not agree, one has ended, or there is no process group.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import distributed
        >>> def losses_of_all(loss):  # in a program that mpirun has started
        ...     found = [pf.zeros_like(loss) for _ in range(distributed.get_world_size())]
        ...     distributed.all_gather(found, loss)
        ...     return found
    """
    check_options("all_gather", group, async_op)
    own = needed("all_gather")
    if len(tensor_list) != own.size or any(describe(one) != describe(tensor) for one in tensor_list):
        raise ValueError(
            f"[all_gather] tensor_list holds {', '.join(map(describe, tensor_list)) or 'nothing'}: expected {own.size} "
            f"of {describe(tensor)}"
        )
    agree(own, "all_gather", describe(tensor))
    array = on_host(tensor)
    found = np.empty((own.size, *array.shape), array.dtype)
    mine, all_bytes = array.reshape(-1).view(np.uint8), found.reshape(own.size, -1).view(np.uint8)
    own.wait("all_gather", [own.comm.Iallgather(mine, all_bytes)])
    for one, values in zip(tensor_list, found):
        set_values(one, values)


def all_gather_bytes(data: bytes) -> list[bytes]:
    """Return the bytes of all processes, by rank; the lengths may differ.

    Example:
        >>> from pyflame import distributed
        >>> distributed.all_gather_bytes(b"alone")
        [b'alone']
    """
    group = current()
    if group is None or group.size == 1:
        return [data]
    agree(group, "all_gather_bytes", "")
    lengths = np.empty(group.size, np.int64)
    group.wait("all_gather_bytes", [group.comm.Iallgather(np.array([len(data)], np.int64), lengths)])
    found = np.empty(int(lengths.sum()), np.uint8)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    request = group.comm.Iallgatherv(
        np.frombuffer(data, np.uint8), [found, lengths.tolist(), starts.tolist(), group.mpi.BYTE]
    )
    group.wait("all_gather_bytes", [request])
    return [found[start : start + length].tobytes() for start, length in zip(starts.tolist(), lengths.tolist())]


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Put the objects of all processes, by rank, into a list.

    Objects travel as `pf.save` writes them, so receiving one runs no code.

    Args:
        object_list: as long as there are processes.
        obj: tensors, numbers, text, None, and dicts, lists and tuples of these.
        group: None, all processes.

    Raises:
        ValueError: the list is too short or too long.
        TypeError: something in the object cannot be stored.

    Example:
        >>> from pyflame import distributed
        >>> found = [None]
        >>> distributed.all_gather_object(found, {"rank": distributed.get_rank()})
        >>> found
        [{'rank': 0}]
    """
    check_options("all_gather_object", group, False)
    size = 1 if current() is None else needed("all_gather_object").size
    if len(object_list) != size:
        raise ValueError(f"[all_gather_object] object_list has length {len(object_list)}: expected {size}")
    file = io.BytesIO()
    save({"object": obj}, file, format="pf")
    for rank, data in enumerate(all_gather_bytes(file.getvalue())):
        object_list[rank] = load(io.BytesIO(data), format="pf")["object"]


def sum_over_ranks(values: Sequence[float]) -> list[float]:
    """Return the sums of numbers over all processes, which give the same count of them.

    Example:
        >>> from pyflame import distributed
        >>> distributed.sum_over_ranks([1.5, 2.0])
        [1.5, 2.0]
    """
    group = current()
    if group is None or group.size == 1:
        return list(values)
    agree(group, "sum_over_ranks", f"of {len(values)} numbers")
    found: list[float] = reduced(group, "sum_over_ranks", [np.array(values, np.float64)], ReduceOp.SUM)[0].tolist()
    return found


def barrier(group: Any = None, async_op: bool = False) -> None:
    """Wait until all processes have come here; without a process group, return at once.

    Example:
        >>> from pyflame import distributed
        >>> distributed.barrier()
    """
    check_options("barrier", group, async_op)
    own = current()
    if own is not None and own.size > 1:
        agree(own, "barrier", "")
