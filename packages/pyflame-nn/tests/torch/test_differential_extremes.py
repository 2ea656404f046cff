"""Losses and activations of saturated inputs: wherever PyTorch's values and gradients are finite, ours equal them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyflame.testing.differential import compare_finite

pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

LOGITS = np.array([0, 3, -3, 20, -20, 80, -80, 200, -200, 1e4, -1e4, 1e30, -1e30, np.inf, -np.inf])
ACTIVATIONS = """\
celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu6 selu silu softplus softshrink
softsign tanhshrink
""".split()
LOGIT_LOSSES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "binary_cross_entropy": lambda f, z, y: f.binary_cross_entropy(z.sigmoid(), y, reduction="none"),
    "with_logits": lambda f, z, y: f.binary_cross_entropy_with_logits(z, y, reduction="none"),
    "weighted": lambda f, z, y: f.binary_cross_entropy_with_logits(z, y, pos_weight=y + 2, reduction="none"),
    "soft_margin": lambda f, z, y: f.soft_margin_loss(z, y * 2 - 1, reduction="none"),
    "multilabel": lambda f, z, y: f.multilabel_soft_margin_loss(z[:, None], y[:, None], reduction="none"),
    "huber": lambda f, z, y: f.huber_loss(z, y, reduction="none"),
    "smooth_l1": lambda f, z, y: f.smooth_l1_loss(z, y, reduction="none", beta=0.5),
    "poisson": lambda f, z, y: f.poisson_nll_loss(z, y, reduction="none", full=True),
    "kl_div": lambda f, z, y: f.kl_div(f.logsigmoid(z), y, reduction="none"),
}
PROBABILITIES = np.array([1e-12, 1e-9, 1e-3, 0.5, 1 - 1e-9, 1 - 1e-12])


def compare(call: Callable[..., Any], inputs: np.ndarray, targets: np.ndarray, rtol: float) -> None:
    """The call takes the functions of a library, inputs with a gradient, and targets."""
    share = compare_finite(
        lambda lib, x: call(lib.nn.functional, x, lib.tensor(targets)), [inputs], rtol, atol=(1e-30, 1e-7)
    )
    assert share > 0.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: type) -> None:
    finite = LOGITS[np.isfinite(LOGITS)].astype(dtype)
    compare(lambda f, x, _: getattr(f, name)(x), finite, finite, 1e-6 if dtype is np.float64 else 1e-3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", LOGIT_LOSSES)
def test_losses_of_saturated_logits(name: str, dtype: type) -> None:
    z, y = (axis.ravel().astype(dtype) for axis in np.meshgrid(LOGITS, [0.0, 1.0, 0.5]))
    compare(LOGIT_LOSSES[name], z, y, 1e-6 if dtype is np.float64 else 1e-3)


def test_cross_entropy_of_probabilities_near_the_borders() -> None:
    p, y = (axis.ravel() for axis in np.meshgrid(PROBABILITIES, [0.0, 1.0, 0.5]))
    compare(lambda f, p, y: f.binary_cross_entropy(p, y, reduction="none"), p, y, 1e-3)
