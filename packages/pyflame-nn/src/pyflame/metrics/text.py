"""Metrics of language models and of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyflame import Tensor

from .metric import Array, Metric, divide, to_array, to_tensor


class Perplexity(Metric):
    """The exponential of the mean negative log-probability of the target tokens.

    Args:
        ignore_index: a target that does not count.

    Updates take logits of shape (batch, tokens, vocabulary) and targets (batch, tokens).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import metrics
        >>> metrics.Perplexity()(pf.zeros(1, 3, 4), pf.tensor([[0, 1, 2]]))
        tensor(4.)
    """

    total: Array
    count: Array

    def __init__(self, ignore_index: int | None = None) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.add_state("total", np.zeros(()))
        self.add_state("count", np.zeros((), np.int64))

    def update(self, preds: Any, target: Any) -> None:
        logits, target = to_array(preds).astype(np.float64), to_array(target)
        if logits.shape[:-1] != target.shape:
            raise ValueError(f"[Perplexity] preds has shape {logits.shape}, target {target.shape}")
        logits, target = logits.reshape(-1, logits.shape[-1]), target.ravel()
        if self.ignore_index is not None:
            logits, target = logits[target != self.ignore_index], target[target != self.ignore_index]
        peak = logits.max(1, keepdims=True)
        sums = np.log(np.exp(logits - peak).sum(1)) + peak[:, 0]
        self.total = self.total + (sums - logits[np.arange(len(target)), target]).sum()
        self.count = self.count + len(target)

    def compute(self) -> Tensor:
        return to_tensor(np.exp(divide(self.total, self.count, "Perplexity")))


class BLEUScore(Metric):
    """How many runs of words of a translation occur in its references (Papineni et al., 2002).

    Args:
        n_gram: length of the longest run that counts.
        smooth: add one to the counts of runs of two or more words (Lin and Och, 2004).

    Updates take translations, and for each a list of references; words are separated by white space.

    Raises:
        ValueError: `n_gram` is not positive.

    Example:
        >>> from pyflame import metrics
        >>> metrics.BLEUScore(n_gram=2)(["the cat sat down"], [["the cat sat up", "a cat sat down"]])
        tensor(1.)
    """

    found: Array
    total: Array
    lengths: Array

    def __init__(self, n_gram: int = 4, smooth: bool = False) -> None:
        super().__init__()
        if n_gram < 1:
            raise ValueError(f"[BLEUScore] n_gram is {n_gram}: expected a positive number")
        self.n_gram, self.smooth = n_gram, smooth
        self.add_state("found", np.zeros(n_gram))
        self.add_state("total", np.zeros(n_gram))
        self.add_state("lengths", np.zeros(2))

    def update(self, preds: str | Sequence[str], target: Sequence[str | Sequence[str]]) -> None:
        preds = [preds] if isinstance(preds, str) else preds
        if len(preds) != len(target):
            raise ValueError(f"[BLEUScore] {len(preds)} translations for {len(target)} lists of references")
        found, total, lengths = self.found.copy(), self.total.copy(), self.lengths.copy()
        for text, wanted in zip(preds, target):
            words = text.split()
            references = [one.split() for one in ([wanted] if isinstance(wanted, str) else wanted)]
            lengths += len(words), min((abs(len(one) - len(words)), len(one)) for one in references)[1]
            for size in range(1, self.n_gram + 1):
                own, known = runs(words, size), Counter[tuple[str, ...]]()
                for one in references:
                    known |= runs(one, size)
                found[size - 1] += (own & known).total()
                total[size - 1] += own.total()
        self.found, self.total, self.lengths = found, total, lengths

    def compute(self) -> Tensor:
        length, wanted = self.lengths
        added = np.array([0.0] + [1.0 if self.smooth else 0.0] * (self.n_gram - 1))
        top, bottom = self.found + added, self.total + added
        if not self.found[0] or not top.all():
            return to_tensor(0.0)
        brevity = 1.0 if length > wanted else np.exp(1 - wanted / length)
        return to_tensor(brevity * np.exp(np.log(top / bottom).mean()))


def runs(words: list[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))


class WordErrorRate(Metric):
    """How many words have to be replaced, removed or added, for each word of the references.

    Example:
        >>> from pyflame import metrics
        >>> metrics.WordErrorRate()(["this is a prediction"], ["this is the reference"])
        tensor(0.5000)
    """

    errors: Array
    count: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("errors", np.zeros((), np.int64))
        self.add_state("count", np.zeros((), np.int64))

    def update(self, preds: str | Sequence[str], target: str | Sequence[str]) -> None:
        texts, wanted = ([given] if isinstance(given, str) else given for given in (preds, target))
        if len(texts) != len(wanted):
            raise ValueError(f"[WordErrorRate] {len(texts)} texts for {len(wanted)} references")
        for text, reference in zip(texts, wanted):
            self.errors = self.errors + distance(text.split(), reference.split())
            self.count = self.count + len(reference.split())

    def compute(self) -> Tensor:
        return to_tensor(divide(self.errors, self.count, "WordErrorRate"))


def distance(first: list[str], second: list[str]) -> int:
    """Return the edit distance (Levenshtein)."""
    row = list(range(len(second) + 1))
    for place, word in enumerate(first, 1):
        before, row = row, [place]
        for column, other in enumerate(second):
            row.append(min(before[column] + (word != other), before[column + 1] + 1, row[-1] + 1))
    return row[-1]
