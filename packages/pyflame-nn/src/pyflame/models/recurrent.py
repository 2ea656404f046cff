"""Recurrent networks for texts: classifiers and a language model."""

from __future__ import annotations

from typing import Any, ClassVar

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn.utils.rnn import pack_padded_sequence


class RecurrentClassifier(nn.Module):
    """What the classifiers share; they differ in the kind of network."""

    kind: ClassVar[type[nn.LSTM] | type[nn.GRU]]

    def __init__(
        self,
        vocab_size: int = 10000,
        embedding_dim: int = 128,
        hidden_size: int = 128,
        num_classes: int = 2,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        padding_idx: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=padding_idx)
        between = dropout if num_layers > 1 else 0.0
        self.rnn = self.kind(
            embedding_dim, hidden_size, num_layers, batch_first=True, dropout=between, bidirectional=bidirectional
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden_size * (1 + bidirectional), num_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        words: Any = self.embedding(input_ids)
        if attention_mask is not None:
            lengths = self._lengths(input_ids, attention_mask)
            words = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        _, state = self.rnn(words)
        ends = state[0] if isinstance(state, tuple) else state  # an LSTM has cells beside
        last = ends[-2:] if self.rnn.bidirectional else ends[-1:]
        return self.classifier(self.dropout(pf.cat(list(last), -1)))

    def _lengths(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        op = type(self).__name__.lower()
        if tuple(mask.shape) != tuple(input_ids.shape):
            raise ValueError(f"[{op}] attention_mask has shape {tuple(mask.shape)}: expected {tuple(input_ids.shape)}")
        text = mask != 0
        if not text[:, 0].all() or (text[:, 1:] & ~text[:, :-1]).any():
            raise ValueError(f"[{op}] attention_mask: expected at least one 1 in each row, and all 0 after it")
        return text.to(pf.int64).sum(1)


class LSTMClassifier(RecurrentClassifier):
    """An LSTM that reads a text and classifies it by what it knows at the end.

    Args:
        vocab_size: number of words.
        embedding_dim: features of a word.
        hidden_size: features of the network, for each direction.
        num_classes: features of the output.
        num_layers: networks, one after the other.
        bidirectional: read backwards too.
        dropout: probability that a value between layers or before the classifier is dropped, in training.
        padding_idx: the word of padding, whose embedding stays zero.

    Called with (input_ids, attention_mask), both (batch, positions); the mask is 1 for text and 0 for the padding after
    it.

    Raises:
        ValueError: the mask has another shape, or padding before text.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.LSTMClassifier(9, 4, 8, num_classes=3)(pf.tensor([[1, 2, 3], [4, 5, 6]])).shape
        pyflame.Size([2, 3])
    """

    kind = nn.LSTM


class GRUClassifier(RecurrentClassifier):
    """A GRU that reads a text and classifies it by what it knows at the end; see `LSTMClassifier`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.GRUClassifier(9, 4, 8, num_classes=3)(pf.tensor([[1, 2, 3], [4, 5, 6]])).shape
        pyflame.Size([2, 3])
    """

    kind = nn.GRU


class LSTMLanguageModel(nn.Module):
    """An LSTM that tells the next word of a text.

    Args:
        vocab_size: number of words.
        embedding_dim: features of a word.
        hidden_size: features of the network.
        num_layers: networks, one after the other.
        dropout: probability that a value is dropped, in training.
        tie_weights: use one matrix for words that come and words that go; sizes must agree.

    Called with (input_ids, state), where the state is what a call before returned, or None; returns logits (batch,
    positions, words) and the state.

    Raises:
        ValueError: tied weights of different sizes.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.LSTMLanguageModel(9, 8, 8, tie_weights=True)
        >>> logits, state = model(pf.tensor([[1, 2, 3]]))
        >>> logits.shape, model(pf.tensor([[4]]), state)[0].shape
        (pyflame.Size([1, 3, 9]), pyflame.Size([1, 1, 9]))
    """

    def __init__(
        self,
        vocab_size: int = 10000,
        embedding_dim: int = 256,
        hidden_size: int = 256,
        num_layers: int = 2,
        dropout: float = 0.0,
        tie_weights: bool = False,
    ) -> None:
        super().__init__()
        if tie_weights and embedding_dim != hidden_size:
            raise ValueError(
                f"[lstm] embeddings of {embedding_dim} and {hidden_size} hidden features cannot share a matrix: make "
                f"them equal, or leave tie_weights"
            )
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        between = dropout if num_layers > 1 else 0.0
        self.rnn = nn.LSTM(embedding_dim, hidden_size, num_layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.decoder = nn.Linear(hidden_size, vocab_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.get_parameter("bias"))
        if tie_weights:
            self.decoder.weight = self.embedding.weight

    def forward(
        self, input_ids: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        words = self.dropout(self.embedding(input_ids))
        outputs, state = self.rnn(words, state)
        return self.decoder(self.dropout(outputs)), state
