from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pyflame as pf

DRAWS: list[Callable[[], pf.Tensor]] = [
    lambda: pf.rand(100),
    lambda: pf.randn(10, 10),
    lambda: pf.randint(0, 1000, (50,)),
    lambda: pf.randperm(50),
    lambda: pf.normal(2.0, 3.0, (50,)),
    lambda: pf.bernoulli(pf.full((50,), 0.5)),
    lambda: pf.rand_like(pf.zeros(50)),
    lambda: pf.zeros(50).exponential_(),
    lambda: pf.zeros(50).geometric_(0.2),
    lambda: pf.zeros(50).cauchy_(),
    lambda: pf.zeros(50).log_normal_(),
]


@pytest.mark.parametrize("draw", DRAWS)
def test_seed_repeats_and_stream_moves_on(draw: Callable[[], pf.Tensor]) -> None:
    pf.manual_seed(7)
    first, second = draw().tolist(), draw().tolist()
    pf.manual_seed(7)
    assert draw().tolist() == first != second


def test_order_of_evaluation_does_not_matter() -> None:
    pf.manual_seed(1)
    a, b = pf.rand(5), pf.rand(5)
    late = (b.tolist(), a.tolist())
    pf.manual_seed(1)
    a = pf.rand(5).eval()
    assert (pf.rand(5).tolist(), a.tolist()) == late


def test_draws_of_one_stream_do_not_overlap() -> None:
    pf.manual_seed(3)
    values = np.concatenate([pf.rand(n).numpy() for n in (1, 31, 32, 33, 1000)])
    assert len(np.unique(values)) > 0.999 * len(values)


def test_state_and_fork() -> None:
    state = pf.get_rng_state()
    a = pf.rand(3).tolist()
    pf.set_rng_state(state)
    with pf.fork_rng():
        pf.manual_seed(99)
        pf.rand(10)
    assert pf.rand(3).tolist() == a
    g = pf.Generator().manual_seed(2)
    pf.rand(5, generator=g)
    twin = g.clone_state()
    assert pf.rand(3, generator=g).tolist() == pf.rand(3, generator=twin).tolist() and g.initial_seed() == 2
    with pytest.raises(RuntimeError, match="16 bytes"):
        pf.set_rng_state(pf.zeros(3))
    with pytest.raises(RuntimeError, match="64 bits"):
        pf.manual_seed(2**64)


def test_moments() -> None:
    pf.manual_seed(0)
    normal = pf.randn(200_000).numpy()
    uniform = pf.zeros(200_000).uniform_(2, 4).numpy()
    exponential = pf.zeros(200_000).exponential_(2.0).numpy()
    geometric = pf.zeros(200_000).geometric_(0.25).numpy()
    assert abs(normal.mean()) < 0.01 and abs(normal.std() - 1) < 0.01
    assert abs(uniform.mean() - 3) < 0.01 and uniform.min() >= 2 and uniform.max() < 4
    assert abs(exponential.mean() - 0.5) < 0.01 and abs(geometric.mean() - 4) < 0.05


def test_randperm_is_a_permutation() -> None:
    assert sorted(pf.randperm(100).tolist()) == list(range(100)) and pf.randperm(0).tolist() == []


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_bernoulli_extremes(p: float) -> None:
    assert pf.bernoulli(pf.full((100,), p)).tolist() == [p] * 100


@pytest.mark.parametrize(
    "call",
    [
        lambda: pf.randint(5, 5, (2,)),
        lambda: pf.randint(0, 300, (2,), dtype=pf.uint8),
        lambda: pf.zeros(2).uniform_(2, 1),
        lambda: pf.zeros(2).normal_(0, -1),
        lambda: pf.bernoulli(pf.tensor([1])),
    ],
)
def test_wrong_ranges_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError, match=r"^\[\w+\] "):
        call()
