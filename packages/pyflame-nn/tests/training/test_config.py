"""Every setting has an effect, or is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, IterableDataset, TensorDataset
from pyflame.testing.reference import ReferenceBackend
from pyflame.training import Callback, Trainer, TrainerConfig


def data(n=40):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype(np.float32)
    return TensorDataset(pf.tensor(x), pf.tensor(x.sum(1, keepdims=True)))


class Record(Callback):
    """Counts events, and looks at the batches."""

    def __init__(self):
        self.batches, self.evaluations, self.validation_batches, self.steps = 0, [], 0, []

    def on_batch_end(self, batch, logs=None, **kw):
        self.batches += 1

    def on_step_end(self, trainer, **kw):
        self.steps.append(trainer.state.batch_idx)

    def on_validation_begin(self, trainer, **kw):
        self.evaluations.append((trainer.state.epoch, trainer.state.batch_idx))

    def on_validation_batch_end(self, batch, logs=None, **kw):
        self.validation_batches += 1


def network(kind=nn.Linear):
    pf.manual_seed(0)
    model = nn.Sequential(kind(4, 8), nn.Tanh(), kind(8, 1))
    pf.eval(list(model.parameters()))
    return model


def run(model=None, batch_size=4, val=True, loader=None, **config):
    model = model or network()
    record = Record()
    trainer = Trainer(
        model,
        TrainerConfig(**{"enable_progress_bar": False, "max_epochs": 1, **config}),
        optimizer=optim.SGD(model.parameters(), lr=0.05),
        criterion=nn.MSELoss(),
        callbacks=[record],
    )
    loader = DataLoader(data(), batch_size=batch_size) if loader is None else loader
    trainer.fit(train_loader=loader, val_loader=DataLoader(data(20), batch_size=5) if val else None)
    trainer.record = record
    return trainer


def weights(trainer):
    return {name: value.numpy().tobytes() for name, value in trainer.model.state_dict().items()}


def test_every_field_is_tested_here():
    text = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    assert [field.name for field in dataclasses.fields(TrainerConfig) if f"{field.name}=" not in text] == []


def test_to_dict_makes_the_same_configuration():
    config = TrainerConfig(max_epochs=3, precision="bf16", mesh_layout=pf.MeshLayout.grid(2, 2), limit_val_batches=0.5)
    assert TrainerConfig(**config.to_dict()) == config and len(config.to_dict()) == len(dataclasses.fields(config))


@pytest.mark.parametrize(
    "options",
    [
        {"max_epochs": 0},
        {"max_steps": -1},
        {"gradient_accumulation_steps": 0},
        {"gradient_clip_val": -0.5},
        {"gradient_clip_algorithm": "l3"},
        {"val_check_interval": 0.0},
        {"val_check_interval": 1.5},
        {"val_check_interval": 0},
        {"limit_train_batches": -1},
        {"limit_val_batches": 1.5},
        {"log_every_n_steps": 0},
        {"save_every_n_epochs": 0},
        {"save_top_k": -2},
        {"precision": "64"},
        {"accelerator": "gpu"},
        {"fast_dev_run": -1},
    ],
)
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        TrainerConfig(**options)


def test_settings_of_other_types_are_refused():
    with pytest.raises(NotImplementedError, match="devices is 2.*DistributedDataParallel"):
        TrainerConfig(devices=2)
    assert TrainerConfig(devices=1).devices == 1
    with pytest.raises(TypeError, match="mesh_layout"):
        TrainerConfig(mesh_layout=(2, 2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainerConfig().max_epochs = 3


def test_the_settings_may_be_given_as_args():
    assert Trainer(args={"max_epochs": 7}).config == TrainerConfig(max_epochs=7)
    assert Trainer(args=TrainerConfig(max_epochs=7)).config.max_epochs == 7
    with pytest.raises(ValueError, match="both given"):
        Trainer(config=TrainerConfig(), args={})


@pytest.mark.parametrize("limit, batches", [(3, 3), (0.5, 5), (1.0, 10), (None, 10), (99, 10)])
def test_limit_train_batches(limit, batches):
    assert run(limit_train_batches=limit).record.batches == batches


@pytest.mark.parametrize("limit, batches", [(3, 3), (0.5, 2), (1.0, 4), (None, 4), (0, 0)])
def test_limit_val_batches(limit, batches):
    assert run(limit_val_batches=limit).record.validation_batches == batches


@pytest.mark.parametrize(
    "interval, evaluations", [(1.0, [9]), (0.5, [4, 9]), (0.25, [1, 3, 5, 7, 9]), (4, [3, 7]), (10, [9])]
)
def test_val_check_interval(interval, evaluations):
    trainer = run(val_check_interval=interval, max_epochs=2)
    assert trainer.record.evaluations == [(epoch, index) for epoch in (0, 1) for index in evaluations]
    assert "val_loss" in trainer.history.epochs[0]
    noted = [step["step"] for step in trainer.history.steps if "val_loss" in step]
    assert noted == ([] if interval == 1.0 else [10 * epoch + i + 1 for epoch in (0, 1) for i in evaluations])


def test_what_needs_a_length_says_so():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(data(8))

    loader = DataLoader(Stream(), batch_size=4)
    assert run(loader=loader, val_check_interval=1, limit_train_batches=2).record.evaluations == [(0, 0), (0, 1)]
    for options in ({"limit_train_batches": 0.5}, {"val_check_interval": 0.5}):
        with pytest.raises(ValueError, match="has no length"):
            run(loader=loader, **options)
    with pytest.raises(ValueError, match="has only 10 batches"):
        run(val_check_interval=11)


def test_max_steps_ends_the_run():
    trainer = run(max_epochs=5, max_steps=13)
    assert trainer.state.global_step == 13 and trainer.state.epoch == 1
    assert run(max_steps=0).state.global_step == 0


def test_gradient_accumulation_steps_and_log_every_n_steps():
    trainer = run(gradient_accumulation_steps=4, log_every_n_steps=2)
    assert trainer.record.steps == [3, 7, 9] and [step["step"] for step in trainer.history.steps] == [2]


@pytest.mark.parametrize("precision", ["bf16", "bf16-mixed", "16", "16-mixed"])
def test_precision_computes_products_in_16_bits(precision):
    seen = []

    class Watch(nn.Linear):
        def forward(self, x):
            output = super().forward(x)
            seen.append((output.dtype, self.weight.dtype))
            return output

    trainer = run(network(Watch), precision=precision, max_epochs=5)
    expected = pf.bfloat16 if precision.startswith("b") else pf.float16
    assert set(seen) == {(expected, pf.float32)}
    assert trainer.predict(DataLoader(data(5), batch_size=5)).dtype is expected
    losses, exact = trainer.history["loss"], run(max_epochs=5).history["loss"]
    assert losses != exact and losses[-1] < losses[0] / 5
    if expected is pf.bfloat16:  # in float16 the first steps find out how much losses can be scaled, and are left out
        assert losses == pytest.approx(exact, rel=0.05)


def test_float16_steps_that_overflow_are_skipped():
    class Huge(Trainer):
        def training_step(self, batch):
            return super().training_step(batch) * 1e6

    model = nn.Linear(4, 1)
    before = model.weight.numpy(force=True).copy()
    trainer = Huge(
        model,
        TrainerConfig(precision="16-mixed", max_epochs=1, limit_train_batches=2, enable_progress_bar=False),
        optimizer=optim.SGD(model.parameters(), lr=1e-8),
        criterion=nn.MSELoss(),
    )
    trainer.fit(train_loader=DataLoader(data(), batch_size=4))
    assert trainer.precision.scaler.get_scale() == 65536.0 / 4
    np.testing.assert_array_equal(model.weight.numpy(force=True), before)


def test_accelerator_chooses_the_backend():
    with pytest.raises(RuntimeError, match="cerebras"):
        run(accelerator="cerebras")
    backend = ReferenceBackend()
    runs = []
    compile_graph = backend.compile
    backend.compile = lambda *args, **kw: runs.append(1) or compile_graph(*args, **kw)
    pf.backends.register("cerebras", lambda: backend)
    try:
        trainer = run(accelerator="cerebras", limit_train_batches=2)
    finally:
        pf.backends.unregister("cerebras")
    assert runs and trainer.history["loss"] == pytest.approx(run(limit_train_batches=2).history["loss"], rel=1e-4)
    model, other = network(), network()
    with pf.use_backend("reference"):
        losses = run(model, accelerator="cpu", limit_train_batches=2).history["loss"]
    assert losses == run(other, limit_train_batches=2).history["loss"]


def test_seed_fixes_dropout_and_order():
    def losses(seed, before):
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        state = {"0.weight": pf.full((8, 4), 0.1), "0.bias": pf.zeros(8), "2.weight": pf.full((1, 8), 0.2)}
        model.load_state_dict({**state, "2.bias": pf.zeros(1)})
        trainer = Trainer(
            model,
            TrainerConfig(seed=seed, max_epochs=2, enable_progress_bar=False),
            optimizer=optim.SGD(model.parameters(), lr=0.05),
            criterion=nn.MSELoss(),
        )
        pf.manual_seed(before)
        return trainer.fit(train_loader=DataLoader(data(), batch_size=4, shuffle=True))["loss"]

    assert losses(3, 1) == losses(3, 2)
    assert losses(None, 1) != losses(None, 2)


def test_deterministic_holds_while_fitting():
    seen = []

    class Look(nn.Linear):
        def forward(self, x):
            seen.append(pf.are_deterministic_algorithms_enabled())
            return super().forward(x)

    run(Look(4, 1), deterministic=True)
    assert set(seen) == {True} and not pf.are_deterministic_algorithms_enabled()
    seen.clear()
    run(Look(4, 1))
    assert set(seen) == {False}


def test_detect_anomaly_names_the_operation():
    class Root(nn.Linear):
        def forward(self, x):
            return 0 * pf.sqrt(pf.relu(super().forward(x) - 1e3))  # its gradient is 0 times infinity

    with pytest.raises(RuntimeError, match="SqrtBackward0"):
        run(Root(4, 1), detect_anomaly=True)
    assert not pf.autograd.is_anomaly_enabled()
    assert np.isfinite(run(Root(4, 1)).history["loss"][0])


@pytest.mark.parametrize("setting, batches", [(True, 1), (3, 3)])
def test_fast_dev_run_takes_few_batches_and_saves_nothing(tmp_path, setting, batches):
    trainer = run(fast_dev_run=setting, max_epochs=9, save_dir=str(tmp_path))
    assert (trainer.record.batches, trainer.record.validation_batches) == (batches, batches)
    assert len(trainer.history.epochs) == 1 and list(tmp_path.iterdir()) == []


def test_mesh_layout_places_the_batches():
    layout, seen = pf.MeshLayout.grid(2, 2), []

    class Look(nn.Linear):
        def forward(self, x):
            seen.append(x.layout)
            return super().forward(x)

    placed = run(network(Look), mesh_layout=layout)
    assert layout in seen and None not in seen
    seen.clear()
    assert run(network(Look)).history["loss"] == placed.history["loss"] and set(seen) == {None}


def test_compile_only_builds_the_plan_of_a_step_and_changes_nothing():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
    before = {name: value.numpy().tobytes() for name, value in model.state_dict().items()}
    pf.manual_seed(0)
    state = pf.get_rng_state().tolist()
    trainer = run(model, compile_only=True)
    assert trainer.plan.num_kernels > 5 and "matmul" in " ".join(trainer.plan.kernels)
    assert weights(trainer) == before and pf.get_rng_state().tolist() == state
    assert trainer.record.batches == 0 and trainer.history.epochs == []


def test_enable_progress_bar(capsys):
    run(enable_progress_bar=True)
    assert capsys.readouterr().out.startswith("epoch 1/1 10/10")
    run(enable_progress_bar=False)
    assert capsys.readouterr().out == ""
