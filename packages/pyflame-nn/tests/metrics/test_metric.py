"""What all metrics can do, on one of each kind of state."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import metrics

RANDOM = np.random.default_rng(8)
MAKERS = {
    "accuracy": lambda: metrics.Accuracy("binary"),
    "ranking": lambda: metrics.AUROC("binary"),
    "moments": lambda: metrics.R2Score(),
    "ranks": lambda: metrics.SpearmanCorrelation(),
    "errors": lambda: metrics.MeanSquaredError(),
}
PREDS, TARGET = RANDOM.uniform(0, 1, 30), np.arange(30) % 2


def whole(make):
    metric = make()
    metric.update(PREDS, TARGET)
    return metric.compute().item()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_batches_and_merged_parts_make_the_whole(make):
    one, two, three = make(), make(), make()
    one.update(PREDS[:9], TARGET[:9])
    two.update(PREDS[9:20], TARGET[9:20])
    three.update(PREDS[20:], TARGET[20:])
    one.merge_state(two)
    one.merge_state(three.state_dict())
    assert one.update_count == 3
    assert one.compute().item() == pytest.approx(whole(make), rel=1e-6)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_call_returns_the_value_of_its_batch(make):
    metric, alone = make(), make()
    metric(PREDS[:12], TARGET[:12])
    alone.update(PREDS[12:], TARGET[12:])
    assert metric(PREDS[12:], TARGET[12:]).item() == alone.compute().item()
    assert metric.compute().item() == pytest.approx(whole(make), rel=1e-6)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_clones_and_stored_states_go_their_own_way(make, tmp_path):
    metric = make()
    metric.update(PREDS[:12], TARGET[:12])
    before = metric.compute().item()
    twin, loaded = metric.clone(), make()
    pf.save(metric.state_dict(), tmp_path / "metric.pf")
    metric.update(PREDS[12:], TARGET[12:])
    loaded.load_state_dict(pf.load(tmp_path / "metric.pf"))
    assert twin.compute().item() == loaded.compute().item() == before
    metric.reset()
    assert metric.update_count == 0
    metric.update(PREDS[:12], TARGET[:12])
    assert metric.compute().item() == before
    assert metric.to("cpu") is metric


def test_collections_name_their_results():
    both = metrics.MetricCollection(
        {"f1": metrics.F1Score("binary"), "p": metrics.Precision("binary")}, prefix="train_", postfix="_1"
    )
    assert set(both(PREDS, TARGET)) == {"train_f1_1", "train_p_1"}
    twin = both.clone(prefix="val_")
    both.reset()
    assert twin["f1"].update_count == 1 and both["f1"].update_count == 0 and len(twin) == 2
    both.merge_state(twin)
    assert both.compute()["train_p_1"].item() == twin.compute()["val_p_1"].item()
    both.load_state_dict(twin.state_dict())
    assert [name for name, _ in both.items()] == list(both) == ["f1", "p"]
    with pytest.raises(ValueError, match="same class"):
        metrics.MetricCollection([metrics.MSE(), metrics.MSE()])


def test_aggregates():
    mean, largest, least, total = (getattr(metrics, f"{name}Metric")() for name in ("Mean", "Max", "Min", "Sum"))
    for values in ([3.0, 1.0], [-2.0]):
        for metric in (mean, largest, least, total):
            metric.update(pf.tensor(values))
    assert [metric.compute().item() for metric in (largest, least, total)] == [3.0, -2.0, 2.0]
    assert mean.compute().item() == pytest.approx(2 / 3)
    mean.update([4.0, 0.0], weight=[3.0, 0.0])
    assert mean.compute().item() == pytest.approx(14 / 6)


def test_running_means_restart():
    means = metrics.MetricAggregator()
    means.update({"loss": pf.tensor(2.0)}, weight=4)
    assert means.compute() == {"loss": 2.0}
    means.reset()
    assert means.compute() == {}


def test_states_need_a_known_reduction():
    with pytest.raises(ValueError, match="dist_reduce_fx"):
        metrics.Metric().add_state("x", np.zeros(1), "median")
