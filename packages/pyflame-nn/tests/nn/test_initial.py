"""Parameters begin with PyTorch's distributions: moments, bounds, and the test of Kolmogorov and Smirnov."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "initial.npz"))
VALUES, MAKINGS = 12_000, 100
LEVEL = math.sqrt(-math.log(1e-4 / 2) / 2)  # of the test: one false alarm in 10,000


def draws(expression):
    found = {}
    while True:
        scope = {"nn": nn, "init": nn.init, "t": pf.empty(60, 50), "k": pf.empty(20, 9, 5)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = eval(expression, scope)
        named = dict(made.named_parameters()) if isinstance(made, nn.Module) else {"": made}
        for name, tensor in named.items():
            found.setdefault(name, []).append(tensor.numpy(force=True).ravel().astype(np.float64))
        fixed_or_enough = (a[0].std() == 0 or len(a) * len(a[0]) >= VALUES for a in found.values())
        if all(fixed_or_enough) or len(next(iter(found.values()))) == MAKINGS:
            return {name: np.concatenate(arrays) for name, arrays in found.items()}


@pytest.mark.parametrize("expression", sorted({key.rpartition("/")[0] for key in REFERENCES}))
def test_values_are_drawn_as_in_pytorch(expression):
    pf.manual_seed(5)
    found = draws(expression)
    wanted = {
        key.rpartition("/")[2]: value for key, value in REFERENCES.items() if key.rpartition("/")[0] == expression
    }
    assert list(found) == list(wanted)
    for name, values in found.items():
        reference = wanted[name].astype(np.float64)
        quantiles, (mean, variance, count) = reference[:-3], reference[-3:]
        low, high = quantiles[0], quantiles[-1]
        if low == high:
            np.testing.assert_allclose(values, low, rtol=1e-6, err_msg=name)
            continue
        n = len(values)
        spread = math.sqrt(variance)
        assert abs(values.mean() - mean) < 5 * spread * math.sqrt(1 / n + 1 / count), name
        np.testing.assert_allclose(values.var(), variance, rtol=6 * math.sqrt(2 / n), err_msg=name)
        # At each quantile of theirs, the share of our values on either side of it; equal values are on both.
        levels = np.linspace(0, 1, len(quantiles))
        ordered = np.sort(values)
        slack = 1e-6 * max(abs(low), abs(high))
        below = np.searchsorted(ordered, quantiles - slack, "left") / n
        upto = np.searchsorted(ordered, quantiles + slack, "right") / n
        distance = np.maximum(below - levels, levels - upto).max()
        assert distance < LEVEL * math.sqrt(1 / n + 1 / count), f"{name}: {distance}"
        # Bounds that theirs have are ours, and reached.
        if quantiles[1] - low < 0.05 * (high - low) and quantiles[-1] - quantiles[-2] < 0.05 * (high - low):
            margin = 0.01 * (high - low)
            assert low - margin <= values.min() <= low + margin and high - margin <= values.max() <= high + margin, name


def test_far_tails_are_drawn_by_rejection():
    pf.manual_seed(3)
    with pytest.warns(UserWarning, match="more than two std"):
        values = nn.init.trunc_normal_(pf.empty(20_000, dtype=pf.float64), a=9.0, b=10.0).numpy()
    # The mean of the normal distribution above 9 is its density there over the tail's probability.
    density = math.exp(-81 / 2) / math.sqrt(2 * math.pi)
    expected = density / (math.erfc(9 / math.sqrt(2)) / 2)
    assert values.min() >= 9.0 and values.max() <= 10.0
    np.testing.assert_allclose(values.mean(), expected, atol=0.005)
    with pytest.warns(UserWarning):
        mirrored = nn.init.trunc_normal_(pf.empty(20_000, dtype=pf.float64), a=-10.0, b=-9.0).numpy()
    np.testing.assert_allclose(mirrored.mean(), -expected, atol=0.005)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 2, 3)])
def test_orthogonal_matrices_are(shape):
    q = nn.init.orthogonal_(pf.empty(shape, dtype=pf.float64), gain=2.0).numpy().reshape(shape[0], -1)
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.init.eye_(pf.empty(3)),
        lambda: nn.init.dirac_(pf.empty(3, 3)),
        lambda: nn.init.dirac_(pf.empty(3, 3, 3), groups=2),
        lambda: nn.init.orthogonal_(pf.empty(3)),
        lambda: nn.init.sparse_(pf.empty(3), 0.1),
        lambda: nn.init.calculate_gain("leaky_relu", True),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError, match=r"^\[init\]"):
        call()


def test_kernels_hand_channels_on():
    layer = nn.Conv2d(4, 8, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight, groups=2)
    x = pf.randn(1, 4, 5, 5)
    y = layer(x).detach().numpy()
    np.testing.assert_array_equal(y[:, :4], x.numpy())
    np.testing.assert_array_equal(y[:, 4:], x.numpy())
