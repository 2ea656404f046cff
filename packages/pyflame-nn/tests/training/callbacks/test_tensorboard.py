import struct

import pytest
from tensorboard.backend.event_processing import event_accumulator as accumulator

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import TensorBoardLogger, Trainer, TrainerConfig
from pyflame.training.callbacks.tensorboard import checksum, event, record


def run(folder):
    model = nn.Linear(2, 1)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=3, log_every_n_steps=2, enable_progress_bar=False),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        criterion=nn.MSELoss(),
        logger=TensorBoardLogger(folder),
    )
    loader = DataLoader(TensorDataset(pf.ones(4, 2), pf.ones(4, 1)), batch_size=2)
    trainer.fit(train_loader=loader, val_loader=loader)
    return trainer


def test_checksums_are_those_of_the_standard():
    # RFC 3720, B.4: CRC-32C of 32 zero bytes, of 32 bytes 0xFF, and of the bytes 0 to 31.
    for data, crc in ((bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)):
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert checksum(data) == struct.pack("<I", masked)


def test_frames_and_messages():
    message = event(step=300, values={"a": 0.5})
    assert message[:1] == b"\x09" and message[9:] == b"\x10\xac\x02\x2a\x0a\x0a\x08\x0a\x01a\x15\x00\x00\x00\x3f"
    assert record(b"abc")[:8] == struct.pack("<Q", 3) and record(b"abc")[12:15] == b"abc" and len(record(b"abc")) == 19


def test_tensorboard_reads_the_files(tmp_path):
    trainer = run(tmp_path / "runs")
    reader = accumulator.EventAccumulator(str(tmp_path / "runs"))
    reader.Reload()
    assert set(reader.Tags()["scalars"]) == {"loss", "epoch", "epoch_loss", "val_loss"}
    values = {tag: [(one.step, one.value) for one in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
    assert [step for step, _ in values["loss"]] == [2, 4, 6]
    assert [value for _, value in values["val_loss"]] == pytest.approx(trainer.history["val_loss"], rel=1e-6)
    assert [value for _, value in values["epoch"]] == [0, 1, 2]


def test_each_run_has_a_file_of_its_own(tmp_path):
    run(tmp_path)
    run(tmp_path)
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 2
