"""Random calls of `nn.functional` give what PyTorch gives: values, gradients, and classes of errors."""

import warnings

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.layer_cases import FAMILIES, Draw, outcome

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = pytest.importorskip("pyflame.nn.functional", reason="pyflame-nn is not installed")

CASES = 300
TOLERANCE = {"float32": 2e-5, "float64": 1e-10}
ROUNDED = {"activations": 1e-6}  # PyTorch holds their constants, such as 1/6, in float32


OURS, THEIRS = {"F": F, "R": pf.ops}, {"F": torch.nn.functional, "R": torch}


def nearer(y, reference, exact):
    """PyTorch's results, but ours where those in float64 are nearer to them: where all cancels, rounding stays."""
    return np.where(np.abs(y - exact) <= np.abs(reference - exact), y, reference)


def attempt(case, scope, tensor, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return outcome(case, scope, tensor, dtype), None
        except Exception as error:  # its class is what is compared
            return None, error


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_random_calls_agree(family, dtype):
    refused, tolerance = 0, max(TOLERANCE[dtype], ROUNDED.get(family, 0.0))
    for seed in range(CASES):
        case = FAMILIES[family](Draw(seed, family))
        expected, theirs = attempt(case, THEIRS, torch.tensor, getattr(torch, dtype))
        found, ours = attempt(case, OURS, pf.tensor, getattr(pf, dtype))
        shown = f"{family} {seed}: {case.expression} of { ({k: v.shape for k, v in case.operands.items()}) }"
        if theirs is not None or ours is not None:
            assert type(ours) is type(theirs), f"{shown}: {ours!r}, PyTorch {theirs!r}"
            refused += 1
            continue
        assert len(found) == len(expected), shown
        for place, (y, reference) in enumerate(zip(found, expected)):
            assert y.shape == reference.shape, f"{shown}: result {place} {y.shape}, PyTorch {reference.shape}"
            size = np.abs(reference[np.isfinite(reference)]).max(initial=1.0) if reference.dtype.kind == "f" else 1.0
            message = f"{shown}: result {place}"
            if dtype == "float32" and not np.allclose(y, reference, tolerance, tolerance * size, equal_nan=True):
                reference = nearer(y, reference, attempt(case, THEIRS, torch.tensor, torch.float64)[0][place])
            np.testing.assert_allclose(y, reference, rtol=tolerance, atol=tolerance * size, err_msg=message)
    assert refused < CASES / 2
