"""Embedding layers."""

from __future__ import annotations

from typing import Any, Self

from pyflame import DType, Tensor, empty, no_grad, ops, zeros

from . import functional as F, init
from .module import Module
from .parameter import Parameter


class Table(Module):
    """What embedding layers share: a table with a row for each id, drawn from the normal distribution."""

    weight: Parameter

    def _make(
        self,
        rows: int,
        columns: int,
        padding_idx: int | None,
        sparse: bool,
        weight: Tensor | None,
        device: Any,
        dtype: DType | None,
    ) -> None:
        op = type(self).__name__
        if sparse:
            raise NotImplementedError(f"[{op}] sparse=True: there are no sparse gradients; use sparse=False")
        if padding_idx is not None:
            if not -rows <= padding_idx < rows:
                raise AssertionError(f"[{op}] padding_idx is {padding_idx}: expected an id of the {rows}")
            padding_idx %= rows
        self.num_embeddings, self.embedding_dim, self.padding_idx, self.sparse = rows, columns, padding_idx, sparse
        if weight is not None:
            if tuple(weight.shape) != (rows, columns):
                raise AssertionError(f"[{op}] _weight has shape {tuple(weight.shape)}: expected {(rows, columns)}")
            self.weight = Parameter(weight)
        else:
            self.weight = Parameter(empty(rows, columns, device=device, dtype=dtype))
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw a new table; the row of the padding is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                values = self.weight.detach().clone()
                values[self.padding_idx] = zeros(self.embedding_dim, dtype=values.dtype)
                ops.assign(self.weight, values)


class Embedding(Table):
    """A table of vectors that is looked up by ids.

    Args:
        num_embeddings: number of rows.
        embedding_dim: size of a vector.
        padding_idx: an id whose vector starts as zero and gets no gradient.
        max_norm: vectors that are longer are shortened to it when they are looked up.
        norm_type: which norm measures the length.
        scale_grad_by_freq: divide the gradients by how often the id occurs in the input.

    Raises:
        AssertionError: `padding_idx` is no id.
        NotImplementedError: `sparse=True`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.Embedding(10, 3, padding_idx=0)(pf.tensor([[0, 2], [4, 0]])).shape
        pyflame.Size([2, 2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self._make(num_embeddings, embedding_dim, padding_idx, sparse, _weight, device, dtype)
        self.weight.requires_grad_(not _freeze)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Return a layer with this table, which is trained only if `freeze` is False."""
        if embeddings.ndim != 2:
            raise AssertionError(
                f"[{cls.__name__}] embeddings has shape {tuple(embeddings.shape)}: expected (rows, columns)"
            )
        rows, columns = embeddings.shape
        return cls(
            rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, _freeze=freeze
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        parts += [f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else []
        parts += [f"max_norm={self.max_norm}"] if self.max_norm is not None else []
        parts += [f"norm_type={self.norm_type}"] if self.norm_type != 2 else []
        parts += ["scale_grad_by_freq=True"] if self.scale_grad_by_freq else []
        return ", ".join(parts)


class EmbeddingBag(Table):
    """Sums, means or maxima of bags of vectors of a table.

    Args:
        num_embeddings: number of rows.
        embedding_dim: size of a vector.
        mode: "sum", "mean" or "max".
        include_last_offset: the offsets end with the size of the input.
        padding_idx: an id that counts for nothing.

    Called with (input, offsets, per_sample_weights), where offsets say where the bags of a one-dimensional input start.

    Raises:
        NotImplementedError: `sparse=True`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.EmbeddingBag(10, 3, mode="sum")
        >>> layer(pf.tensor([1, 2, 4, 5, 4]), pf.tensor([0, 2])).shape
        pyflame.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.include_last_offset = mode, include_last_offset
        self._make(num_embeddings, embedding_dim, padding_idx, sparse, _weight, device, dtype)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        parts += [f"max_norm={self.max_norm}"] if self.max_norm is not None else []
        parts += [f"norm_type={self.norm_type}"] if self.norm_type != 2 else []
        parts += ["scale_grad_by_freq=True"] if self.scale_grad_by_freq else []
        parts += [f"mode={self.mode!r}"]
        parts += [f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else []
        return ", ".join(parts)
