"""Which elementwise ops share a pass over memory when some of their operands are computed in the same graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.bridge import bits
from pyflame.testing.contract import mode

Chain = Callable[[pf.Tensor, pf.Tensor, pf.Tensor], pf.Tensor]

SHAPE, PER_CHANNEL = (4, 6, 15, 17), (6, 1, 1)


def normalized(x: pf.Tensor, w: pf.Tensor, b: pf.Tensor) -> pf.Tensor:
    """Batch normalization with statistics that are given, as it is in evaluation."""
    mean, var = b * 0.5, pf.abs(w)
    scale = pf.rsqrt(var.reshape(-1) + 1e-5).reshape(PER_CHANNEL) * w
    return (x - mean) * scale + b


# Chains over the large shape whose small operands take one, two or several stages to compute.
CHAINS: dict[str, tuple[Chain, str]] = {
    "batch norm": (normalized, "sub+mul+add"),
    "batch norm and relu": (lambda x, w, b: pf.relu(normalized(x, w, b)), "sub+mul+add+relu"),
    "scale then shift": (lambda x, w, b: x * pf.exp(w) + pf.tanh(b / b.sum()), "mul+add"),
    "shift later than scale": (lambda x, w, b: pf.relu(x + w) * (w / (w / w.sum()).sum()), "add+relu+mul"),
    "three scales": (
        lambda x, w, b: ((x * w - b) * (w / w.sum()) + x) * (b / (b / b.sum()).sum()),
        "mul+sub+mul+add+mul",
    ),
    "large value computed": (lambda x, w, b: (pf.cumsum(x, 0) - b) * (w / w.sum()), "sub+mul"),
    "two users": (lambda x, w, b: (x - w) * (w / w.sum()) + (x - w) * (b / b.sum()), "sub+mul+mul+add"),
}


def operands() -> tuple[pf.Tensor, pf.Tensor, pf.Tensor]:
    rng = np.random.default_rng(0)
    x, w, b = (pf.tensor(rng.standard_normal(s, dtype=np.float32)) for s in (SHAPE, PER_CHANNEL, PER_CHANNEL))
    pf.eval(x, w, b)
    return x, w, b


def kernels(*results: pf.Tensor) -> tuple[str, ...]:
    return pf.compile_graph(list(results)).kernels


@pytest.mark.parametrize("name", CHAINS)
def test_small_operands_do_not_split_a_chain(name: str) -> None:
    chain, expected = CHAINS[name]
    x, w, b = operands()
    found = kernels(chain(x, w, b))
    assert found[-1] == expected
    fused = bits(chain(x, w, b))
    with mode(eager=True):
        assert bits(chain(x, w, b)) == fused


def test_large_values_that_something_else_needs_first_stay_steps_of_their_own() -> None:
    x, w, _ = operands()
    centred = x - w
    scale = pf.exp(pf.cumsum(centred, 0)[:1])
    assert kernels(centred * scale)[0] == "sub"
    assert bits(centred * scale) == bits((x - w) * pf.exp(pf.cumsum(x - w, 0)[:1]))


def test_sums_of_values_computed_one_after_the_other_do_not_wait_for_the_last() -> None:
    size, steps = 128, 16
    w = pf.tensor(np.eye(size, dtype=np.float32) * np.float32(0.9))
    pf.eval(w)
    h, total = w @ w, w * 0.0
    for _ in range(steps):
        total = total + h * h
        h = h @ w
    # Waiting, all products would be in memory at once.
    assert pf.compile_graph([total]).peak_bytes <= 5 * size * size * 4
    expected = sum(0.9 ** (2 * k) for k in range(2, steps + 2))
    np.testing.assert_allclose(np.diag(total.numpy()), expected, rtol=1e-5)
