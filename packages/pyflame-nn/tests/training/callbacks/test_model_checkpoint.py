import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import Callback, ModelCheckpoint, Trainer, TrainerConfig


class Script(Callback):
    """Gives each epoch a prescribed measurement."""

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, epoch, logs=None, **kw):
        logs["score"] = self.values[epoch]


def run(checkpoint, values, **config):
    model = nn.Linear(2, 1)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=len(values), enable_progress_bar=False, **config),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        criterion=nn.MSELoss(),
        callbacks=[checkpoint, Script(values)],
    )
    trainer.fit(train_loader=DataLoader(TensorDataset(pf.ones(4, 2), pf.ones(4, 1)), batch_size=2))
    return trainer


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "mode, top, kept, best",
    [
        ("min", 1, [2], 2),
        ("min", 2, [1, 2], 2),
        ("max", 2, [0, 3], 3),
        ("min", -1, [0, 1, 2, 3, 4], 2),
        ("min", 0, [], None),
    ],
)
def test_the_best_stay(tmp_path, mode, top, kept, best):
    values = [3.0, 2.0, 1.0, 4.0, float("nan")]
    saving = ModelCheckpoint(tmp_path / "run", "{epoch}-{score:.1f}", monitor="score", mode=mode, save_top_k=top)
    trainer = run(saving, values)
    names = {epoch: f"epoch={epoch}-score={values[epoch]:.1f}.pf" for epoch in range(5)}
    assert (files(tmp_path / "run") if kept else []) == sorted(names[epoch] for epoch in kept)
    assert saving.best_model_path == (None if best is None else tmp_path / "run" / names[best])
    assert saving.best_model_score == (None if best is None else values[best]) == trainer.state.best_metric
    assert saving.last_model_path is None


def test_without_a_monitor_the_latest_stays(tmp_path):
    saving = ModelCheckpoint(tmp_path, save_last=True)
    trainer = run(saving, [1.0, 2.0, 3.0])
    assert files(tmp_path) == ["epoch=2-step=6.pf", "last.pf"] and trainer.state.best_metric is None
    assert saving.last_model_path == tmp_path / "last.pf" and saving.best_model_score is None
    assert pf.load_checkpoint(tmp_path / "last.pf").global_step == 6


def test_how_often(tmp_path):
    run(ModelCheckpoint(tmp_path / "epochs", save_top_k=-1, every_n_epochs=2), [0.0] * 5)
    assert files(tmp_path / "epochs") == ["epoch=1-step=4.pf", "epoch=3-step=8.pf"]
    run(ModelCheckpoint(tmp_path / "steps", "{step}", save_top_k=-1, every_n_train_steps=4), [0.0] * 5)
    assert files(tmp_path / "steps") == ["step=4.pf", "step=8.pf"]


def test_the_best_model_can_be_loaded(tmp_path):
    saving = ModelCheckpoint(tmp_path, monitor="score")
    weights = []

    class Look(Callback):
        def on_epoch_end(self, epoch, logs=None, **kw):
            weights.append(kw["trainer"].model.weight.numpy(force=True).copy())

    trainer = run(saving, [2.0, 1.0, 3.0])
    trainer.callbacks.append(Look())
    trainer.train()
    trainer.load_checkpoint(saving.best_model_path)
    np.testing.assert_array_equal(trainer.model.weight.numpy(force=True), weights[1])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"mode": "up"}, "mode is 'up'"),
        ({"save_top_k": -2}, "save_top_k"),
        ({"save_top_k": 2}, "monitor is None"),
        ({"every_n_epochs": 0}, "at least 1"),
        ({"every_n_train_steps": 0}, "at least 1"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(**options)


def test_measurements_that_are_missing_are_named(tmp_path):
    with pytest.raises(KeyError, match="'other' is not logged: there are loss, score"):
        run(ModelCheckpoint(tmp_path, monitor="other"), [1.0])
    with pytest.raises(KeyError, match="filename names 'other'"):
        run(ModelCheckpoint(tmp_path, "{other}"), [1.0])
