"""Optimizers take the steps PyTorch takes."""

from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "optimizers.npz"))
CASES = sorted({key.rsplit("/", 1)[0] for key in REFERENCES if "/" in key})


def regression():
    params = [nn.Parameter(pf.tensor(REFERENCES[name])) for name in "wb"]
    x, t = pf.tensor(REFERENCES["x"]), pf.tensor(REFERENCES["t"])
    return params, lambda: (((x @ params[0] + params[1]).tanh() - t) ** 2).mean()


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_agree_with_the_reference(case):
    params, loss = regression()
    optimizer = eval(case, {"optim": optim, "params": params})
    for step in range(len(REFERENCES[f"{case}/w"])):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        for name, param in zip("wb", params):
            expected = REFERENCES[f"{case}/{name}"][step]
            np.testing.assert_allclose(
                param.numpy(force=True), expected, rtol=2e-4, atol=2e-5, err_msg=f"{name} {step}"
            )


@pytest.mark.parametrize("make", [optim.SGD, optim.AdamW, lambda params, lr: optim.SGD(params, lr, momentum=0.9)])
def test_changed_learning_rates_make_no_new_plan(make):
    params, loss = regression()
    optimizer = make(params, lr=0.1)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    for _ in range(3):  # the first step of momentum is another computation than the later ones
        step()
    misses = pf.compile_cache_stats()["misses"]
    for lr in (0.2, 0.05, 0.01):
        optimizer.param_groups[0]["lr"] = lr
        step()
    assert pf.compile_cache_stats()["misses"] == misses


def test_a_step_evaluates_parameters_state_and_running_statistics():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = optim.Adam(net.parameters())
    for _ in range(2):
        optimizer.zero_grad()
        net(pf.randn(8, 3)).sum().backward()
        optimizer.step()
        assert all(tensor.is_evaluated() for tensor in (*net.parameters(), *net.buffers()))
        assert all(state["exp_avg"].is_evaluated() for state in optimizer.state.values())


def test_parameters_without_gradient_stay():
    params = [nn.Parameter(pf.ones(2)), nn.Parameter(pf.ones(2))]
    params[0].grad = pf.ones(2)
    optimizer = optim.SGD(params, lr=0.5)
    optimizer.step()
    assert params[0].tolist() == [0.5, 0.5] and params[1].tolist() == [1.0, 1.0]
    optimizer.zero_grad(set_to_none=False)
    assert params[0].grad.tolist() == [0.0, 0.0] and params[1].grad is None
    optimizer.zero_grad()
    assert params[0].grad is None
    optimizer.step()


def test_parameters_stay_leaves_and_old_values_stay_theirs():
    param = nn.Parameter(pf.ones(2))
    held = param.detach() * 1.0  # pending while the parameter moves on
    (param * param).sum().backward()
    optim.SGD([param], lr=0.5).step()
    assert param.is_leaf and param.requires_grad
    assert held.tolist() == [1.0, 1.0] and param.tolist() == [0.0, 0.0]


def test_a_closure_runs_with_gradients():
    params, loss = regression()
    optimizer = optim.SGD(params, lr=0.1)

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    with pf.no_grad():
        first = optimizer.step(closure).item()
    assert optimizer.step(closure).item() < first


@pytest.mark.parametrize(
    "make", [lambda params: optim.SGD(params, lr=0.1, momentum=0.9), lambda params: optim.Adam(params, amsgrad=True)]
)
def test_a_loaded_state_continues_the_run(make):
    def steps(optimizer, loss, count):
        for _ in range(count):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

    params, loss = regression()
    optimizer = make(params)
    steps(optimizer, loss, 3)
    stored, values = optimizer.state_dict(), [param.numpy(force=True).copy() for param in params]
    steps(optimizer, loss, 3)

    others, other_loss = regression()
    other = make(others)
    with pf.no_grad():
        for param, value in zip(others, values):
            pf.ops.assign(param, pf.tensor(value))
    other.load_state_dict(stored)
    steps(other, other_loss, 3)
    for param, twin in zip(params, others):
        np.testing.assert_array_equal(param.numpy(force=True), twin.numpy(force=True))


def test_state_of_another_shape_is_refused():
    optimizer = optim.SGD([nn.Parameter(pf.ones(1))], lr=0.1)
    stored = optim.SGD([nn.Parameter(pf.ones(1)), nn.Parameter(pf.ones(1))], lr=0.1).state_dict()
    with pytest.raises(ValueError, match=r"\[2\] parameters, the optimizer's \[1\]"):
        optimizer.load_state_dict(stored)


def test_groups_have_options_of_their_own():
    one, two, three = (nn.Parameter(pf.ones(1)) for _ in range(3))
    optimizer = optim.SGD([{"params": one}, {"params": [two], "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [("named", three)], "lr": 1.0})
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 1.0]
    assert optimizer.param_groups[2]["param_names"] == ["named"]
    for param in (one, two, three):
        param.grad = pf.ones(1)
    optimizer.step()
    np.testing.assert_allclose([param.item() for param in (one, two, three)], [0.9, 0.5, 0.0], rtol=1e-6)
    assert "lr: 0.5" in repr(optimizer)


def test_hooks_run_around_steps():
    optimizer, calls = optim.SGD([nn.Parameter(pf.ones(1))], lr=0.1), []
    handle = optimizer.register_step_pre_hook(lambda own, args, kwargs: calls.append("before"))
    optimizer.register_step_post_hook(lambda own, args, kwargs: calls.append("after"))
    optimizer.step()
    handle.remove()
    optimizer.step()
    assert calls == ["before", "after", "after"]


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda p: optim.SGD(p, lr=-1.0), ValueError),
        (lambda p: optim.SGD(p, nesterov=True), ValueError),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), ValueError),
        (lambda p: optim.SGD([]), ValueError),
        (lambda p: optim.SGD(p[0]), TypeError),
        (lambda p: optim.SGD([*p, *p]), ValueError),
        (lambda p: optim.SGD(["x"]), TypeError),
        (lambda p: optim.SGD([p[0] * 2]), ValueError),
    ],
)
def test_optimizers_refuse(make, error):
    with pytest.raises(error, match=r"^\["):
        make([nn.Parameter(pf.ones(1))])
