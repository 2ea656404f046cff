import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import Callback, EarlyStopping, LambdaCallback, Trainer, TrainerConfig


def points(n=64):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 2)).astype(np.float32)
    return TensorDataset(pf.tensor(x), pf.tensor((x.sum(1) > 0).astype(np.int64)))


def correct(output, target):
    return (output.argmax(1) == target).float().mean()


def make(*, callbacks=(), lr=0.1, **config):
    pf.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    return Trainer(
        model,
        TrainerConfig(**{"enable_progress_bar": False, **config}),
        optimizer=optim.SGD(model.parameters(), lr=lr),
        criterion=nn.CrossEntropyLoss(),
        metrics={"correct": correct},
        callbacks=callbacks,
    )


def fit(trainer, batch_size=16, val=True):
    data = points()
    loader = DataLoader(data, batch_size=batch_size, shuffle=True, seed=0)
    return trainer.fit(train_loader=loader, val_loader=DataLoader(data, batch_size=50) if val else None)


def test_fit_learns_and_keeps_a_history():
    trainer = make(max_epochs=20, log_every_n_steps=10)
    history = fit(trainer)
    assert len(history.epochs) == 20 and set(history.epochs[0]) == {"loss", "val_loss", "val_correct"}
    assert history["loss"][-1] < history["loss"][0] and history["val_correct"][-1] > 0.9
    assert [step["step"] for step in history.steps] == list(range(10, 81, 10))
    assert trainer.state.global_step == 80 and trainer.state.logs == history.epochs[-1]
    assert trainer.evaluate() == trainer.validate()
    assert trainer.model.training


def test_the_same_seed_gives_the_same_run():
    runs = [fit(make(max_epochs=2, seed=3)).epochs for _ in range(2)]
    assert runs[0] == runs[1]


def test_evaluation_weighs_batches_by_size_and_leaves_the_model_alone():
    trainer = make()
    data = points()
    before = {key: value.numpy().copy() for key, value in trainer.model.state_dict().items()}
    one = trainer.evaluate(DataLoader(data, batch_size=64))
    several = trainer.evaluate(DataLoader(data, batch_size=50))
    assert one == pytest.approx(several, rel=1e-5)
    for key, value in trainer.model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


def test_predictions_come_in_order():
    trainer = make()
    data = points()
    outputs = trainer.predict(DataLoader(data, batch_size=10))
    trainer.model.eval()
    np.testing.assert_allclose(outputs.numpy(), trainer.model(data.tensors[0]).numpy(force=True), rtol=1e-5, atol=1e-6)
    assert not outputs.requires_grad


def test_limits_end_the_run():
    trainer = make(max_epochs=5, max_steps=6)
    assert len(fit(trainer).epochs) == 2 and trainer.state.global_step == 6
    trainer = make(max_epochs=3, limit_train_batches=2, limit_val_batches=0)
    fit(trainer, val=False)
    assert trainer.state.global_step == 6
    trainer = make(fast_dev_run=True)
    assert len(fit(trainer).epochs) == 1 and trainer.state.global_step == 1


def test_accumulated_gradients_equal_a_larger_batch():
    def weights(batch_size, steps):
        pf.manual_seed(1)
        model = nn.Linear(2, 2)
        trainer = Trainer(
            model,
            TrainerConfig(max_epochs=1, gradient_accumulation_steps=steps, enable_progress_bar=False),
            optimizer=optim.SGD(model.parameters(), lr=0.5),
            criterion=nn.CrossEntropyLoss(),
        )
        trainer.fit(train_loader=DataLoader(points(), batch_size=batch_size))
        return trainer.state.global_step, model.weight.numpy(force=True)

    (steps, one), (other_steps, other) = weights(32, 1), weights(8, 4)
    assert steps == other_steps == 2
    np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("algorithm, limit", [("norm", 1e-3), ("value", 1e-3)])
def test_gradients_are_clipped(algorithm, limit):
    sizes = []

    class Watch(Callback):
        def on_step_end(self, trainer, **kw):
            gradients = np.concatenate([p.grad.numpy().ravel() for p in trainer.model.parameters()])
            sizes.append(np.linalg.norm(gradients) if algorithm == "norm" else abs(gradients).max())

    fit(make(max_epochs=1, gradient_clip_val=limit, gradient_clip_algorithm=algorithm, callbacks=[Watch()]))
    assert max(sizes) <= limit * 1.01


def test_checkpoints_are_saved_as_configured(tmp_path):
    trainer = make(max_epochs=8, save_dir=str(tmp_path / "run"), save_every_n_epochs=2, save_top_k=2)
    history = fit(trainer)
    files = {path.name for path in (tmp_path / "run").iterdir()}
    saved = {f"epoch={epoch}-step={4 * epoch + 4}.pf": history["val_loss"][epoch] for epoch in (1, 3, 5, 7)}
    best = sorted(saved, key=saved.get)[:2]
    assert files == {*best, "last.pf"}
    assert trainer.state.best_metric == saved[best[0]]
    assert trainer.state.best_model_path == str(tmp_path / "run" / best[0])
    stored = pf.load_checkpoint(tmp_path / "run" / "last.pf")
    assert (stored.epoch, stored.global_step, stored.best_metric) == (8, 32, saved[best[0]])
    for key, value in trainer.model.state_dict().items():
        np.testing.assert_array_equal(stored.model_state[key].numpy(), value.numpy())


def test_schedulers_step_once_an_epoch():
    trainer = make(max_epochs=3)
    trainer.scheduler = optim.StepLR(trainer.optimizer, 1, gamma=0.5)
    fit(trainer)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.0125)
    trainer = make(max_epochs=3, lr=0.0)
    trainer.optimizer.param_groups[0]["lr"] = 1e-9
    trainer.scheduler = optim.ReduceLROnPlateau(trainer.optimizer, patience=0, eps=0.0, threshold=0.5)
    fit(trainer)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(1e-11)


def test_events_come_in_order_with_their_keywords():
    events = []

    class Record(Callback):
        def on_train_begin(self, trainer, **kw):
            events.append(("train", kw["global_step"], kw["epoch"]))

        def on_batch_end(self, batch, logs=None, **kw):
            assert isinstance(logs["loss"], float) and kw["trainer"].state.batch_idx == batch
            events.append(("batch", batch, kw["global_step"], kw["epoch"]))

        def on_validation_end(self, trainer, logs=None, **kw):
            events.append(("validation", sorted(logs)))

        def on_epoch_end(self, epoch, logs=None, **kw):
            events.append(("epoch", epoch, kw["global_step"]))

        def on_train_end(self, trainer, **kw):
            events.append(("end", kw["epoch"]))

    fit(make(max_epochs=2, callbacks=[Record()]), batch_size=32)
    epoch = [("batch", 0, 1, 0), ("batch", 1, 2, 0), ("validation", ["correct", "loss"]), ("epoch", 0, 2)]
    again = [("batch", 0, 3, 1), ("batch", 1, 4, 1), ("validation", ["correct", "loss"]), ("epoch", 1, 4)]
    assert events == [("train", 0, 0), *epoch, *again, ("end", 1)]


def test_early_stopping_restores_the_best_weights():
    stopping = EarlyStopping("val_loss", patience=2, restore_best=True)
    trainer = make(max_epochs=50, lr=0.0, callbacks=[stopping])
    trainer.optimizer.param_groups[0]["lr"] = 300.0
    history = fit(trainer)
    assert len(history.epochs) < 50
    assert trainer.evaluate()["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-4)
    with pytest.raises(KeyError, match="not logged"):
        fit(make(callbacks=[EarlyStopping("missing")]))


def test_callbacks_hear_about_exceptions():
    heard = []

    def fail(batch, logs, **kw):
        raise ZeroDivisionError

    callbacks = [LambdaCallback(on_exception=lambda trainer, error, **kw: heard.append(error), on_batch_end=fail)]
    with pytest.raises(ZeroDivisionError):
        fit(make(callbacks=callbacks))
    assert isinstance(heard[0], ZeroDivisionError)
    with pytest.raises(TypeError, match="no event"):
        LambdaCallback(on_something=fail)


def test_steps_can_be_overridden():
    class Squares(Trainer):
        def training_step(self, batch):
            (x,) = batch
            return (self.model(x) ** 2).mean()

    model = nn.Linear(2, 1)
    trainer = Squares(
        model,
        TrainerConfig(max_epochs=30, enable_progress_bar=False),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        criterion=1,
    )
    history = trainer.fit(train_loader=DataLoader(TensorDataset(points().tensors[0]), batch_size=16))
    assert history["loss"][-1] < 0.01 * history["loss"][0] + 1e-3


def test_training_reuses_its_plans():
    trainer = make(max_epochs=2)
    fit(trainer)
    misses = pf.compile_cache_stats()["misses"]
    trainer.train()
    assert pf.compile_cache_stats()["misses"] == misses


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="there is no model"):
        Trainer().fit()
    with pytest.raises(ValueError, match="there is no val_loader"):
        make().evaluate()


@pytest.mark.parametrize("options", [{"max_epochs": 0}, {"max_steps": -1}, {"gradient_clip_algorithm": "l3"}])
def test_config_refuses(options):
    with pytest.raises(ValueError):
        TrainerConfig(**options)
