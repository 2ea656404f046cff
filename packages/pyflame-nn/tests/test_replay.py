"""Compiled modules: state that changes between calls, hooks, and training that equals the uncompiled one."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.nn import functional as F


class Net(nn.Module):
    """Layers that draw, keep statistics and branch on attributes."""

    def __init__(self, features: int = 6) -> None:
        super().__init__()
        self.scale, self.skip, self.sizes = 1.0, False, [1, 2]
        self.first, self.norm = nn.Linear(4, features), nn.BatchNorm1d(features)
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(features, 3)
        self.blocks = nn.ModuleList([nn.Linear(features, features), nn.LayerNorm(features)])

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        x = self.drop(F.relu(self.norm(self.first(x)))) * self.scale
        for block in self.blocks:
            x = x + block(x) if self.skip else block(x)
        return self.last(x) * sum(self.sizes)


def batch(seed: int, rows: int = 5) -> tuple[pf.Tensor, pf.Tensor]:
    rng = np.random.default_rng(seed)
    return pf.tensor(rng.standard_normal((rows, 4)).astype(np.float32)), pf.tensor(rng.integers(0, 3, rows))


def values(net: nn.Module) -> list[Any]:
    return [tensor.numpy().copy() for tensor in net.state_dict().values()]


def equal(a: list[Any], b: list[Any]) -> None:
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_equals_the_uncompiled_one() -> None:
    pf.manual_seed(0)
    plain = Net()
    twin = copy.deepcopy(plain)
    compiled = pf.compile(twin)
    found = []
    for net, call in ((plain, plain), (twin, compiled)):
        pf.manual_seed(7)
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        losses = []
        for step in range(12):
            net.train(step % 4 != 3)
            x, y = batch(step)
            loss = F.cross_entropy(call(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        found.append([np.array(losses), *values(net)])
    equal(*found)
    assert compiled.replays == 10 and compiled.fallback_reasons == ()


OPTIMIZERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.1),
    "momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda params: optim.Adam(params, lr=0.01),
    "adamw": lambda params: optim.AdamW(params, lr=0.01, amsgrad=True),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("order", ["before", "after", "outside"])
def test_whole_steps_equal_the_uncompiled_ones(name: str, order: str) -> None:
    pf.manual_seed(0)
    plain = Net()
    twin = copy.deepcopy(plain)
    found = []
    for net, compiles in ((plain, False), (twin, True)):
        pf.manual_seed(7)
        optimizer = OPTIMIZERS[name](net.parameters())
        scheduler = optim.lr_scheduler.StepLR(optimizer, 3, 0.5)

        def step(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
            loss = F.cross_entropy(net(x), y)  # noqa: B023
            if order == "before":
                optimizer.zero_grad()  # noqa: B023
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)  # noqa: B023
            optimizer.step()  # noqa: B023
            if order == "after":
                optimizer.zero_grad()  # noqa: B023
                scheduler.step()  # noqa: B023
            return loss

        call = pf.compile(step) if compiles else step
        losses = []
        for count in range(12):
            net.train(count % 4 != 3)
            if order == "outside":
                optimizer.zero_grad()
            losses.append(call(*batch(count)).item())
            if order != "after":
                scheduler.step()
        found.append([np.array(losses), *values(net)])
    equal(*found)
    assert call.fallback_reasons == () and call.replays >= 8


def test_what_follows_a_step_is_not_compiled_with_it() -> None:
    net = nn.Linear(4, 3)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def looking(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        return F.cross_entropy(net(x), y)

    def counting(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss * optimizer.param_groups[0]["lr"]

    def viewing(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        row = net.weight.detach()[0]  # shares the memory that the step changes
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss + row.sum()

    def closing(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        loss = F.cross_entropy(net(x), y)
        optimizer.step(loss.backward)
        return loss

    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer)

    def watching(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        plateau.step(1.0)
        return F.cross_entropy(net(x), y)

    cases = {looking: "after an optimizer's step", counting: "uses param_groups", closing: "values"}
    cases |= {watching: "plateau", viewing: "after an optimizer's step"}
    for function, reason in cases.items():
        compiled = pf.compile(function)
        for seed in range(3):
            compiled(*batch(seed))
        assert compiled.replays == 0 and reason in compiled.fallback_reasons[0]


def test_parameters_and_hooks_that_come_later_are_noticed() -> None:
    net, extra = nn.Linear(4, 3), nn.Parameter(pf.ones(3))
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @pf.compile
    def step(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for seed in range(3):
        step(*batch(seed))
    assert step.replays == 2
    optimizer.add_param_group({"params": [extra]})
    extra.grad = pf.ones(3)
    step(*batch(0))
    assert extra.grad is None  # zero_grad saw it
    net.weight.register_hook(lambda grad: grad * 0)
    before = net.weight.detach().numpy().copy()
    for seed in range(3):
        step(*batch(seed))
    np.testing.assert_array_equal(net.weight.detach().numpy(), before)


def test_running_statistics_are_evaluated_with_the_step() -> None:
    net = Net()
    compiled, optimizer = pf.compile(net), optim.SGD(net.parameters(), lr=0.1)
    for step in range(5):
        compiled(batch(step)[0]).sum().backward()
        optimizer.step()
        assert net.norm.running_mean is not None and not pf.is_lazy(net.norm.running_mean)
    assert compiled.replays == 4


def test_hooks_are_noticed() -> None:
    net = nn.Linear(4, 2)
    compiled = pf.compile(net)
    x, _ = batch(0)
    for _ in range(3):
        before = compiled(x)
    seen = []
    handle = net.register_forward_hook(lambda module, args, output: seen.append(1))
    for _ in range(3):
        compiled(x)
    assert len(seen) == 3
    handle.remove()
    doubled = net.register_forward_hook(lambda module, args, output: output * 2)
    for _ in range(3):
        np.testing.assert_allclose(compiled(x).detach().numpy(), 2 * before.detach().numpy(), rtol=1e-6)
    doubled.remove()
    np.testing.assert_allclose(compiled(x).detach().numpy(), before.detach().numpy(), rtol=1e-6)


def test_a_method_and_a_loss_are_compiled_together() -> None:
    net = Net().eval()
    loss = pf.compile(lambda x, y: F.cross_entropy(net(x), y, label_smoothing=0.1))
    for seed in range(4):
        x, y = batch(seed)
        want = F.cross_entropy(net(x), y, label_smoothing=0.1).item()
        assert loss(x, y).item() == pytest.approx(want, rel=1e-6)
    assert loss.replays == 3 and loss.fallback_reasons == ()


def change(net: Any, what: int, value: float) -> None:
    if what == 0:
        net.scale = value
    elif what == 1:
        net.skip = not net.skip
    elif what == 2:
        net.sizes.append(int(10 * value))
    elif what == 3:
        net.train(value > 0.5)
    elif what == 4:
        net.first.weight = nn.Parameter(pf.full((6, 4), value))
    elif what == 5:
        with pf.no_grad():
            net.last.bias.fill_(value)
    elif what == 6:
        net.blocks.append(nn.Tanh())
    elif what == 7:
        net.blocks[0] = nn.Linear(6, 6, bias=False)
        nn.init.constant_(net.blocks[0].weight, value)
    elif what == 8:
        net.norm.requires_grad_(value > 0.5)
    elif what == 9:
        net.load_state_dict(
            {k: pf.tensor(v * np.float32(0.9)).to(t.dtype) for (k, t), v in zip(net.state_dict().items(), values(net))}
        )
    elif what == 10:
        net.drop.p = value / 2
    elif what == 11:
        net.norm.reset_running_stats()
    elif what == 12:
        net.last.weight.data = pf.full((3, 6), value)
    elif what == 13:
        net.norm = nn.Identity() if value > 0.8 else nn.BatchNorm1d(6)


@pytest.mark.parametrize("seed", range(24))
def test_changes_between_calls_are_seen(seed: int) -> None:
    rng = random.Random(seed)
    pf.manual_seed(seed)
    plain = Net()
    twin = copy.deepcopy(plain)
    compiled = pf.compile(twin)
    rows = 5
    for step in range(12):
        event, value = rng.randrange(26), rng.choice((0.25, 0.75, 1.0))
        rows = rng.randrange(2, 6) if event == 14 else rows
        state, found = pf.get_rng_state(), []
        for net, call in ((plain, plain), (twin, compiled)):
            pf.set_rng_state(state)
            change(net, event, value)
            x, y = batch(step, rows)
            output = call(x)
            loss = F.cross_entropy(output, y)
            loss.backward()
            grads = [None if p.grad is None else p.grad.numpy() for p in net.parameters()]
            net.zero_grad()
            found.append([output.detach().numpy(), *grads, *values(net), pf.get_rng_state().numpy()])
        equal(*found)
