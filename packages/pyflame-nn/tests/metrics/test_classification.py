"""Metrics of classes agree with scikit-learn, however the rows are split into batches."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

import pyflame as pf
from pyflame import metrics

CLASSES = 5
RANDOM = np.random.default_rng(3)
ROWS = {
    "random": (RANDOM.integers(0, 5, 60), RANDOM.integers(0, 5, 60)),
    "an empty class": (RANDOM.integers(0, 4, 40), RANDOM.integers(0, 3, 40)),
    "one class": (np.full(9, 2), np.full(9, 2)),
    "never right": (np.full(6, 1), np.full(6, 3)),
    "one row": (np.array([4]), np.array([4])),
}
SCORES = {
    "Precision": lambda t, p, **o: sk.precision_score(t, p, zero_division=0, **o),
    "Recall": lambda t, p, **o: sk.recall_score(t, p, zero_division=0, **o),
    "F1Score": lambda t, p, **o: sk.f1_score(t, p, zero_division=0, **o),
    "FBetaScore": lambda t, p, **o: sk.fbeta_score(t, p, beta=0.5, zero_division=0, **o),
    "JaccardIndex": lambda t, p, **o: sk.jaccard_score(t, p, zero_division=0, **o),
}


def gathered(metric, preds, target, batches=3):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in np.array_split(np.arange(len(target)), min(batches, len(target))):
            metric.update(pf.tensor(preds[part]), pf.tensor(target[part]))
        return metric.compute().numpy()


def make(name, *args, **options):
    return getattr(metrics, name)(*args, **options, **({"beta": 0.5} if name == "FBetaScore" else {}))


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "none"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", SCORES)
def test_classes(name, rows, average):
    preds, target = ROWS[rows]
    found = gathered(make(name, "multiclass", num_classes=CLASSES, average=average), preds, target)
    labels = range(CLASSES) if average == "none" else None
    expected = SCORES[name](target, preds, average=None if average == "none" else average, labels=labels)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "none"])
@pytest.mark.parametrize("name", SCORES)
def test_labels(name, average):
    scores, target = RANDOM.uniform(0, 1, (30, 4)), RANDOM.integers(0, 2, (30, 4))
    found = gathered(make(name, "multilabel", num_labels=4, average=average, threshold=0.3), scores, target)
    expected = SCORES[name](target, scores > 0.3, average=None if average == "none" else average)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", SCORES)
def test_two_classes_from_logits(name):
    logits, target = RANDOM.standard_normal(50) * 3, RANDOM.integers(0, 2, 50)
    found = gathered(make(name, "binary"), logits, target)
    np.testing.assert_allclose(found, SCORES[name](target, logits > 0), atol=1e-6)


@pytest.mark.parametrize("rows", ROWS)
def test_accuracy(rows):
    preds, target = ROWS[rows]
    found = gathered(metrics.Accuracy("multiclass", num_classes=CLASSES), preds, target)
    np.testing.assert_allclose(found, sk.accuracy_score(target, preds), atol=1e-6)
    found = gathered(metrics.MulticlassAccuracy(CLASSES, average="none"), preds, target)
    expected = sk.recall_score(target, preds, average=None, labels=range(CLASSES), zero_division=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_accuracy_among_the_best(top_k):
    scores, target = RANDOM.standard_normal((40, CLASSES)), RANDOM.integers(0, CLASSES, 40)
    found = gathered(metrics.Accuracy("multiclass", num_classes=CLASSES, top_k=top_k), scores, target)
    expected = sk.top_k_accuracy_score(target, scores, k=top_k, labels=range(CLASSES))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_specificity_and_counts():
    preds, target = RANDOM.integers(0, 2, 50), RANDOM.integers(0, 2, 50)
    found = gathered(metrics.Specificity("binary"), preds, target)
    np.testing.assert_allclose(found, sk.recall_score(target, preds, pos_label=0), atol=1e-6)
    tn, fp, fn, tp = sk.confusion_matrix(target, preds).ravel()
    assert gathered(metrics.StatScores("binary"), preds, target).tolist() == [tp, fp, tn, fn, tp + fn]


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@pytest.mark.parametrize("rows", ROWS)
def test_confusion_matrix(rows, normalize):
    preds, target = ROWS[rows]
    found = gathered(metrics.ConfusionMatrix("multiclass", num_classes=CLASSES, normalize=normalize), preds, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sk.confusion_matrix(target, preds, labels=range(CLASSES), normalize=normalize)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_confusion_matrix_of_labels():
    preds, target = RANDOM.integers(0, 2, (30, 3)), RANDOM.integers(0, 2, (30, 3))
    found = gathered(metrics.ConfusionMatrix("multilabel", num_labels=3), preds, target)
    np.testing.assert_array_equal(found, sk.multilabel_confusion_matrix(target, preds))


@pytest.mark.parametrize("rows", ROWS)
def test_matthews(rows):
    preds, target = ROWS[rows]
    found = gathered(metrics.MatthewsCorrCoef("multiclass", num_classes=CLASSES), preds, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sk.matthews_corrcoef(target, preds)
    np.testing.assert_allclose(found, expected, atol=1e-6)


TIES = RANDOM.integers(0, 6, (60, 4)) / 6


@pytest.mark.parametrize(
    "name, reference", [("AUROC", sk.roc_auc_score), ("AveragePrecision", sk.average_precision_score)]
)
def test_rankings_with_ties(name, reference):
    target, labels = RANDOM.integers(0, 2, (60, 4)), RANDOM.integers(0, 4, 60)
    found = gathered(make(name, "binary"), TIES[:, 0], target[:, 0])
    np.testing.assert_allclose(found, reference(target[:, 0], TIES[:, 0]), atol=1e-6)
    for average in ("micro", "macro", "weighted", "none"):
        expected = reference(target, TIES, average=None if average == "none" else average)
        found = gathered(make(name, "multilabel", num_labels=4, average=average), TIES, target)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        if average != "micro":
            expected = reference(np.eye(4, dtype=int)[labels], TIES, average=None if average == "none" else average)
            found = gathered(make(name, "multiclass", num_classes=4, average=average), TIES, labels)
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["AUROC", "AveragePrecision"])
def test_a_ranking_without_positives_is_zero_with_a_warning(name):
    metric = make(name, "binary")
    metric.update([0.1, 0.7], [0, 0])
    with pytest.warns(UserWarning, match=name):
        assert metric.compute().item() == 0.0


def test_an_empty_denominator_is_zero_with_one_warning():
    with pytest.warns(UserWarning, match="Precision") as caught:
        assert metrics.precision([0, 0], [1, 0], "binary").item() == 0.0
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["Accuracy", "F1Score", "ConfusionMatrix", "AUROC"])
def test_ignored_targets_do_not_count(name):
    scores, target = RANDOM.uniform(0, 1, (40, 3)), RANDOM.integers(0, 3, 40)
    known = RANDOM.uniform(0, 1, 40) < 0.6
    masked = np.where(known, target, -1)
    found = gathered(make(name, "multiclass", num_classes=3, ignore_index=-1), scores, masked)
    np.testing.assert_allclose(found, gathered(make(name, "multiclass", num_classes=3), scores[known], target[known]))


def test_images_of_scores_count_by_pixel():
    scores, target = RANDOM.standard_normal((2, 3, 4, 5)), RANDOM.integers(0, 3, (2, 4, 5))
    found = metrics.accuracy(pf.tensor(scores), pf.tensor(target)).item()
    assert found == pytest.approx((scores.argmax(1) == target).mean())


@pytest.mark.parametrize(
    "make",
    [
        lambda: metrics.Accuracy("multiclass"),
        lambda: metrics.Accuracy("ordinal"),
        lambda: metrics.Accuracy("binary", average="best"),
        lambda: metrics.Accuracy("multiclass", num_classes=3, top_k=0),
        lambda: metrics.FBetaScore("binary", beta=0.0),
        lambda: metrics.ConfusionMatrix("binary", normalize="rows"),
        lambda: metrics.AUROC("multiclass", num_classes=3, average="micro"),
        lambda: metrics.Accuracy("multiclass", num_classes=3).update([3], [0]),
        lambda: metrics.Accuracy("multiclass", num_classes=3).update([1, 2], [0]),
        lambda: metrics.Accuracy("multiclass", num_classes=3, top_k=2).update([1], [0]),
        lambda: metrics.Accuracy("multiclass", num_classes=3).update(np.zeros((2, 4)), [0, 1]),
        lambda: metrics.AUROC("multiclass", num_classes=3).update([0, 1], [0, 1]),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"^\["):
        make()
