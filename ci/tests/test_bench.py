"""The arithmetic of the benchmark table: what is compared, how ratios are taken, what a row says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from bench.contest import EAGER, OURS, Contest, Row, difference, interleave, ratio
from bench.report import Line


def contest(ours: float, tolerance: float = 1e-3) -> Contest:
    return Contest(
        {OURS: lambda: None, EAGER: lambda: None},
        {OURS: lambda: np.array([1.0, ours]), EAGER: lambda: np.array([1.0, 2.0])},
        tolerance,
    )


def test_a_contender_that_computes_something_else_is_not_timed() -> None:
    assert difference(contest(2.001)) == pytest.approx({OURS: 0.0005, EAGER: 0.0})
    with pytest.raises(ValueError, match="pyflame differs from torch eager by 5.00e-02"):
        difference(contest(2.1))
    with pytest.raises(ValueError, match="pyflame differs"):
        difference(contest(float("nan")))
    wrong = contest(2.0)
    wrong.results[OURS] = lambda: np.zeros(3)
    with pytest.raises(ValueError, match=r"pyflame has shape \(3,\), torch eager \(2,\)"):
        difference(wrong)


def test_contenders_take_turns() -> None:
    order: list[str] = []
    runs: dict[str, Callable[[], object]] = {name: partial(order.append, name) for name in ("a", "b")}
    samples = interleave(runs, 0.01)
    assert len(samples["a"]) == len(samples["b"]) >= 5
    assert {"a", "b"} <= set(order[: len(order) // 2]) and {"a", "b"} <= set(order[len(order) // 2 :])


def test_a_ratio_above_one_says_that_ours_is_faster() -> None:
    found = ratio([1.0, 1.0, 2.0, 1.0], [2.0, 2.0, 3.0, 4.0])
    assert (found.median, found.best) == (2.5, 2.0)
    assert found.low == 2.0 and found.high == 2.0


def test_a_row_names_the_strongest_peer_and_what_was_missed() -> None:
    row = Row("work", lambda: contest(2.0), target_eager=1.5, target_strongest=1.0)
    line = Line(row, {OURS: [2.0], EAGER: [4.0], "fast": [1.0]})
    assert line.strongest == "fast"
    assert line.verdict() == "missed: 0.50 of 1 against fast"
    assert Line(row, {OURS: [1.0], EAGER: [4.0], "fast": [1.5]}).verdict() == "met"
