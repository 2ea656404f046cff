"""Counting n-grams of tokens that are numbers already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array, host
from .registry import maps


@maps("TfIdfVectorizer", 9, host="x")
def tf_idf_vectorizer(
    x: Any,
    *,
    max_gram_length: int,
    max_skip_count: int,
    min_gram_length: int,
    mode: str,
    ngram_counts: Sequence[int],
    ngram_indexes: Sequence[int],
    pool_int64s: Sequence[int] | None = None,
    pool_strings: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> Tensor:
    if pool_int64s is None:
        raise NotImplementedError("[TfIdfVectorizer] of strings has no map: PyFlame has no strings")
    if mode not in ("TF", "IDF", "TFIDF"):
        raise ValueError(f"[TfIdfVectorizer] mode {mode!r} is none of TF, IDF, TFIDF")
    places = pool_of(pool_int64s, ngram_counts, min_gram_length, max_gram_length)
    tokens: Array = host(x)
    rows = tokens.reshape(1, -1) if tokens.ndim < 2 else tokens
    result = np.zeros((rows.shape[0], max(ngram_indexes, default=-1) + 1), np.float32)
    for row, line in enumerate(rows.tolist()):
        for gram in grams(line, min_gram_length, max_gram_length, max_skip_count):
            if gram in places:
                result[row, ngram_indexes[places[gram]]] += 1
    scale = np.ones(result.shape[1], np.float32)
    if weights is not None:
        scale[np.array(ngram_indexes, np.int64)] = np.array(weights, np.float32)
    if mode != "TF":
        result = scale * (result > 0 if mode == "IDF" else result)
    return pf.from_numpy((result if tokens.ndim == 2 else result.reshape(-1)).astype(np.float32))


def pool_of(pool: Sequence[int], starts: Sequence[int], shortest: int, longest: int) -> dict[tuple[int, ...], int]:
    """Return n-gram -> its number; the pool holds those of length 1, then of 2, and so on."""
    found: dict[tuple[int, ...], int] = {}
    number = 0
    for length, start in enumerate(starts, 1):
        end = starts[length] if length < len(starts) else len(pool)
        for place in range(start, end, length):
            if shortest <= length <= longest:
                found[tuple(pool[place : place + length])] = number
            number += 1
    return found


def grams(tokens: Sequence[int], shortest: int, longest: int, skips: int) -> list[tuple[int, ...]]:
    """Return all n-grams, with up to `skips` tokens between two that count."""
    found = []
    for length in range(shortest, longest + 1):
        for gap in range(1, (skips if length > 1 else 0) + 2):
            reach = (length - 1) * gap + 1
            found += [tuple(tokens[start : start + reach : gap]) for start in range(len(tokens) - reach + 1)]
    return found
