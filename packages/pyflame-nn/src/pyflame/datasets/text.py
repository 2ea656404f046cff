"""Data sets of texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyflame import Tensor, from_numpy

from ..data.dataset import Dataset, Indices
from ..data.transforms.text import Tokenize, Vocab
from .arrays import Function
from .folder import DatasetFolder


class TextDataset(Dataset[Any]):
    """Texts, with labels or without.

    An item is a text and its label, or the text alone.

    Args:
        source: a list of texts; a file with one in each line; or a folder with a folder of .txt files for each class.
        labels: one for each text of a list or file: numbers, or names that are numbered in the order of their letters.
        split: the part of a folder, such as "train" for `source/train`.
        transform: what is done to a text, such as `transforms.Tokenize()`.
        target_transform: what is done to a label.
        separator: of the label that begins each line of a file.

    Raises:
        ValueError: labels are missing, too many, or given twice.
        FileNotFoundError: there is no such file or folder.

    Example:
        >>> from pyflame.datasets import TextDataset
        >>> dataset = TextDataset(["so good", "too long"], labels=["pos", "neg"])
        >>> dataset[0], dataset.classes
        (('so good', 1), ['neg', 'pos'])
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Sequence[str],
        labels: Sequence[Any] | None = None,
        split: str | None = None,
        transform: Function = None,
        target_transform: Function = None,
        separator: str | None = None,
        encoding: str = "utf-8",
    ) -> None:
        self.transform, self.target_transform = transform, target_transform
        self.targets: list[Any] | None = None
        path = Path(source) / (split or "") if isinstance(source, str | os.PathLike) else None
        if path is not None and path.is_dir():
            if labels is not None or separator is not None:
                raise ValueError("[TextDataset] the labels of a folder are the names of its folders: leave out others")
            files = DatasetFolder(path, lambda name: Path(name).read_text(encoding), (".txt",))
            self.texts: list[str] = [files.loader(name) for name, _ in files.samples]
            self.targets, self.classes = files.targets, files.classes
            return
        if split is not None and path is not None:
            raise FileNotFoundError(f"[TextDataset] {path} is no folder")
        if split is not None:
            raise ValueError(f"[TextDataset] split is {split!r}: only a folder has splits")
        if isinstance(source, str | os.PathLike):
            self.texts = Path(source).read_text(encoding).splitlines()
        else:
            self.texts = list(source)
        if separator is not None:
            if labels is not None:
                raise ValueError("[TextDataset] labels are given twice: by separator and by labels")
            parts = [line.partition(separator) for line in self.texts]
            if (lacking := next((i for i, part in enumerate(parts) if not part[1]), None)) is not None:
                raise ValueError(f"[TextDataset] line {lacking + 1} has no {separator!r}")
            labels, self.texts = [part[0] for part in parts], [part[2] for part in parts]
        if labels is not None and len(labels) != len(self.texts):
            raise ValueError(f"[TextDataset] {len(self.texts)} texts and {len(labels)} labels")
        named = labels is not None and any(isinstance(label, str) for label in labels)
        self.classes = sorted(set(labels)) if named and labels is not None else []
        numbers = {name: number for number, name in enumerate(self.classes)}
        if labels is not None:
            self.targets = [numbers.get(label, label) for label in labels]

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Number of each class that has a name."""
        return {name: number for number, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Any:
        text: Any = self.texts[index]
        if self.transform is not None:
            text = self.transform(text)
        if self.targets is None:
            return text
        target = self.targets[index]
        return text, self.target_transform(target) if self.target_transform is not None else target


class LanguageModelingDataset(Dataset[tuple[Tensor, Tensor]]):
    """Pieces of one long text, and the same pieces one token later.

    Args:
        text: the whole of it.
        sequence_length: tokens of a piece.
        stride: tokens from the begin of a piece to that of the next, `sequence_length` if None.
        tokenizer: "characters", "whitespace", or a function from a text to a list of tokens.
        vocab: numbers of tokens; made of the tokens that occur, in their own order, if None.

    Raises:
        ValueError: the text is shorter than a piece and a token.

    Example:
        >>> from pyflame.datasets import LanguageModelingDataset
        >>> dataset = LanguageModelingDataset("abcabcab", sequence_length=3)
        >>> len(dataset), dataset[0], dataset.decode(dataset[1][1])
        (2, (tensor([0, 1, 2]), tensor([1, 2, 0])), 'bca')
    """

    def __init__(
        self,
        text: str,
        sequence_length: int,
        stride: int | None = None,
        tokenizer: str | Callable[[str], list[Any]] = "characters",
        vocab: Vocab | None = None,
    ) -> None:
        self.sequence_length = sequence_length
        self.stride = sequence_length if stride is None else stride
        if sequence_length < 1 or self.stride < 1:
            raise ValueError(
                f"[LanguageModelingDataset] sequence_length {sequence_length}, stride {stride}: must be positive"
            )
        self.tokenizer = Tokenize(tokenizer)
        tokens = self.tokenizer(text)
        if len(tokens) <= sequence_length:
            raise ValueError(
                f"[LanguageModelingDataset] the text has {len(tokens)} tokens: a piece and its next token are "
                f"{sequence_length + 1}"
            )
        self.vocab = vocab if vocab is not None else Vocab(sorted(set(tokens)))
        self._joint = "" if tokenizer == "characters" else " "
        self._tokens = np.array(self.vocab(tokens), np.int64)
        self._tokens.flags.writeable = False

    @property
    def tokens(self) -> Tensor:
        """The numbers of all tokens."""
        return from_numpy(self._tokens)

    def __len__(self) -> int:
        return (len(self._tokens) - 1 - self.sequence_length) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"[LanguageModelingDataset] index {index}: there are {len(self)} pieces")
        begin = index % len(self) * self.stride
        end = begin + self.sequence_length
        return from_numpy(self._tokens[begin:end]), from_numpy(self._tokens[begin + 1 : end + 1])

    def fetch(self, indices: Indices) -> list[Tensor]:
        """Return a batch of pieces and of what follows."""
        chosen = np.asarray(indices)
        if chosen.size and not -len(self) <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"[LanguageModelingDataset] items {chosen.min()} to {chosen.max()}: there are {len(self)}")
        places = (chosen % len(self) * self.stride)[:, None] + np.arange(self.sequence_length)
        return [from_numpy(self._tokens[places + shift], copy=False) for shift in (0, 1)]

    def encode(self, text: str) -> Tensor:
        """Return the numbers of a text's tokens."""
        return from_numpy(np.array(self.vocab(self.tokenizer(text)), np.int64))

    def decode(self, numbers: Any) -> str:
        """Return the text of numbers, tokens joined as the tokenizer parts them."""
        listed = numbers.tolist() if isinstance(numbers, Tensor) else numbers
        return self._joint.join(map(str, self.vocab.lookup_tokens(listed)))
