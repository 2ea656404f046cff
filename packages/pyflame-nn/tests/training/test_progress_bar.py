import io

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import ProgressBar, Trainer, TrainerConfig


def output_of(live):
    file = io.StringIO()
    model = nn.Linear(1, 1)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=2),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        criterion=nn.MSELoss(),
        callbacks=[ProgressBar(file, live)],
    )
    trainer.fit(train_loader=DataLoader(TensorDataset(pf.ones(8, 1), pf.ones(8, 1)), batch_size=2))
    return file.getvalue()


def test_a_file_gets_one_line_for_each_epoch():
    lines = output_of(None).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2 4/4  ") and "loss" in lines[0] and "\r" not in lines[0]


def test_a_terminal_gets_a_bar_that_fills():
    text = output_of(True)
    assert text.count("\n") == 2 and "\r" in text
    assert "[======                  ] 1/4" in text
    assert text.splitlines()[-1].startswith("epoch 2/2 4/4  ")


def test_the_bar_is_there_by_default_and_once(capsys):
    model = nn.Linear(1, 1)
    make = lambda **options: Trainer(model, TrainerConfig(max_epochs=1, **options))
    assert any(isinstance(callback, ProgressBar) for callback in make().callbacks)
    assert not any(isinstance(callback, ProgressBar) for callback in make(enable_progress_bar=False).callbacks)
