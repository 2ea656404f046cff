import numpy as np
import pytest
from sklearn import preprocessing

import pyflame as pf
from pyflame.data import transforms

RANDOM = np.random.default_rng(8)
DATA = RANDOM.normal(3, 5, (40, 6))
DATA[:, 2] = 4.0  # a feature that is the same everywhere


@pytest.mark.parametrize(
    "name, options", [("StandardScaler", {}), ("MinMaxScaler", {}), ("MinMaxScaler", {"feature_range": (-2, 3)})]
)
def test_results_are_those_of_scikit_learn(name, options):
    theirs = getattr(preprocessing, name)(**options).fit(DATA)
    ours = getattr(transforms, name)(**options).fit(DATA)
    new = RANDOM.normal(3, 5, (7, 6))
    scaled = ours(pf.tensor(new, dtype=pf.float64))
    np.testing.assert_allclose(scaled.numpy(), theirs.transform(new), rtol=1e-12)
    np.testing.assert_allclose(ours.inverse_transform(scaled).numpy(), new, rtol=1e-12)


def test_single_items_and_other_dtypes():
    scaler = transforms.StandardScaler().fit(pf.tensor([[1, 10], [3, 30]]))
    np.testing.assert_allclose(scaler(np.array([3.0, 10.0])).numpy(), [1, -1])


@pytest.mark.parametrize(
    "make, kind",
    [
        (lambda: transforms.StandardScaler()(pf.ones(2)), RuntimeError),
        (lambda: transforms.MinMaxScaler().fit(pf.ones(0, 2)), ValueError),
        (lambda: transforms.MinMaxScaler((1, 1)), ValueError),
    ],
)
def test_what_does_not_fit_is_refused(make, kind):
    with pytest.raises(kind, match=r"^\["):
        make()
