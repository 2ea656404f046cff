"""Distributions: moments, distances of distribution functions, and the same numbers for any number of threads."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import pyflame as pf

N = 40_000
LIMIT = 1.95 / math.sqrt(N)  # Kolmogorov-Smirnov: exceeded once in a thousand


def distance(values: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest difference of the empirical distribution function from the true one."""
    ordered = np.sort(values.astype(np.float64))
    expected, steps = cdf(ordered), np.arange(len(ordered) + 1) / len(ordered)
    return float(max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max()))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])


CONTINUOUS = {
    "uniform_": ((-1.0, 3.0), lambda x: np.clip((x + 1) / 4, 0, 1)),
    "normal_": ((2.0, 3.0), lambda x: normal_cdf((x - 2) / 3)),
    "exponential_": ((2.0,), lambda x: 1 - np.exp(-2 * x)),
    "log_normal_": ((0.5, 0.75), lambda x: normal_cdf((np.log(x) - 0.5) / 0.75)),
    "cauchy_": ((1.0, 2.0), lambda x: 0.5 + np.arctan((x - 1) / 2) / np.pi),
}


@pytest.mark.parametrize("name", sorted(CONTINUOUS))
def test_continuous_distribution(name: str) -> None:
    pf.manual_seed(1)
    args, cdf = CONTINUOUS[name]
    values = getattr(pf.zeros(N, dtype=pf.float64), name)(*args).numpy()
    assert distance(values, cdf) < LIMIT


def test_discrete_distributions() -> None:
    pf.manual_seed(2)
    trials = pf.zeros(N).geometric_(0.3).numpy()
    for k in range(1, 8):
        assert abs((trials <= k).mean() - (1 - 0.7**k)) < LIMIT
    integers = pf.zeros(N).random_(3, 7).numpy()
    for k in range(3, 7):
        assert abs((integers == k).mean() - 0.25) < 0.01
    assert abs(pf.zeros(N).bernoulli_(0.3).mean().item() - 0.3) < 0.01


@pytest.mark.parametrize("rate", [0.5, 4.0, 60.0])
def test_poisson_moments(rate: float) -> None:
    pf.manual_seed(3)
    drawn = pf.poisson(pf.full((N,), rate))
    assert drawn.dtype is pf.float32
    assert abs(drawn.mean().item() - rate) < 5 * math.sqrt(rate / N)
    assert abs(drawn.var().item() / rate - 1) < 0.05


def test_multinomial_follows_the_weights() -> None:
    pf.manual_seed(4)
    weights = pf.tensor([[1.0, 0.0, 3.0], [2.0, 2.0, 4.0]])
    drawn = pf.multinomial(weights, N, replacement=True).numpy()
    for row in range(2):
        expected = weights.numpy()[row] / weights.numpy()[row].sum()
        found = np.bincount(drawn[row], minlength=3) / N
        np.testing.assert_allclose(found, expected, atol=0.012)
    rows = pf.multinomial(pf.tensor([1.0, 2.0, 3.0]).expand(N, 3), 2).numpy()
    assert (rows[:, 0] != rows[:, 1]).all()
    np.testing.assert_allclose(np.bincount(rows[:, 0]) / N, [1 / 6, 2 / 6, 3 / 6], atol=0.012)


def test_wrong_weights_raise() -> None:
    for weights, n, message in (
        ([1.0, -1.0], 1, "negative"),
        ([0.0, 0.0], 1, "sum to 0"),
        ([1.0, 0.0], 2, "too few"),
        ([1.0], 2, "replacement=True"),
        ([1.0], 0, "positive"),
    ):
        with pytest.raises(RuntimeError, match=message):
            pf.multinomial(pf.tensor(weights), n)
    with pytest.raises(RuntimeError, match="negative"):
        pf.poisson(pf.tensor([-1.0]))


def test_numbers_do_not_depend_on_the_threads() -> None:
    def draw() -> list[np.ndarray]:
        pf.manual_seed(5)
        weights = pf.rand(50, 40)
        filled = [getattr(pf.zeros(5000), name)(*args) for name, (args, _) in sorted(CONTINUOUS.items())]
        drawn = [pf.multinomial(weights, 3), pf.multinomial(weights, 3, True), pf.poisson(weights)]
        return [x.numpy() for x in (*filled, *drawn)]

    before = pf.get_num_threads()
    try:
        pf.set_num_threads(1)
        single = draw()
        pf.set_num_threads(4)
        several = draw()
    finally:
        pf.set_num_threads(before)
    for a, b in zip(single, several):
        np.testing.assert_array_equal(a, b)


def test_streams_have_a_module_and_a_state() -> None:
    state = pf.random.get_rng_state()
    first = pf.rand(3).tolist()
    pf.random.set_rng_state(state)
    assert pf.rand(3).tolist() == first
    generator = pf.Generator().manual_seed(3)
    copy = generator.clone_state()
    assert pf.rand(2, generator=generator).tolist() == pf.rand(2, generator=copy).tolist()
    with pf.random.fork_rng():
        pf.manual_seed(0)
    pf.use_deterministic_algorithms(True)
    assert pf.are_deterministic_algorithms_enabled()
    pf.use_deterministic_algorithms(False)
