from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "schedulers.npz"))
CASES = sorted(REFERENCES.keys() - {"values"})


def make(case):
    optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=0.5)
    return optimizer, eval(case, {"optim": optim, "optimizer": optimizer})


@pytest.mark.parametrize("case", CASES)
def test_rates_agree_with_the_reference(case):
    optimizer, scheduler = make(case)
    rates = []
    for value in REFERENCES["values"]:
        scheduler.step(*([float(value)] if "Plateau" in case else []))
        rates.append(optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(rates, REFERENCES[case], rtol=1e-9)
    assert scheduler.get_last_lr() == rates[-1:]


@pytest.mark.parametrize("case", CASES)
def test_a_loaded_scheduler_continues(case):
    (optimizer, scheduler), (other_optimizer, other) = make(case), make(case)
    values = REFERENCES["values"]
    for value in values[:5]:
        scheduler.step(*([value] if "Plateau" in case else []))
    other.load_state_dict(scheduler.state_dict())
    other_optimizer.load_state_dict(optimizer.state_dict())
    for value in values[5:]:
        for own in (scheduler, other):
            own.step(*([value] if "Plateau" in case else []))
    assert optimizer.param_groups[0]["lr"] == other_optimizer.param_groups[0]["lr"]


def test_resuming_needs_the_initial_rate():
    optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=0.5)
    with pytest.raises(KeyError, match="initial_lr"):
        optim.StepLR(optimizer, 2, last_epoch=3)


@pytest.mark.parametrize(
    "options", [{"factor": 1.0}, {"mode": "best"}, {"threshold_mode": "x"}, {"min_lr": [0.1, 0.2]}]
)
def test_plateau_refuses(options):
    optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=0.5)
    with pytest.raises(ValueError):
        optim.ReduceLROnPlateau(optimizer, **options)
