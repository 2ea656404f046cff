"""A process that is killed while it saves leaves a checkpoint that training goes on from."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import pyflame as pf

KILLS = 50
# Started once: for each line it forks a process that trains, and tells its number, then how it ended.
PROGRAM = """
import os, sys
import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import ModelCheckpoint, Trainer, TrainerConfig

def train(folder, epochs):
    pf.manual_seed(0)
    x = pf.randn(64, 32)
    model = nn.Sequential(nn.Linear(32, 400), nn.Dropout(0.2), nn.ReLU(), nn.Linear(400, 1))
    saving = ModelCheckpoint(folder, save_top_k=2, monitor="loss", save_last=True, every_n_train_steps=1)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=epochs, enable_progress_bar=False),
        optimizer=optim.Adam(model.parameters(), lr=1e-3),
        criterion=nn.MSELoss(),
        callbacks=[saving],
    )
    data = TensorDataset(x, x[:, :1])
    trainer.fit(train_loader=DataLoader(data, batch_size=16, shuffle=True), ckpt_path="last")
    print(trainer.state.global_step, [p.sum().item().hex() for p in model.parameters()], flush=True)

for line in sys.stdin:
    folder, epochs = line.rsplit(maxsplit=1)
    pid = os.fork()
    if pid == 0:
        train(folder, int(epochs))
        os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Nursery:
    """The program above."""

    def __init__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, text=True)

    def start(self, folder, epochs):
        print(folder, epochs, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def line(self):
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


@pytest.fixture
def nursery():
    found = Nursery()
    yield found
    found.close()


def changed(path):
    return path.stat().st_mtime_ns if path.exists() else None


def test_fifty_kills_leave_a_checkpoint_that_goes_on(tmp_path, nursery):
    """Saving after each step, such a run spends nearly all of its time writing."""
    folder, moments = tmp_path / "run", random.Random(0)
    steps, partial = [], 0
    for _ in range(KILLS):
        before = changed(folder / "last.pf")
        child = nursery.start(folder, 10**6)
        while changed(folder / "last.pf") == before:  # so that each gets further than the one before
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.1))
        os.kill(child, signal.SIGKILL)
        assert nursery.line() == str(int(signal.SIGKILL))
        partial += any(folder.glob(".*.part"))
        checkpoint = pf.load_checkpoint(folder / "last.pf")
        steps.append(checkpoint.global_step)
        for path in folder.glob("epoch*.pf"):
            pf.load_checkpoint(path)
    assert steps == sorted(steps) and steps[-1] > steps[0]
    assert partial > KILLS / 10  # many kills came in the middle of a file, and left part of one

    epochs = checkpoint.global_step // 4 + 2
    ends = []
    for where in (folder, tmp_path / "whole"):
        nursery.start(where, epochs)
        ends.append(nursery.line())
        assert nursery.line() == "0"
    # After 50 interruptions the weights are those of a run without any, to the last bit.
    assert ends[0] == ends[1] and ends[0].startswith(f"{4 * epochs} ")
    assert not list(folder.glob(".*.part")) and len(list(folder.glob("epoch*.pf"))) == 2
