"""Schedulers set the rates PyTorch sets."""

from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.optim import lr_scheduler, swa_utils

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "schedulers.npz"))
CASES = sorted(REFERENCES.keys() - {"values"})


def make(case):
    one, two = nn.Parameter(pf.zeros(1)), nn.Parameter(pf.zeros(1))
    groups = [{"params": one}, {"params": two, "lr": 0.2}]
    optimizers = {
        "sgd": optim.SGD(groups, lr=0.5, momentum=0.9),
        "adam": optim.Adam([dict(group) for group in groups], lr=0.5),
    }
    return eval(case, {"lr": lr_scheduler, "swa": swa_utils, **optimizers})


def follow(case, scheduler, values):
    found = []
    for value in values:
        scheduler.step(*([float(value)] if "Plateau" in case else []))
        one, two = scheduler.optimizer.param_groups
        found.append((one["lr"], two["lr"], one["betas"][0] if "betas" in one else one["momentum"]))
        assert scheduler.get_last_lr() == [one["lr"], two["lr"]]
    return np.array(found)


@pytest.mark.parametrize("case", CASES)
def test_sixty_rates_agree_with_the_reference(case):
    found = follow(case, make(case), REFERENCES["values"])
    np.testing.assert_allclose(found, REFERENCES[case], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("stop", [3, 17, 40])
@pytest.mark.parametrize("case", CASES)
def test_a_loaded_scheduler_continues(case, stop, tmp_path):
    scheduler, other, values = make(case), make(case), REFERENCES["values"]
    follow(case, scheduler, values[:stop])
    pf.save({"own": scheduler.state_dict(), "optimizer": scheduler.optimizer.state_dict()}, tmp_path / "state.pf")
    state = pf.load(tmp_path / "state.pf")
    other.load_state_dict(state["own"])
    other.optimizer.load_state_dict(state["optimizer"])
    expected = follow(case, scheduler, values[stop:])
    np.testing.assert_array_equal(follow(case, other, values[stop:]), expected)


def sgd(momentum=0.9):
    return optim.SGD([nn.Parameter(pf.zeros(1))], lr=0.5, momentum=momentum)


def rates(scheduler, count):
    found = scheduler.get_last_lr()
    for _ in range(count):
        scheduler.step()
        found = found + scheduler.get_last_lr()
    return found


def test_warm_up_rises_to_the_initial_rate_and_stays():
    np.testing.assert_allclose(rates(optim.WarmupLR(sgd(), 4), 6), [0, 0.125, 0.25, 0.375, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(rates(optim.WarmupLR(sgd(), 2, start_factor=0.5), 3), [0.25, 0.375, 0.5, 0.5])
    assert rates(optim.WarmupLR(sgd(), 0), 2) == [0.5, 0.5, 0.5]


def test_a_schedule_follows_the_warm_up_and_resumes():
    def both():
        optimizer = sgd()
        return optim.WarmupLR(optimizer, 2, after=optim.CosineAnnealingLR(optimizer, 4))

    cosine = [0.5 * (1 + np.cos(np.pi * epoch / 4)) / 2 for epoch in range(5)]
    np.testing.assert_allclose(rates(both(), 6), [0, 0.25, *cosine], atol=1e-12)
    first, second = both(), both()
    rates(first, 4)
    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert rates(second, 2) == rates(first, 2)


def test_callable_objects_keep_their_attributes():
    class Factor:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, epoch):
            return self.factor**epoch

    first, second = optim.LambdaLR(sgd(), Factor(0.5)), optim.LambdaLR(sgd(), Factor(0.1))
    second.load_state_dict(first.state_dict())
    second.step()
    assert second.get_last_lr() == [0.25]


def test_restarts_can_be_stepped_to_parts_of_epochs():
    scheduler = optim.CosineAnnealingWarmRestarts(sgd(), 4, T_mult=2)
    scheduler.step(5.5)
    assert scheduler.last_epoch == 5
    np.testing.assert_allclose(scheduler.get_last_lr(), 0.25 * (1 + np.cos(np.pi * 1.5 / 8)))
    with pytest.raises(ValueError, match="before 0"):
        scheduler.step(-1)


def test_a_rate_changed_by_hand_stays_changed():
    scheduler = optim.ExponentialLR(sgd(), 0.5)
    scheduler.optimizer.param_groups[0]["lr"] = 4.0
    scheduler.step()
    assert scheduler.get_last_lr() == [2.0]


def test_resuming_needs_the_initial_rate():
    with pytest.raises(KeyError, match="initial_lr"):
        optim.StepLR(sgd(), 2, last_epoch=3)


def test_one_cycle_refuses_a_step_too_many():
    scheduler = optim.OneCycleLR(sgd(), 1.0, total_steps=3)
    rates(scheduler, 3)
    with pytest.raises(ValueError, match="3 steps"):
        scheduler.step()


REFUSED = {
    "plateau factor": lambda own: optim.ReduceLROnPlateau(own, factor=1.0),
    "plateau mode": lambda own: optim.ReduceLROnPlateau(own, mode="best"),
    "plateau threshold": lambda own: optim.ReduceLROnPlateau(own, threshold_mode="x"),
    "plateau min_lr": lambda own: optim.ReduceLROnPlateau(own, min_lr=[0.1, 0.2]),
    "constant factor": lambda own: optim.ConstantLR(own, 1.5),
    "linear start": lambda own: optim.LinearLR(own, 0.0),
    "linear end": lambda own: optim.LinearLR(own, end_factor=2.0),
    "restarts": lambda own: optim.CosineAnnealingWarmRestarts(own, 0),
    "cyclic mode": lambda own: optim.CyclicLR(own, 0.1, 1.0, mode="square"),
    "cyclic momentum": lambda own: optim.CyclicLR(optim.Adagrad(own.param_groups[0]["params"]), 0.1, 1.0),
    "cyclic ends": lambda own: optim.CyclicLR(own, 0.1, [1.0, 2.0]),
    "one cycle steps": lambda own: optim.OneCycleLR(own, 1.0, epochs=3),
    "one cycle share": lambda own: optim.OneCycleLR(own, 1.0, 10, pct_start=1.5),
    "one cycle strategy": lambda own: optim.OneCycleLR(own, 1.0, 10, anneal_strategy="x"),
    "lambdas": lambda own: optim.LambdaLR(own, [abs, abs]),
    "chain of none": lambda own: optim.ChainedScheduler([]),
    "chain of plateau": lambda own: optim.ChainedScheduler([optim.ReduceLROnPlateau(own)], own),
    "sequence of strangers": lambda own: optim.SequentialLR(own, [optim.StepLR(sgd(), 2)], []),
    "milestones": lambda own: optim.SequentialLR(own, [optim.StepLR(own, 2)], [3]),
    "warm-up": lambda own: optim.WarmupLR(own, -1),
    "swa strategy": lambda own: swa_utils.SWALR(own, 0.1, anneal_strategy="x"),
    "swa epochs": lambda own: swa_utils.SWALR(own, 0.1, anneal_epochs=-1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_out_of_range_are_refused(name):
    with pytest.raises(ValueError, match=r"^\["):
        REFUSED[name](sgd())


def test_only_optimizers_and_functions_are_taken():
    with pytest.raises(TypeError, match="optimizer"):
        optim.ExponentialLR([sgd()], 0.9)
    with pytest.raises(TypeError, match="functions"):
        optim.MultiplicativeLR(sgd(), 0.9)
