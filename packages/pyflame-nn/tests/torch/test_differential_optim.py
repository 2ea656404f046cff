"""Optimizers with random options take PyTorch's steps, and their states go both ways; schedulers set its rates."""

import os
import warnings

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.layer_cases import Draw

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="PyTorch is not installed")
torch.set_num_threads(1)

CASES = int(os.environ.get("PYFLAME_TEST_CASES", "24"))
STEPS = 20

BETAS = {"betas": [None, (0.8, 0.95), (0.5, 0.6), (0.0, 0.9), (1.0, 0.9)], "eps": [None, 1e-3]}
DECAY = {"weight_decay": [None, 0.1], "maximize": [None, True]}
OPTIONS = {
    "SGD": {"momentum": [None, 0.9], "dampening": [None, 0.3], "nesterov": [None, None, True], **DECAY},
    "Adam": {"amsgrad": [None, True], **BETAS, **DECAY},
    "AdamW": {"amsgrad": [None, True], **BETAS, **DECAY},
    "Adamax": {**BETAS, **DECAY},
    "NAdam": {"momentum_decay": [None, 0.1], "decoupled_weight_decay": [None, True], **BETAS, **DECAY},
    "RAdam": {"decoupled_weight_decay": [None, True], **BETAS, **DECAY},
    "RMSprop": {"alpha": [None, 0.7], "momentum": [None, 0.5], "centered": [None, True], "eps": [None, 1e-2], **DECAY},
    "Adagrad": {"lr_decay": [None, 0.1], "initial_accumulator_value": [None, 0.5, -1.0], "eps": [None, 0.1], **DECAY},
    "Adadelta": {"rho": [None, 0.5, 1.5], "eps": [None, 1e-2], **DECAY},
    "ASGD": {"lambd": [None, 0.1], "alpha": [None, 0.5], "t0": [None, 4], **DECAY},
    "Rprop": {"etas": [None, (0.3, 1.4)], "step_sizes": [None, (0.01, 0.2)], "maximize": [None, True]},
    "LBFGS": {
        "max_iter": [2, 4],
        "history_size": [None, 2],
        "line_search_fn": [None, "strong_wolfe"],
        "tolerance_change": [None, 1e-3],
    },
}


class Problem:
    """A small regression in float64; the second parameter has a rate of its own where groups are allowed."""

    def __init__(self, library, d, name, options):
        self.library = library
        module = library.nn
        self.x, self.t = (library.tensor(d.values(*shape)) for shape in ((6, 3), (6, 2)))
        self.params = [module.Parameter(library.tensor(d.values(*shape))) for shape in ((3, 2), (2,))]
        groups = self.params
        if name != "LBFGS" and d.chance(0.5):
            groups = [{"params": self.params[:1]}, {"params": self.params[1:], "lr": 0.07}]
        self.optimizer = getattr(library.optim, name)(groups, **options)

    def closure(self):
        self.optimizer.zero_grad()
        loss = (((self.x @ self.params[0] + self.params[1]).tanh() - self.t) ** 2).mean()
        loss.backward()
        return loss

    def run(self, steps, scheduler=None):
        path = []
        for _ in range(steps):
            self.optimizer.step(self.closure)
            if scheduler is not None:
                scheduler.step()
            path.append(np.concatenate([p.detach().numpy().ravel() for p in self.params]))
        return np.array(path)


def problem(library, seed, name):
    d = Draw(seed, name)
    options = {key: d.one(choices) for key, choices in OPTIONS[name].items()}
    options = {key: value for key, value in options.items() if value is not None}
    options["lr"] = d.one([0.02, 0.1, 0.3] if d.chance(0.97) else [-1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Problem(library, d, name, options), None, options
        except Exception as error:  # its class is what is compared
            return None, error, options


@pytest.fixture(autouse=True)
def double_precision():
    """In which PyTorch's optimizers keep their numbers."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_random_options_lead_the_same_way(name):
    ran = 0
    for seed in range(CASES):
        theirs, expected, options = problem(torch, seed, name)
        ours, error, _ = problem(pf, seed, name)
        assert type(error) is type(expected), f"{name} {options}: {error!r}, PyTorch {expected!r}"
        if theirs is None:
            continue
        np.testing.assert_allclose(
            ours.run(STEPS), theirs.run(STEPS), rtol=1e-6, atol=1e-8, err_msg=f"{name} {options}"
        )
        ran += 1
    assert ran


def moved(value, tensor, kind):
    if isinstance(value, dict):
        return {key: moved(entry, tensor, kind) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(moved(entry, tensor, kind) for entry in value)
    return tensor(value.detach().numpy()) if isinstance(value, kind) else value


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_states_go_on_in_the_other_library(name):
    for seed in range(max(CASES // 4, 1)):
        theirs, _, options = problem(torch, seed, name)
        ours, _, _ = problem(pf, seed, name)
        if theirs is None:
            continue
        theirs.run(3)
        state = moved(theirs.optimizer.state_dict(), pf.tensor, torch.Tensor)
        with pf.no_grad():
            for own, other in zip(ours.params, theirs.params):
                own.copy_(pf.tensor(other.detach().numpy()))
        ours.optimizer.load_state_dict(state)
        expected = theirs.run(3)
        np.testing.assert_allclose(ours.run(3), expected, rtol=1e-6, atol=1e-8, err_msg=f"{name} {options}")
        if name != "LBFGS":  # whose state PyTorch keeps in forms of its own
            theirs.optimizer.load_state_dict(moved(ours.optimizer.state_dict(), torch.tensor, pf.Tensor))
            np.testing.assert_allclose(ours.run(3), theirs.run(3), rtol=1e-6, atol=1e-8, err_msg=f"{name} {options}")


SCHEDULERS = {
    "StepLR": {"step_size": [1, 3], "gamma": [None, 0.5]},
    "MultiStepLR": {"milestones": [[2, 5], [3, 3, 9]], "gamma": [None, 0.5]},
    "ConstantLR": {"factor": [None, 0.5, 1.5], "total_iters": [None, 3, 0]},
    "LinearLR": {"start_factor": [None, 0.5, 1.0], "end_factor": [None, 0.1], "total_iters": [None, 4]},
    "ExponentialLR": {"gamma": [0.9, 1.1]},
    "PolynomialLR": {"total_iters": [None, 8], "power": [None, 2.0]},
    "CosineAnnealingLR": {"T_max": [3, 10], "eta_min": [None, 0.01]},
    "CosineAnnealingWarmRestarts": {"T_0": [2, 5, 0], "T_mult": [None, 2], "eta_min": [None, 0.01]},
    "OneCycleLR": {"max_lr": [0.5], "total_steps": [25], "pct_start": [None, 0.5], "three_phase": [None, True]},
    "CyclicLR": {
        "base_lr": [0.01],
        "max_lr": [0.3],
        "step_size_up": [3, 5],
        "mode": [None, "triangular2", "exp_range", "square"],
        "gamma": [None, 0.9],
    },
    "LambdaLR": {"lr_lambda": [lambda epoch: 0.9**epoch]},
    "MultiplicativeLR": {"lr_lambda": [lambda epoch: 0.97]},
}


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_random_schedules_lead_the_same_way(name):
    for seed in range(max(CASES // 3, 1)):
        d = Draw(seed, name)
        options = {key: d.one(choices) for key, choices in SCHEDULERS[name].items()}
        options = {key: value for key, value in options.items() if value is not None}
        paths, errors = [], []
        for library in (torch, pf):
            made, _, _ = problem(library, 1, "SGD")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    scheduler = getattr(library.optim.lr_scheduler, name)(made.optimizer, **options)
                    rates = []
                    path = made.run(STEPS, scheduler)
                    rates.append(scheduler.get_last_lr())
                    paths.append((path, rates))
                    errors.append(None)
                except Exception as error:  # its class is what is compared
                    errors.append(type(error))
        assert errors[0] is errors[1], f"{name} {options}: {errors}"
        if not errors[0]:
            np.testing.assert_allclose(paths[1][0], paths[0][0], rtol=1e-9, atol=1e-12, err_msg=f"{name} {options}")
            np.testing.assert_allclose(paths[1][1], paths[0][1], rtol=1e-9, err_msg=f"{name} {options}")
