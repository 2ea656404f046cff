import numpy as np
import pytest

import pyflame as pf
from pyflame import metrics
from pyflame.nn import functional as F

RANDOM = np.random.default_rng(2)


def test_perplexity_is_the_exponential_of_the_cross_entropy():
    logits, target = RANDOM.standard_normal((4, 6, 9)) * 50, RANDOM.integers(0, 9, (4, 6))
    target[0, :3] = 7
    expected = F.cross_entropy(pf.tensor(logits).reshape(-1, 9), pf.tensor(target).reshape(-1), ignore_index=7).item()
    metric = metrics.Perplexity(ignore_index=7)
    for row in range(4):
        metric.update(logits[row : row + 1], target[row : row + 1])
    assert np.log(metric.compute().item()) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="Perplexity"):
        metric.update(logits, target[:2])


def test_bleu_by_hand():
    preds, target = ["the the the cat"], [["the cat is on the mat", "there is a cat"]]
    # single words: 3 of 4 (two of "the", one "cat"); pairs: 1 of 3 ("the cat"); as long as the closest reference
    assert metrics.bleu_score(preds, target, n_gram=2).item() == pytest.approx((3 / 4 * 1 / 3) ** 0.5)
    assert metrics.bleu_score(preds, target, n_gram=2, smooth=True).item() == pytest.approx((3 / 4 * 2 / 4) ** 0.5)
    assert metrics.bleu_score(preds, target).item() == 0.0
    assert metrics.bleu_score(["a b"], [["a b c"]], n_gram=1).item() == pytest.approx(np.exp(1 - 3 / 2))


def test_bleu_sums_over_the_corpus():
    pairs = [("a b c d e", ["a b c d f"]), ("f g h i", ["f g h i j", "f g"])]
    whole, parts = metrics.BLEUScore(), metrics.BLEUScore()
    whole.update([text for text, _ in pairs], [wanted for _, wanted in pairs])
    for text, wanted in pairs:
        parts.update(text, [wanted])
    assert whole.compute().item() == parts.compute().item() > 0
    with pytest.raises(ValueError, match="1 translations"):
        parts.update(["a"], [])


@pytest.mark.parametrize("text, errors", [("a b c d", 0), ("a b d", 1), ("a x c d", 1), ("a b c d e", 1), ("", 4)])
def test_word_errors(text, errors):
    assert metrics.WordErrorRate()(text, "a b c d").item() == errors / 4
