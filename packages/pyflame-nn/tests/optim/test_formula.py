"""Optimizers of which each step is recorded with ordinary operations take PyTorch's steps, in double precision."""

from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "steppers.npz"))
CASES = sorted(case for case in REFERENCES if case.startswith("optim."))
# names of the state PyTorch keeps
STATES = {
    "optim.Adamax(params)": "step exp_avg exp_inf",
    "optim.NAdam(params)": "step mu_product exp_avg exp_avg_sq",
    "optim.RAdam(params)": "step exp_avg exp_avg_sq",
    "optim.RMSprop(params, momentum=0.1, centered=True)": "step square_avg momentum_buffer grad_avg",
    "optim.Adagrad(params)": "step sum",
    "optim.Adadelta(params)": "step square_avg acc_delta",
    "optim.ASGD(params)": "step eta mu ax",
    "optim.Rprop(params)": "step prev step_size",
}


class Regression:
    def __init__(self, case, values=None):
        self.params = [nn.Parameter(pf.tensor(REFERENCES[name])) for name in "wb"]
        if values is not None:
            with pf.no_grad():
                for param, value in zip(self.params, values):
                    param.copy_(pf.tensor(value))
        self.optimizer = eval(case, {"optim": optim, "params": self.params})
        self.x, self.t = pf.tensor(REFERENCES["x"]), pf.tensor(REFERENCES["t"])

    def closure(self):
        self.optimizer.zero_grad()
        loss = (((self.x @ self.params[0] + self.params[1]).tanh() - self.t) ** 2).mean()
        loss.backward()
        return loss

    def step(self):
        self.optimizer.step(self.closure)
        return np.concatenate([value.ravel() for value in self.values()])

    def values(self):
        return [param.numpy(force=True).copy() for param in self.params]


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_agree_with_the_reference(case):
    run = Regression(case)
    path = np.stack([run.step() for _ in REFERENCES[case]])
    np.testing.assert_allclose(path, REFERENCES[case], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_a_loaded_state_continues_bit_for_bit(case, tmp_path):
    run = Regression(case)
    for _ in range(7):
        run.step()
    pf.save(run.optimizer.state_dict(), tmp_path / "state.pf")
    values = run.values()
    expected = [run.step() for _ in range(6)]
    other = Regression(case, values)
    other.optimizer.load_state_dict(pf.load(tmp_path / "state.pf"))
    for value in expected:
        np.testing.assert_array_equal(other.step(), value)


@pytest.mark.parametrize("case", CASES)
def test_later_steps_make_no_new_plans(case):
    run = Regression(case)
    for _ in range(9):
        run.step()
    misses = pf.compile_cache_stats()["misses"]
    for lr in (0.01, 0.02, 0.03):
        run.optimizer.param_groups[0]["lr"] = lr
        run.step()
    assert pf.compile_cache_stats()["misses"] == misses


@pytest.mark.parametrize("case", STATES)
def test_state_has_the_names_of_pytorch_and_is_evaluated(case):
    run = Regression(case)
    run.step()
    state = run.optimizer.state_dict()["state"]
    assert list(state) == [0, 1]
    for values in state.values():
        assert set(values) == set(STATES[case].split()) and values["step"] == 1
        assert all(value.is_evaluated() for value in values.values() if isinstance(value, pf.Tensor))


def test_a_stored_history_stays_as_it_was():
    run = Regression("optim.LBFGS(params, lr=0.1, max_iter=3)")
    run.step()
    stored = run.optimizer.state_dict()["state"][0]
    assert set(stored) == set("func_evals n_iter d t old_dirs old_stps ro H_diag prev_flat_grad prev_loss".split())
    kept, done = len(stored["old_dirs"]), stored["n_iter"]
    run.step()
    later = run.optimizer.state_dict()["state"][0]
    assert kept == len(stored["old_dirs"]) < len(later["old_dirs"]) and done == stored["n_iter"] < later["n_iter"]


@pytest.mark.parametrize("name", ["Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "ASGD", "Rprop"])
def test_options_of_other_implementations_are_ignored(name):
    options = {"foreach": True, "differentiable": False, "fused" if name == "Adagrad" else "capturable": False}
    plain, other = (Regression(f"optim.{name}(params, **{given})") for given in ({}, options))
    np.testing.assert_array_equal(plain.step(), other.step())


@pytest.mark.parametrize(
    "case",
    [
        "optim.Adamax(params, lr=-1)",
        "optim.NAdam(params, momentum_decay=-1)",
        "optim.RAdam(params, betas=(0.9, 1.0))",
        "optim.RMSprop(params, alpha=-0.1)",
        "optim.Adagrad(params, lr_decay=-1)",
        "optim.Adadelta(params, rho=1.5)",
        "optim.ASGD(params, weight_decay=-1)",
        "optim.Rprop(params, etas=(0.5, 0.9))",
        "optim.LBFGS(params, lr=-1)",
        "optim.LBFGS([{'params': params[:1]}, {'params': params[1:]}])",
    ],
)
def test_options_out_of_range_are_refused(case):
    with pytest.raises(ValueError, match=r"^\["):
        Regression(case)


def test_quasi_newton_needs_a_closure_and_a_known_search():
    run = Regression("optim.LBFGS(params, line_search_fn='backtrack')")
    with pytest.raises(RuntimeError, match="strong_wolfe"):
        run.step()
    with pytest.raises(TypeError, match="closure"):
        run.optimizer.step()
