"""A run that goes on from a checkpoint computes, bit for bit, what one without a stop does."""

import pytest

import pyflame as pf
from pyflame import nn, optim

OPTIMIZERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda params: optim.Adam(params, lr=0.01, amsgrad=True),
    "adamw": lambda params: optim.AdamW(params, lr=0.01),
}


def parts(make):
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    optimizer = make(model.parameters())
    return model, optimizer, optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.5)


def run(model, optimizer, scheduler, steps):
    losses = []
    for _ in range(steps):
        x = pf.randn(8, 6)
        loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_runs_are_equal_bit_for_bit(tmp_path, name):
    pf.manual_seed(1)
    model, optimizer, scheduler = parts(OPTIMIZERS[name])
    run(model, optimizer, scheduler, 7)
    ck = pf.Checkpoint(
        model, optimizer, global_step=7, scheduler_state=scheduler.state_dict(), rng_state=pf.get_rng_state()
    )
    pf.save_checkpoint(ck, tmp_path / "run.pf")
    losses = run(model, optimizer, scheduler, 9)
    expected = {key: value.numpy().tobytes() for key, value in model.state_dict().items()}

    pf.manual_seed(2)
    model, optimizer, scheduler = parts(OPTIMIZERS[name])
    ck = pf.load_checkpoint(tmp_path / "run.pf")
    model.load_state_dict(ck.model_state)
    optimizer.load_state_dict(ck.optimizer_state)
    scheduler.load_state_dict(ck.scheduler_state)
    pf.set_rng_state(ck.rng_state)
    assert ck.global_step == 7 and run(model, optimizer, scheduler, 9) == losses
    assert {key: value.numpy().tobytes() for key, value in model.state_dict().items()} == expected


def test_load_into_a_module(tmp_path):
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    for suffix in ("pf", "safetensors", "npz"):
        pf.save(first, tmp_path / f"x.{suffix}")
        pf.load_into(second, tmp_path / f"x.{suffix}")
        assert pf.equal(first.weight, second.weight)
    with pytest.raises(RuntimeError, match="missing keys: bias"):
        pf.load_into(second, saved(tmp_path / "part.pf", {"weight": pf.ones(2, 3)}))
    keys = pf.load_into(second, tmp_path / "part.pf", strict=False)
    assert keys.missing_keys == ["bias"] and pf.equal(second.weight, pf.ones(2, 3))


def saved(path, obj):
    pf.save(obj, path)
    return path
