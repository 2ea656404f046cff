"""Callbacks that change a run or report on it."""

import csv
import json
import math

import numpy as np
import pytest

import pyflame as pf
from pyflame import metrics, nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    GradientAccumulationScheduler,
    LearningRateMonitor,
    LearningRateScheduler,
    ProfilerCallback,
    StochasticWeightAveraging,
    TerminateOnNaN,
    Trainer,
    TrainerConfig,
)


def data(n=40):
    x = np.random.default_rng(0).standard_normal((n, 4)).astype(np.float32)
    return TensorDataset(pf.tensor(x), pf.tensor(x.sum(1, keepdims=True)))


def run(callbacks=(), model=None, lr=0.05, scheduler=None, logger=None, fit=True, criterion=None, **config):
    pf.manual_seed(0)
    model = model or nn.Linear(4, 1)
    optimizer = optim.SGD(model.parameters(), lr=lr)
    trainer = Trainer(
        model,
        TrainerConfig(**{"enable_progress_bar": False, "max_epochs": 4, "log_every_n_steps": 5, **config}),
        optimizer=optimizer,
        scheduler=scheduler and scheduler(optimizer),
        criterion=criterion or nn.MSELoss(),
        callbacks=callbacks,
        logger=logger,
    )
    trainer.train_loader = DataLoader(data(), batch_size=4)
    if fit:
        trainer.train()
    return trainer


def test_all_names_are_in_both_places():
    from pyflame import training
    from pyflame.training import callbacks

    names = [name for name in vars(callbacks) if isinstance(vars(callbacks)[name], type)]
    assert len(names) == 14 and all(getattr(training, name) is getattr(callbacks, name) for name in names)


def test_order_of_callbacks():
    class Kind(Callback):
        def __init__(self, order):
            self.ORDER = order

    found = CallbackList([Kind(2), Kind(0), Kind(1), Kind(0)], Trainer())
    assert [callback.ORDER for callback in found] == [0, 0, 1, 2] and len(found) == 4
    with pytest.raises(TypeError, match="expected a pyflame.training.Callback"):
        found.append(print)


def test_early_stopping_counts_and_compares():
    stopping = EarlyStopping("loss", patience=2, min_delta=0.1, mode="max")
    trainer = Trainer()
    for epoch, value in enumerate([1.0, 1.05, 1.2, 1.0, 1.25]):
        stopping.on_epoch_end(epoch, {"loss": value}, trainer=trainer)
        assert trainer.state.should_stop == (epoch == 4)
    for options in ({"mode": "up"}, {"patience": -1}, {"min_delta": -1.0}):
        with pytest.raises(ValueError):
            EarlyStopping(**options)


def test_accumulation_changes_with_the_epoch():
    steps = []

    class Count(Callback):
        def on_epoch_end(self, epoch, logs=None, **kw):
            steps.append(kw["global_step"])

    run([GradientAccumulationScheduler({1: 5, 3: 3}), Count()])
    assert np.diff([0, *steps]).tolist() == [10, 2, 2, 4]
    for wrong in ({-1: 2}, {0: 0}):
        with pytest.raises(ValueError, match="expected epochs"):
            GradientAccumulationScheduler(wrong)


def test_schedulers_step_by_steps_or_epochs():
    trainer = run([LearningRateScheduler(lambda own: optim.ExponentialLR(own, 0.9), interval="step")])
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.05 * 0.9**40)
    trainer = run(fit=False)
    trainer.callbacks.append(LearningRateScheduler(optim.ExponentialLR(trainer.optimizer, 0.9)))
    trainer.train()
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.05 * 0.9**4)
    plateau = lambda own: optim.ReduceLROnPlateau(own, patience=0, threshold=0.999)
    assert run([LearningRateScheduler(plateau)]).optimizer.param_groups[0]["lr"] < 0.05
    with pytest.raises(ValueError, match="interval='epoch'"):
        run([LearningRateScheduler(plateau, interval="step")])
    with pytest.raises(ValueError, match="interval is 'batch'"):
        LearningRateScheduler(plateau, interval="batch")


def test_learning_rates_are_logged():
    trainer = run([LearningRateMonitor()], scheduler=lambda own: optim.StepLR(own, 1, gamma=0.5))
    assert trainer.history["lr"] == [0.05, 0.025, 0.0125, 0.00625]
    assert [step["lr"] for step in trainer.history.steps] == [0.05] * 2 + [0.025] * 2 + [0.0125] * 2 + [0.00625] * 2
    model = nn.Linear(4, 1)
    trainer = run([LearningRateMonitor("epoch")], model=model, fit=False)
    trainer.optimizer = optim.SGD([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.1}], lr=0.2)
    history = trainer.train()
    assert (history["lr/0"][0], history["lr/1"][0]) == (0.2, 0.1) and "lr/0" not in history.steps[0]
    assert "lr" not in run([LearningRateMonitor("step")]).history.epochs[0]
    with pytest.raises(ValueError, match="logging_interval"):
        LearningRateMonitor("batch")


def test_tables(tmp_path):
    path = tmp_path / "new" / "run.csv"
    trainer = run([CSVLogger(path), LearningRateMonitor()])
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3] and [int(row["step"]) for row in rows] == [
        10,
        20,
        30,
        40,
    ]
    assert [float(row["loss"]) for row in rows] == trainer.history["loss"] and float(rows[0]["lr"]) == 0.05


def test_columns_that_come_later(tmp_path):
    class Late(Callback):
        def on_epoch_end(self, epoch, logs=None, **kw):
            if epoch == 2:
                logs["late"] = 0.25

    run([CSVLogger(tmp_path / "run.csv"), Late()])
    lines = (tmp_path / "run.csv").read_text().splitlines()
    assert lines[0] == "epoch,step,loss,late" and lines[1].endswith(",") and lines[3].endswith(",0.25")


def test_other_loggers_get_numbers_and_steps():
    class Memory:
        def __init__(self):
            self.rows = []

        def log_metrics(self, metrics, step):
            self.rows.append((step, metrics))

    memory = Memory()
    trainer = run(logger=memory, max_epochs=1)
    assert [step for step, _ in memory.rows] == [5, 10, 10]
    assert memory.rows[-1][1] == {"epoch": 0.0, "epoch_loss": trainer.history["loss"][0]}
    assert memory.rows[0][1] == {"loss": trainer.history.steps[0]["loss"]}
    with pytest.raises(TypeError, match="log_metrics"):
        run(logger=3)


def test_averaged_weights():
    weights = []

    class Look(Callback):
        def on_epoch_end(self, epoch, logs=None, **kw):
            weights.append(kw["trainer"].model[0].weight.numpy(force=True).copy())

    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    averaging = StochasticWeightAveraging(swa_start=0.5, swa_lr=0.01, anneal_epochs=1, anneal_strategy="linear")
    scheduler = lambda own: optim.StepLR(own, 1, gamma=0.5)
    trainer = run([Look(), averaging, LearningRateMonitor()], model, scheduler=scheduler, max_epochs=6)
    # Epochs 3, 4 and 5 are averaged; there the rate moves from the scheduler's to swa_lr.
    np.testing.assert_allclose(model[0].weight.numpy(force=True), np.mean(weights[3:], 0), rtol=1e-5, atol=1e-7)
    assert trainer.history["lr"] == pytest.approx([0.05, 0.025, 0.0125, 0.00625, 0.01, 0.01])
    inputs = nn.functional.linear(data().tensors[0], model[0].weight, model[0].bias).detach().numpy()
    # The means of the running statistics are means over the training batches, with the averaged weights.
    np.testing.assert_allclose(model[1].running_mean.numpy(), inputs.mean(0), rtol=1e-4, atol=1e-6)
    for wrong in (-1, 1.5):
        with pytest.raises(ValueError, match="swa_start"):
            StochasticWeightAveraging(wrong)
    assert len(run([StochasticWeightAveraging(2)]).history.epochs) == 4


def test_losses_that_are_no_numbers_end_the_run():
    with pytest.warns(UserWarning, match=r"the loss of batch \d in epoch 0 is (nan|inf)"):
        trainer = run([TerminateOnNaN()], lr=1e30)
    assert len(trainer.history.epochs) == 1 and trainer.state.global_step < 10
    assert not math.isfinite(trainer.history["loss"][0])


def test_profiles(tmp_path):
    path = tmp_path / "new" / "trace.json"
    profiler = ProfilerCallback(path, skip=2, batches=3)
    run([profiler])
    names = {name for name, _, _ in profiler.summary()}
    calls = {name: calls for name, calls, _ in profiler.summary()}
    assert any("matmul" in name for name in names) and all(count % 3 == 0 for count in calls.values())
    seconds = [seconds for *_, seconds in profiler.summary()]
    assert seconds == sorted(seconds, reverse=True) and seconds[-1] > 0
    rows = json.loads(path.read_text())["traceEvents"]
    assert len(rows) == len(profiler.events) and {"name", "ph", "ts", "dur", "pid", "tid"} <= rows[0].keys()
    before = len(profiler.events)
    run()
    assert len(profiler.events) == before
    for wrong in ({"skip": -1}, {"batches": 0}):
        with pytest.raises(ValueError, match="expected"):
            ProfilerCallback(**wrong)


def test_an_exception_ends_profiles():
    class Fail(Callback):
        def on_batch_end(self, batch, logs=None, **kw):
            if batch == 1:
                raise ZeroDivisionError

    profiler = ProfilerCallback(skip=0, batches=100)
    with pytest.raises(ZeroDivisionError):
        run([Fail(), profiler])
    before = len(profiler.events)
    run()
    assert len(profiler.events) == before > 0


def test_metrics_with_states_are_computed_over_all_batches():
    x = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    target = (x.sum(1) > 0.5).astype(np.int64)
    model = nn.Linear(4, 2)
    both = {"f1": metrics.F1Score("binary"), "share": lambda out, target: (out.argmax(1) == target).float().mean()}

    class Classify(Trainer):
        def validation_step(self, batch):
            input, target = batch
            scores = self.model(input)
            self.metrics["f1"].update(scores.argmax(1), target)
            return {"loss": self.criterion(scores, target), "share": self.metrics["share"](scores, target)}

    trainer = Classify(model, metrics=both, criterion=nn.CrossEntropyLoss())
    found = trainer.evaluate(DataLoader(TensorDataset(pf.tensor(x), pf.tensor(target)), batch_size=16))
    predicted = model(pf.tensor(x)).argmax(1).numpy()
    hits = np.sum(predicted & target)
    assert found["f1"] == pytest.approx(2 * hits / (predicted.sum() + target.sum()), rel=1e-6)
    assert found["share"] == pytest.approx(np.mean(predicted == target))
    again = trainer.evaluate(DataLoader(TensorDataset(pf.tensor(x), pf.tensor(target)), batch_size=50))
    assert again["f1"] == found["f1"]


def test_metric_objects_are_updated_by_themselves():
    trainer = run(fit=False)
    trainer.metrics = {"mae": metrics.MeanAbsoluteError()}
    heard = []
    trainer.callbacks.append(Heard(heard))
    x, y = data().tensors
    found = trainer.test(DataLoader(data(), batch_size=16))
    error = trainer.model(x).detach().numpy() - y.numpy()
    assert found == {
        "test_loss": pytest.approx(np.mean(error**2), rel=1e-5),
        "test_mae": pytest.approx(np.mean(np.abs(error)), rel=1e-5),
    }
    assert heard == [{name.removeprefix("test_"): value for name, value in found.items()}]


class Heard(Callback):
    def __init__(self, heard):
        self.heard = heard

    def on_evaluate(self, trainer, metrics, **kw):
        assert {"global_step", "epoch"} <= kw.keys()
        self.heard.append(metrics)
