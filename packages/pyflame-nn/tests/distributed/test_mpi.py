"""Two real processes that `mpirun` starts."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytestmark = [
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun: apt-get install openmpi-bin"),
    pytest.mark.skipif(find_spec("mpi4py") is None, reason="mpi4py is not installed: pip install mpi4py"),
]
# What containers need: they run as root, and may have fewer cores than processes.
SETTINGS = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}
START = """
import json, os, sys, time
import pyflame as pf
from pyflame import distributed as dist, nn, optim
from pyflame.data import DataLoader, TensorDataset
from pyflame.training import Trainer, TrainerConfig
if int(os.environ.get("OMPI_COMM_WORLD_SIZE", 1)) > 1:
    dist.init_process_group()
rank, size = dist.get_rank(), dist.get_world_size()
def result(*values):  # into a file each: what processes print at the same time arrives mixed
    with open(os.path.join(os.environ["RESULTS"], str(rank)), "w") as file:
        json.dump(values, file)
"""
# Rank r takes the items r, r + 2, ... so that both batches together are one batch of the doubled size.
CURVE = """
from pyflame.nn import functional as F
pf.manual_seed(0)
x = pf.randn(64, 6)
y = (x.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
if size > 1:
    model = dist.DistributedDataParallel(model, bucket_cap_mb=float(sys.argv[1]))
own = TensorDataset(x[rank::size], y[rank::size])
trainer = Trainer(
    model,
    TrainerConfig(max_epochs=4, enable_progress_bar=False, gradient_accumulation_steps=int(sys.argv[2])),
    optimizer=optim.Adam(model.parameters(), lr=0.01),
    criterion=nn.CrossEntropyLoss(),
)
losses = trainer.fit(train_loader=DataLoader(own, batch_size=16 // size))["loss"]
weights = pf.cat([p.detach().flatten() for p in model.parameters()])
result(losses, weights.tolist())
"""


def mpirun(program, *arguments, processes=2, timeout=120):
    """Run a program in each process and return how it ended; `results` has what each passed to `result`."""
    command = [sys.executable, "-c", START + textwrap.dedent(program), *map(str, arguments)]
    if processes > 1:
        command = ["mpirun", "-n", str(processes), *command]
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **SETTINGS, "RESULTS": folder}
        )
        done.seconds = time.monotonic() - began
        done.results = {file.name: json.loads(file.read_text()) for file in Path(folder).iterdir()}
    return done


def results(done):
    assert done.returncode == 0, done.stderr
    return done.results


def test_collectives():
    done = mpirun(
        """
        for dtype in (pf.float16, pf.bfloat16, pf.float32, pf.float64, pf.int32, pf.int64, pf.uint8):
            x = pf.full((2, 3), rank + 2).to(dtype)
            dist.all_reduce(x)
            assert x.dtype is dtype and x.tolist() == [[5] * 3] * 2
        for op, value in (("AVG", 2.5), ("PRODUCT", 6.0), ("MIN", 2.0), ("MAX", 3.0)):
            x = pf.tensor(rank + 2.0)
            dist.all_reduce(x, getattr(dist.ReduceOp, op))
            assert x.item() == value
        for wrong in (pf.ones(1, dtype=pf.bool), pf.ones(1, dtype=pf.int64)):
            try:
                dist.all_reduce(wrong, dist.ReduceOp.AVG)
            except TypeError as error:
                assert "convert the tensor to float32" in str(error)
            else:
                raise AssertionError
        for dtype in (pf.bool, pf.bfloat16, pf.int8, pf.float32):
            x = pf.full((3,), rank).to(dtype)
            dist.broadcast(x, src=1)
            assert x.tolist() == [1, 1, 1] and x.dtype is dtype
            found = [pf.zeros(2, dtype=dtype) for _ in range(size)]
            dist.all_gather(found, pf.full((2,), rank).to(dtype))
            assert [one.tolist() for one in found] == [[0, 0], [1, 1]]
        assert dist.all_gather_bytes(b"x" * (3 * rank)) == [b"", b"xxx"]
        found = [None, None]
        dist.all_gather_object(found, {"rank": rank, "t": pf.ones(rank + 1)})
        assert [one["rank"] for one in found] == [0, 1] and found[1]["t"].tolist() == [1.0, 1.0]
        assert dist.sum_over_ranks([1.0, float(rank)]) == [2.0, 1.0]
        dist.barrier()
        result("done")
        """
    )
    assert results(done) == {"0": ["done"], "1": ["done"]}


@pytest.mark.parametrize("bucket, accumulation", [(25, 1), (0.0001, 1), (25, 2)])
def test_two_processes_learn_what_one_does_with_the_doubled_batch(bucket, accumulation):
    two = results(mpirun(CURVE, bucket, accumulation))
    one = results(mpirun(CURVE, bucket, accumulation, processes=1))
    assert two["0"] == two["1"]
    for ours, expected in zip(two["0"], one["0"]):  # losses of the epochs, then weights
        assert ours == pytest.approx(expected, abs=1e-5)
    assert one["0"][0][3] < one["0"][0][0]


def test_a_module_in_several_processes():
    done = mpirun(
        """
        pf.manual_seed(rank)
        inner = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        model = dist.DistributedDataParallel(inner)
        assert list(model.state_dict()) == ["module." + name for name in inner.state_dict()]
        sums = [None] * 2
        dist.all_gather_object(sums, [p.sum().item() for p in model.parameters()])
        assert sums[0] == sums[1]

        x, y = pf.full((2, 3), rank + 1.0) * pf.tensor([[1.0], [2.0]]), pf.ones(2, 1)
        with model.no_sync():
            ((model(x) - y) ** 2).mean().backward()
        own = inner[2].weight.grad.clone()
        every = [None] * 2
        dist.all_gather_object(every, own)
        assert not pf.allclose(every[0], every[1])
        ((model(x) - y) ** 2).mean().backward()  # what has added up is averaged, too
        dist.all_gather_object(every, inner[2].weight.grad)
        assert pf.equal(every[0], every[1])

        with pf.no_grad():
            inner[1].running_mean.fill_(100.0 * rank)
        model(x)  # begins with the running statistics of rank 0
        assert inner[1].running_mean.abs().max().item() < 10

        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.used, self.idle = nn.Linear(2, 1), nn.Linear(2, 1)
            def forward(self, x):
                return self.used(x)

        loose = dist.DistributedDataParallel(Two(), find_unused_parameters=True)
        for _ in range(2):
            loose(pf.ones(1, 2)).sum().backward()
        assert loose.module.idle.weight.grad.tolist() == [[0.0, 0.0]]
        strict = dist.DistributedDataParallel(Two())
        strict(pf.ones(1, 2)).sum().backward()
        try:
            strict(pf.ones(1, 2))
        except RuntimeError as error:
            assert "idle.weight, idle.bias" in str(error) and "find_unused_parameters=True" in str(error)
        else:
            raise AssertionError
        result("done")
        """
    )
    assert results(done) == {"0": ["done"], "1": ["done"]}


def test_resumed_runs_are_equal_bit_for_bit(tmp_path):
    program = """
    def trainer(epochs):
        pf.manual_seed(10 + rank)  # masks of dropout and orders differ between the processes
        model = dist.DistributedDataParallel(nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1)))
        return Trainer(
            model,
            TrainerConfig(max_epochs=epochs, enable_progress_bar=False, save_dir=sys.argv[1] if epochs == 2 else None),
            optimizer=optim.Adam(model.parameters(), lr=0.01),
            criterion=nn.MSELoss(),
        )

    x = pf.arange(32.0).reshape(8, 4) / 16 - rank
    loader = lambda: DataLoader(TensorDataset(x, x[:, :1]), batch_size=2, shuffle=True)
    whole, first, again = trainer(4), trainer(2), trainer(4)
    pf.manual_seed(rank); whole.fit(train_loader=loader(), val_loader=loader())
    pf.manual_seed(rank); first.fit(train_loader=loader(), val_loader=loader())
    pf.manual_seed(99); again.fit(train_loader=loader(), val_loader=loader(), ckpt_path=sys.argv[1] + "/last.pf")
    assert again.history == whole.history and len(whole.history.epochs) == 4
    for a, b in zip(whole.model.parameters(), again.model.parameters()):
        assert pf.equal(a, b)
    result(whole.history.epochs)
    """
    found = results(mpirun(program, tmp_path))
    assert found["0"] == found["1"]  # measurements are means over both
    assert (tmp_path / "last.pf").exists()


@pytest.mark.parametrize(
    "failure, message",
    [
        ("raise ValueError('broken')", "rank 1 of 2 ended with ValueError: broken"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("sys.exit(0)", "rank 1 has ended, and rank 0 waits for it"),
        ("sys.exit(3)", "rank 1 has ended|non-zero"),
    ],
)
def test_a_process_that_ends_ends_all_with_its_reason(failure, message):
    program = f"""
    if rank == 1:
        {failure}
    dist.all_reduce(pf.ones(1000))
    """
    done = mpirun(program, timeout=90)
    assert done.returncode != 0
    assert any(part in done.stderr for part in message.split("|")), done.stderr
    assert done.seconds < 60  # most of it is the start of two processes on a busy machine; the wait itself is 5 s


@pytest.mark.parametrize(
    "program, message",
    [
        (
            "dist.DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5 + rank)))",
            "1.weight: rank 0 has float32 (5, 4), rank 1 has float32 (6, 4); 2 of 4 differ",
        ),
        ("dist.all_reduce(pf.ones(2 + rank))", "rank 0 calls all_reduce SUM float32 (2,), rank 1 calls all_reduce"),
        ("dist.barrier() if rank else dist.all_reduce(pf.ones(2))", "rank 0 calls all_reduce SUM float32 (2,), rank 1"),
        ("dist.broadcast(pf.ones(2), src=2)", "there are ranks from 0 to 1"),
    ],
)
def test_processes_that_do_not_agree_are_refused(program, message):
    done = mpirun(program, timeout=90)
    assert done.returncode != 0 and message in done.stderr, done.stderr


def test_a_wait_that_is_too_long_ends():
    program = """
    dist.destroy_process_group()
    dist.init_process_group(timeout=1.0)
    if rank == 1:
        time.sleep(600)
    dist.barrier()
    """
    done = mpirun(program, timeout=90)
    assert done.returncode != 0 and "rank 0 has waited 1 s for the others" in done.stderr, done.stderr
