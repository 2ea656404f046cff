"""A run that goes on from a checkpoint computes, bit for bit, what one without a stop does."""

import random

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, Dataset, TensorDataset
from pyflame.training import (
    Callback,
    CSVLogger,
    EarlyStopping,
    GradientAccumulationScheduler,
    LearningRateScheduler,
    ModelCheckpoint,
    StochasticWeightAveraging,
    Trainer,
    TrainerConfig,
)

OPTIMIZERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda params: optim.Adam(params, lr=0.01, amsgrad=True),
    "adamw": lambda params: optim.AdamW(params, lr=0.01),
    "adamax": lambda params: optim.Adamax(params),
    "nadam": lambda params: optim.NAdam(params),
    "radam": lambda params: optim.RAdam(params),
    "rmsprop": lambda params: optim.RMSprop(params, centered=True, momentum=0.9),
    "adagrad": lambda params: optim.Adagrad(params),
    "adadelta": lambda params: optim.Adadelta(params),
    "asgd": lambda params: optim.ASGD(params),
    "rprop": lambda params: optim.Rprop(params),
    "lbfgs": lambda params: optim.LBFGS(params, lr=0.1, max_iter=3),
}
SCHEDULERS = {
    "step": lambda optimizer: optim.StepLR(optimizer, 1, gamma=0.5),
    "cosine": lambda optimizer: optim.CosineAnnealingLR(optimizer, T_max=4),
    "plateau": lambda optimizer: optim.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5),
    "sequential": lambda optimizer: optim.SequentialLR(
        optimizer, [optim.LinearLR(optimizer, 0.1, total_iters=2), optim.ExponentialLR(optimizer, 0.9)], [2]
    ),
    "warmup": lambda optimizer: optim.WarmupLR(optimizer, 3, after=optim.StepLR(optimizer, 1)),
    "none": lambda optimizer: None,
}


class Noisy(Dataset):
    """Items with noise from every source that a run may draw from."""

    def __init__(self, n):
        self.x = np.random.default_rng(0).standard_normal((n, 6)).astype(np.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = pf.tensor(self.x[index]) + 0.1 * pf.randn(6) + float(np.random.normal()) * 0.1 + random.random() * 0.1
        return x, x.sum(0, keepdim=True)


class Unsized:
    """A loader that does not know how many batches it has."""

    def __init__(self, loader):
        self.loader, self.set_epoch = loader, loader.set_epoch

    def __iter__(self):
        return iter(self.loader)


class Stop(Exception):
    pass


class Interrupt(Callback):
    """Saves after a batch, then ends the run as a failure would."""

    ORDER = 9

    def __init__(self, path, step, batch=None):
        self.path, self.at, self.batch = path, step, batch

    def on_batch_end(self, batch, logs=None, **kw):
        here = kw["global_step"] == self.at if self.batch is None else batch == self.batch
        if here:
            kw["trainer"].save_checkpoint(self.path)
            raise Stop


def make(optimizer, scheduler, callbacks=(), shuffle=None, dataset=None, config=None):
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    own = OPTIMIZERS[optimizer](model.parameters())
    trainer = Trainer(
        model,
        TrainerConfig(**{"max_epochs": 3, "enable_progress_bar": False, "log_every_n_steps": 2, **(config or {})}),
        optimizer=own,
        scheduler=SCHEDULERS[scheduler](own),
        criterion=nn.MSELoss(),
        callbacks=callbacks,
    )
    dataset = dataset or Noisy(40)
    trainer.train_loader = DataLoader(dataset, batch_size=8, **(shuffle or {"shuffle": True}))
    trainer.val_loader = DataLoader(dataset, batch_size=16, shuffle=True)
    return trainer


def start(seed):
    pf.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def outcome(trainer):
    return (
        {name: value.numpy().tobytes() for name, value in trainer.model.state_dict().items()},
        trainer.history.epochs,
        trainer.history.steps,
        [{k: v for k, v in group.items() if k != "params"} for group in trainer.optimizer.param_groups],
        pf.get_rng_state().tolist(),
        random.random(),
        float(np.random.rand()),
    )


def check(path, build, interrupt, seed=1):
    """Compare a run without a stop, and one that another process, so to speak, goes on with."""
    start(seed)
    whole = build([])
    whole.train()
    expected = outcome(whole)

    start(seed)
    with pytest.raises(Stop):
        build([interrupt]).train()
    start(seed + 1)
    again = build([])
    again.fit(ckpt_path=path)
    found = outcome(again)
    assert found == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_middle_of_an_epoch(tmp_path, name):
    path = tmp_path / "run.pf"
    check(path, lambda callbacks: make(name, "step", callbacks), Interrupt(path, 7))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers(tmp_path, name):
    path = tmp_path / "run.pf"
    check(path, lambda callbacks: make("adam", name, callbacks), Interrupt(path, 8))


@pytest.mark.parametrize("step", [1, 5, 10, 14, 15])
def test_first_and_last_batches_of_epochs(tmp_path, step):
    path = tmp_path / "run.pf"
    check(path, lambda callbacks: make("sgd", "cosine", callbacks), Interrupt(path, step))


@pytest.mark.parametrize("order", ["seed", "generator", "tensors"])
def test_loaders(tmp_path, order):
    path = tmp_path / "run.pf"

    def build(callbacks):
        options = {"shuffle": True}
        if order == "seed":
            options["seed"] = 5
        elif order == "generator":
            options["generator"] = pf.Generator().manual_seed(5)
        x = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
        dataset = TensorDataset(pf.tensor(x), pf.tensor(x[:, :1])) if order == "tensors" else None
        return make("adam", "step", callbacks, options, dataset)

    check(path, build, Interrupt(path, 7))


@pytest.mark.parametrize("batch", [0, 1, 2, 3, 4])
def test_gradients_that_wait_for_others(tmp_path, batch):
    path = tmp_path / "run.pf"
    config = {"gradient_accumulation_steps": 3, "gradient_clip_val": 0.1}
    check(path, lambda callbacks: make("adam", "step", callbacks, config=config), Interrupt(path, None, batch))


@pytest.mark.parametrize("config", [{"precision": "bf16"}, {"precision": "16"}, {"val_check_interval": 2}])
def test_settings(tmp_path, config):
    path = tmp_path / "run.pf"
    check(path, lambda callbacks: make("adam", "step", callbacks, config=config), Interrupt(path, 7))


@pytest.mark.parametrize("step", [3, 8, 12])
def test_callbacks(tmp_path, step):
    path = tmp_path / "run.pf"
    tables = []

    def build(callbacks):
        table = tmp_path / f"{len(tables)}.csv"
        tables.append(table)
        own = [
            EarlyStopping("val_loss", patience=2, restore_best=True),
            GradientAccumulationScheduler({1: 2}),
            LearningRateScheduler(lambda optimizer: optim.ExponentialLR(optimizer, 0.97), interval="step"),
            StochasticWeightAveraging(swa_start=1, swa_lr=0.02, anneal_epochs=2),
            CSVLogger(table),
        ]
        return make("sgd", "step", [*own, *callbacks], config={"max_epochs": 4})

    check(path, build, Interrupt(path, step))
    whole, _, again = (table.read_text() if table.exists() else "" for table in tables)
    assert whole == again and whole.startswith("epoch,step,loss,val_loss\n0,")


def test_ends_of_epochs(tmp_path):
    """The files that a checkpoint callback writes lead to the same end, too, and to the same files."""
    folders = [tmp_path / "whole", tmp_path / "part"]
    saving = lambda folder: ModelCheckpoint(folder, monitor="val_loss", save_top_k=2, save_last=True)
    start(1)
    whole = make("adamw", "step", [saving(folders[0])], config={"max_epochs": 6})
    whole.train()

    start(1)
    make("adamw", "step", [saving(folders[1])], config={"max_epochs": 2}).train()
    start(2)
    again = make("adamw", "step", [saving(folders[1])], config={"max_epochs": 6})
    again.fit(ckpt_path="last")
    assert again.history == whole.history
    for name, value in whole.model.state_dict().items():
        assert value.numpy().tobytes() == again.model.state_dict()[name].numpy().tobytes()
    names = [sorted(path.name for path in folder.iterdir()) for folder in folders]
    assert names[0] == names[1] and len(names[0]) == 3


@pytest.mark.parametrize("steps", [1, 4, 5, 7, 8, 10])
@pytest.mark.parametrize("length", [True, False])
def test_an_epoch_cut_short_by_max_steps_goes_on(tmp_path, steps, length):
    def build(folder, scheduler, **config):
        own = [
            EarlyStopping("val_loss", patience=1, restore_best=True),
            LearningRateScheduler(lambda optimizer: optim.ExponentialLR(optimizer, 0.97)),
            StochasticWeightAveraging(swa_start=0, swa_lr=0.02, anneal_epochs=2),
            CSVLogger(tmp_path / f"{folder}.csv"),
            ModelCheckpoint(tmp_path / folder, monitor="val_loss", save_last=True),
        ]
        trainer = make("sgd", scheduler, own, config=config)
        if not length:
            trainer.train_loader = Unsized(trainer.train_loader)
        return trainer

    start(1)
    whole = build("whole", "plateau")
    whole.train()
    expected = outcome(whole)

    start(1)
    part = build("part", "plateau", max_steps=steps)
    part.train()
    assert part.state.global_step == steps and len(part.history.epochs) == (steps + 4) // 5
    for _ in range(2):  # with the same limit there is nothing to do
        start(2)
        again = build("part", "plateau", max_steps=steps)
        again.fit(ckpt_path="last")
        assert again.state.global_step == steps and again.history == part.history
    start(3)
    again = build("part", "plateau")
    again.fit(ckpt_path="last")
    assert outcome(again) == expected
    assert (tmp_path / "part.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_last_begins_anew_where_nothing_was_saved(tmp_path):
    trainer = make("sgd", "none", [ModelCheckpoint(tmp_path, save_last=True)], config={"max_epochs": 1})
    trainer.fit(ckpt_path="last")
    assert trainer.state.global_step == 5
    with pytest.raises(ValueError, match=r"nothing saves last\.pf"):
        make("sgd", "none").fit(ckpt_path="last")


def test_modes_and_frozen_parameters_come_back(tmp_path):
    def freeze(trainer):
        trainer.model[1].eval()
        trainer.model[0].weight.requires_grad_(False)

    class Freeze(Callback):
        def on_batch_end(self, batch, logs=None, **kw):
            if kw["global_step"] == 2:
                freeze(kw["trainer"])

    path = tmp_path / "run.pf"
    check(path, lambda callbacks: make("sgd", "none", [Freeze(), *callbacks]), Interrupt(path, 4))


def test_what_does_not_fit_is_refused(tmp_path):
    trainer = make("adam", "step", config={"max_epochs": 1})
    trainer.train()
    path = tmp_path / "run.pf"
    trainer.save_checkpoint(path)
    with pytest.raises(ValueError, match="the trainer has no scheduler, the checkpoint a state of one"):
        make("adam", "none").load_checkpoint(path)
    pf.save_checkpoint(pf.Checkpoint(trainer.model), tmp_path / "other.pf")
    with pytest.raises(ValueError, match="a trainer did not write"):
        trainer.load_checkpoint(tmp_path / "other.pf")
    (tmp_path / "half.pf").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(pf.SerializationError):
        trainer.load_checkpoint(tmp_path / "half.pf")
    fewer = make("adam", "step", shuffle={"shuffle": True, "generator": pf.Generator()})
    with pytest.raises(ValueError, match="generators"):
        fewer.fit(ckpt_path=path)
    with pytest.raises(ValueError, match="no model"):
        Trainer().save_checkpoint(path)


def test_a_loader_that_became_shorter_is_named(tmp_path):
    path = tmp_path / "run.pf"
    with pytest.raises(Stop):
        make("sgd", "none", [Interrupt(path, 4)]).train()
    shorter = make("sgd", "none", dataset=Noisy(16))
    with pytest.raises(RuntimeError, match="after batch 4, but the loader has only 2"):
        shorter.fit(ckpt_path=path)


def test_states_without_a_callback_are_mentioned(tmp_path):
    trainer = make("sgd", "none", [EarlyStopping()], config={"max_epochs": 1})
    trainer.train()
    trainer.save_checkpoint(tmp_path / "run.pf")
    with pytest.warns(UserWarning, match="nobody takes the saved states of EarlyStopping#0"):
        make("sgd", "none").fit(ckpt_path=tmp_path / "run.pf")


def test_callbacks_add_to_checkpoints(tmp_path):
    class Note(Callback):
        found = None

        def on_save_checkpoint(self, trainer, checkpoint, **kw):
            checkpoint.metadata["note"] = [kw["epoch"], kw["global_step"]]

        def on_load_checkpoint(self, trainer, checkpoint, **kw):
            self.found = checkpoint.metadata["note"]

    trainer = make("sgd", "none", [Note()], config={"max_epochs": 2})
    trainer.train()
    trainer.save_checkpoint(tmp_path / "run.pf")
    note = Note()
    make("sgd", "none", [note]).fit(ckpt_path=tmp_path / "run.pf")
    assert note.found == [1, 10]
