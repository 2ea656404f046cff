import io
import os
import pty
import re
import subprocess
import sys

import nbclient
import nbformat
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import ProgressBar, Trainer, TrainerConfig
from pyflame.training.callbacks.displays import Bar, Lines, Rich, display_for

PROGRAM = """
import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import Trainer, TrainerConfig
model = nn.Linear(1, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
trainer = Trainer(model, TrainerConfig(max_epochs=2), optimizer=optimizer, criterion=nn.MSELoss())
trainer.fit(train_loader=DataLoader(TensorDataset(pf.ones(8, 1), pf.ones(8, 1)), batch_size=2));
"""


def train(bar, fails=False):
    class Failing(Trainer):
        def training_step(self, batch):
            if fails and self.state.batch_idx == 1:
                raise ZeroDivisionError
            return super().training_step(batch)

    model = nn.Linear(1, 1)
    trainer = Failing(
        model,
        TrainerConfig(max_epochs=2),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        criterion=nn.MSELoss(),
        callbacks=[bar],
    )
    trainer.fit(train_loader=DataLoader(TensorDataset(pf.ones(8, 1), pf.ones(8, 1)), batch_size=2))


def output_of(live):
    file = io.StringIO()
    train(ProgressBar(file, live))
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


def test_an_exception_leaves_the_line_of_the_bar():
    file = io.StringIO()
    with pytest.raises(ZeroDivisionError):
        train(ProgressBar(file, True), fails=True)
    assert file.getvalue().endswith("\n")


def test_rich_draws_a_bar_and_keeps_one_line_for_each_epoch():
    file = io.StringIO()
    bar = ProgressBar(file)
    bar.on_train_begin = lambda trainer, **kw: setattr(bar, "_display", Rich(file, terminal=True))
    train(bar)
    text = file.getvalue()
    assert "━" in text and "\x1b[" in text
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").split("\n")
    done = [line for line in lines if "━" not in line and line.startswith("epoch") and "loss" in line]
    assert [line[:13] for line in done] == ["epoch 1/2 4/4", "epoch 2/2 4/4"]
    with pytest.raises(ZeroDivisionError):
        train(bar, fails=True)


def test_displays_are_chosen_by_where_they_go():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    assert isinstance(display_for(io.StringIO(), None), Lines) and isinstance(display_for(io.StringIO(), True), Bar)
    assert isinstance(display_for(Terminal(), False), Lines)
    assert isinstance(display_for(Terminal(), None), Rich)


def test_a_real_terminal_and_a_pipe():
    command = [sys.executable, "-c", PROGRAM]
    piped = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line[:13] for line in piped.splitlines()] == ["epoch 1/2 4/4", "epoch 2/2 4/4"]
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdout=slave, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"})
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    assert process.wait() == 0
    assert b"epoch 2/2 4/4" in seen and b"\x1b[" in seen  # rich, which the tests have, moves the cursor


def test_notebooks_show_progress_below_the_cell():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROGRAM)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [output for output in notebook.cells[0].outputs if output.output_type == "display_data"]
    assert len(shown) == 1 and "epoch 2/2 4/4" in shown[0].data["text/html"]


def test_the_bar_is_there_by_default_and_once():
    model = nn.Linear(1, 1)
    make = lambda **options: Trainer(model, TrainerConfig(max_epochs=1, **options))
    assert any(isinstance(callback, ProgressBar) for callback in make().callbacks)
    assert not any(isinstance(callback, ProgressBar) for callback in make(enable_progress_bar=False).callbacks)
