import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.optim import swa_utils


def weights(averaged):
    return next(averaged.module.parameters()).numpy(force=True)


def run(averaged, model, values):
    for value in values:
        nn.init.constant_(model.weight, value)
        averaged.update_parameters(model)
    return float(weights(averaged)[0, 0])


def test_the_plain_mean_of_all_updates():
    model = nn.Linear(2, 1)
    averaged = swa_utils.AveragedModel(model)
    assert run(averaged, model, [1.0, 2.0, 6.0]) == pytest.approx(3.0)
    assert averaged.n_averaged.item() == 3
    nn.init.constant_(model.weight, 100.0)
    assert weights(averaged)[0, 1] == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["avg_fn", "multi_avg_fn"])
def test_exponential_averages(name):
    model = nn.Linear(2, 1)
    averaged = swa_utils.AveragedModel(model, **{name: getattr(swa_utils, f"get_ema_{name}")(0.9)})
    assert run(averaged, model, [1.0, 2.0, 3.0]) == pytest.approx(0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 3)


@pytest.mark.parametrize("use_buffers, expected", [(False, 5.0), (True, 3.0)])
def test_buffers_are_copied_or_averaged(use_buffers, expected):
    model = nn.BatchNorm1d(1)
    averaged = swa_utils.AveragedModel(model, use_buffers=use_buffers)
    for value in (1.0, 5.0):
        model.running_mean.fill_(value)
        averaged.update_parameters(model)
    assert averaged.module.running_mean.item() == expected
    model.running_mean.fill_(9.0)
    assert averaged.module.running_mean.item() == expected


def test_state_is_stored_and_gradients_do_not_reach_the_average():
    model = nn.Linear(2, 1)
    averaged, other = swa_utils.AveragedModel(model), swa_utils.AveragedModel(model)
    run(averaged, model, [1.0, 2.0])
    other.load_state_dict(averaged.state_dict())
    assert run(other, model, [6.0]) == run(averaged, model, [6.0]) == pytest.approx(3.0)
    assert next(averaged.module.parameters()).is_leaf
    averaged(pf.ones(1, 2)).sum().backward()
    assert model.weight.grad is None


def test_statistics_are_plain_means_over_the_loader():
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3), nn.Linear(3, 2)).eval()
    batches = [np.random.default_rng(seed).standard_normal((8, 3)).astype(np.float32) for seed in range(4)]
    swa_utils.update_bn(((pf.tensor(batch), None) for batch in batches), model)
    np.testing.assert_allclose(model[0].running_mean.numpy(), np.mean([b.mean(0) for b in batches], 0), atol=1e-6)
    np.testing.assert_allclose(model[0].running_var.numpy(), np.mean([b.var(0, ddof=1) for b in batches], 0), rtol=1e-5)
    assert model[0].momentum == 0.3 and not model.training


def test_momenta_come_back_when_the_loader_fails():
    model = nn.BatchNorm1d(3)
    with pytest.raises(ZeroDivisionError):
        swa_utils.update_bn((1 / 0 for _ in range(2)), model)
    assert model.momentum == 0.1


def test_models_without_normalization_are_left_alone():
    swa_utils.update_bn(iter(()), nn.Linear(2, 1))


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match="decay"):
        swa_utils.get_ema_multi_avg_fn(1.5)
    with pytest.raises(ValueError, match="one of them"):
        swa_utils.AveragedModel(
            nn.Linear(1, 1), avg_fn=swa_utils.get_swa_avg_fn(), multi_avg_fn=swa_utils.get_swa_multi_avg_fn()
        )
