"""Metrics of numbers agree with scikit-learn, however the rows are split into batches."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

import pyflame as pf
from pyflame import metrics

RANDOM = np.random.default_rng(5)
ERRORS = {
    "MSE": sk.mean_squared_error,
    "RMSE": lambda t, p: np.sqrt(np.mean((t - p) ** 2)),
    "MAE": sk.mean_absolute_error,
    "MAPE": sk.mean_absolute_percentage_error,
    "R2": sk.r2_score,
    "ExplainedVariance": sk.explained_variance_score,
}
ROWS = {
    "one output": RANDOM.standard_normal((2, 31)),
    "three outputs": RANDOM.standard_normal((2, 17, 3)),
    "far from zero": RANDOM.standard_normal((2, 31)) + 1e6,
    "constant targets": np.stack([np.linspace(0, 1, 8), np.ones(8)]),
    "met exactly": np.ones((2, 5)),
}


def gathered(metric, preds, target):
    for part in np.array_split(np.arange(len(target)), 4):
        metric.update(pf.tensor(preds[part]), pf.tensor(target[part]))
    return metric.compute().numpy()


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, rows):
    preds, target = ROWS[rows]
    np.testing.assert_allclose(
        gathered(getattr(metrics, name)(), preds, target), ERRORS[name](target, preds), rtol=1e-5, atol=1e-6
    )


def test_pearson():
    preds, target = ROWS["far from zero"]
    expected = np.corrcoef(preds, target)[0, 1]
    np.testing.assert_allclose(gathered(metrics.PearsonCorrelation(), preds, target), expected, atol=1e-6)
    preds, target = ROWS["three outputs"]
    expected = [np.corrcoef(preds[:, column], target[:, column])[0, 1] for column in range(3)]
    np.testing.assert_allclose(gathered(metrics.PearsonCorrelation(), preds, target), expected, atol=1e-6)


def test_spearman_with_ties():
    preds, target = RANDOM.integers(0, 7, (2, 40)) / 7
    found = gathered(metrics.SpearmanCorrelation(), preds, target)
    np.testing.assert_allclose(found, stats.spearmanr(preds, target).statistic, atol=1e-6)


def test_constant_values_have_no_correlation():
    metric = metrics.PearsonCorrelation()
    metric.update([1.0, 1.0], [1.0, 2.0])
    with pytest.warns(UserWarning, match="PearsonCorrelation"):
        assert metric.compute().item() == 0.0


def test_shapes_have_to_agree():
    with pytest.raises(ValueError, match="expected the same"):
        metrics.mse([1.0], [1.0, 2.0])
