"""Sequences of different lengths: padded into one tensor, or packed without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from pyflame import Tensor, as_tensor, cat, full, int64, stack, tensor


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Steps of several sequences, those at the same time next to each other and the longest sequence first.

    `pack_sequence` and `pack_padded_sequence` make them; recurrent networks take them.

    Attributes:
        data: (all steps, ...)
        batch_sizes: (steps of the longest,), how many sequences there still are at each time.
        sorted_indices: (batch,), which sequence stands where; None if they were sorted.
        unsorted_indices: (batch,), where each sequence stands.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> packed = rnn.pack_sequence([pf.tensor([1, 2, 3]), pf.tensor([4, 5])])
        >>> packed.data.tolist(), packed.batch_sizes.tolist()
        ([1, 4, 2, 5, 3], [2, 2, 1])
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if batch_sizes is None:
            raise AssertionError("[PackedSequence] batch_sizes are missing: pack_sequence() makes packed sequences")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert the data as `Tensor.to` does."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    def cpu(self) -> Self:
        """Return the sequences: they are in the memory of the CPU already."""
        return self

    def double(self) -> Self:
        """Convert the data to float64."""
        return self._replace(data=self.data.double())

    def float(self) -> Self:
        """Convert the data to float32."""
        return self._replace(data=self.data.float())

    def half(self) -> Self:
        """Convert the data to float16."""
        return self._replace(data=self.data.half())

    def long(self) -> Self:
        """Convert the data to int64."""
        return self._replace(data=self.data.long())

    @property
    def is_cuda(self) -> bool:
        """False: there is no CUDA."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return where each place of a permutation went; None stays None.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> rnn.invert_permutation(pf.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


def _lengths(op: str, lengths: Tensor | Sequence[int], batch: int, steps: int | None) -> list[int]:
    found = [int(length) for length in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    if len(found) != batch:
        raise RuntimeError(f"[{op}] {len(found)} lengths for a batch of {batch}: expected one each")
    if any(length <= 0 for length in found):
        raise RuntimeError(f"[{op}] lengths are {found}: expected positive numbers")
    if steps is not None and max(found, default=0) > steps:
        raise RuntimeError(f"[{op}] lengths are {found}: the sequences have {steps} steps")
    return found


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch.

    Args:
        input: (steps, batch, ...), or (batch, steps, ...) with `batch_first`.
        lengths: (batch,), how many steps of each sequence count.
        enforce_sorted: refuse lengths that rise; with False the sequences are sorted first.

    Raises:
        RuntimeError: a length is not positive, larger than there are steps, or out of order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> x = pf.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
        >>> packed = rnn.pack_padded_sequence(x, [2, 1, 3], batch_first=True, enforce_sorted=False)
        >>> packed.data.tolist(), packed.sorted_indices.tolist()
        ([4, 1, 3, 5, 2, 6], [2, 0, 1])
    """
    op = "pack_padded_sequence"
    if input.ndim < 2:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected steps and batch, at least")
    x = input.transpose(0, 1) if batch_first else input
    steps, batch = x.shape[:2]
    counts = _lengths(op, lengths, batch, steps)
    if not counts:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: there are no sequences")
    order = None
    if not enforce_sorted:
        places = sorted(range(batch), key=lambda place: -counts[place])
        order, counts = tensor(places, dtype=int64), [counts[place] for place in places]
        x = x.index_select(1, order)
    elif any(first < second for first, second in zip(counts, counts[1:])):
        raise RuntimeError(
            f"[{op}] lengths are {counts}: sort the sequences from long to short, or pass enforce_sorted=False"
        )
    sizes = [sum(count > step for count in counts) for step in range(counts[0])]
    flat = x.reshape(steps * batch, *x.shape[2:])
    chosen = [step * batch + place for step, size in enumerate(sizes) for place in range(size)]
    data = flat.index_select(0, tensor(chosen, dtype=int64))
    return PackedSequence(data, tensor(sizes, dtype=int64), order, None)


def _starts(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:step]) for step in range(len(sizes))]


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return packed sequences as a padded batch, in their original order, and their lengths.

    Args:
        batch_first: the batch is (batch, steps, ...) and not (steps, batch, ...).
        padding_value: stands where a sequence has ended.
        total_length: number of steps of the batch; those of the longest sequence if None.

    Raises:
        ValueError: `total_length` is less than the longest sequence.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> packed = rnn.pack_sequence([pf.tensor([4, 5]), pf.tensor([1, 2, 3])], enforce_sorted=False)
        >>> padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True)
        >>> padded.tolist(), lengths.tolist()
        ([[4, 5, 0], [1, 2, 3]], [2, 3])
    """
    sizes: list[int] = sequence.batch_sizes.tolist()
    steps, batch = len(sizes), sizes[0]
    if total_length is not None and total_length < steps:
        raise ValueError(
            f"[pad_packed_sequence] total_length is {total_length}: the longest sequence has {steps} steps"
        )
    data = sequence.data
    width = tuple(data.shape[1:])
    count = int(data.shape[0])
    ended = full((1, *width), padding_value, dtype=data.dtype)
    starts, lasting = _starts(sizes), steps if total_length is None else total_length
    chosen = [
        starts[step] + place if step < steps and place < sizes[step] else count
        for step in range(lasting)
        for place in range(batch)
    ]
    padded = cat([data, ended]).index_select(0, tensor(chosen, dtype=int64)).reshape(lasting, batch, *width)
    lengths = tensor([sum(size > place for size in sizes) for place in range(batch)], dtype=int64)
    if sequence.unsorted_indices is not None:
        padded, lengths = padded.index_select(1, sequence.unsorted_indices), lengths[sequence.unsorted_indices]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Tensor | Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Return sequences of different lengths as one padded tensor.

    Args:
        sequences: tensors (steps, ...) that agree in all sizes but the first.
        batch_first: the result is (batch, steps, ...) and not (steps, batch, ...).
        padding_value: stands where a sequence has no element.
        padding_side: "right" or "left".

    Raises:
        RuntimeError: there are no sequences, their sizes differ, or the side is unknown.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> rnn.pad_sequence([pf.tensor([1, 2, 3]), pf.tensor([4])], batch_first=True).tolist()
        [[1, 2, 3], [4, 0, 0]]
    """
    op = "pad_sequence"
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"[{op}] padding_side is {padding_side!r}: expected 'left' or 'right'")
    found = list(sequences)
    if not found:
        raise RuntimeError(f"[{op}] there are no sequences")
    if any(one.ndim == 0 or tuple(one.shape[1:]) != tuple(found[0].shape[1:]) for one in found):
        raise RuntimeError(f"[{op}] shapes {[tuple(one.shape) for one in found]} differ in more than the first size")
    steps = max(int(one.shape[0]) for one in found)
    padded = []
    for one in found:
        rest = full((steps - int(one.shape[0]), *one.shape[1:]), padding_value, dtype=one.dtype)
        padded.append(cat([one, rest] if padding_side == "right" else [rest, one]))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False
) -> list[Tensor]:
    """Return the sequences of a padded batch without their padding.

    Args:
        padded_sequences: (steps, batch, ...), or (batch, steps, ...) with `batch_first`.
        lengths: (batch,)

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> [x.tolist() for x in rnn.unpad_sequence(pf.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)]
        [[1, 2, 3], [4]]
    """
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    counts = as_tensor(lengths).tolist()
    if len(counts) != x.shape[0]:
        raise ValueError(f"[unpad_sequence] {len(counts)} lengths for a batch of {x.shape[0]}: expected one each")
    return [x[place, : int(count)] for place, count in enumerate(counts)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths.

    Args:
        sequences: tensors (steps, ...) that agree in all sizes but the first.
        enforce_sorted: refuse lengths that rise; with False the sequences are sorted first.

    Raises:
        RuntimeError: a sequence is empty or out of order, or their sizes differ.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> rnn.pack_sequence([pf.tensor([1, 2]), pf.tensor([3])]).data
        tensor([1, 3, 2])
    """
    lengths = [int(one.shape[0]) for one in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return packed sequences one by one, in their original order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn.utils import rnn
        >>> [x.tolist() for x in rnn.unpack_sequence(rnn.pack_sequence([pf.tensor([1, 2]), pf.tensor([3])]))]
        [[1, 2], [3]]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
