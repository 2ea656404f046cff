"""What is measured of whole processes: time to import, and memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Process:
    """A line of the second table: values of ours and of others, smaller is better."""

    name: str
    target: str
    measure: Callable[[], dict[str, list[float]]]
    unit: str


def import_times() -> dict[str, list[float]]:
    """Milliseconds until a new interpreter has imported it, that of an empty one taken off."""

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def seconds(program: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True, env=environment)
        return time.perf_counter() - start

    programs = {"pyflame": "import pyflame", "numpy": "import numpy", "torch": "import torch"}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        seconds(program)
    for _ in range(9):
        nothing = seconds("pass")
        for name, program in programs.items():
            times[name].append(1e3 * (seconds(program) - nothing))
    return times


LOOP = """
from bench.processes import peak
import pyflame as pf
x = pf.zeros(16)
peaks = []
for round in range(4):
    for i in range(250_000):
        x = x * 0.5 + 1.0 if i % 2 else x + 1.0
        if i % 100 == 0:
            pf.eval(x)
    pf.eval(x)
    peaks.append(peak() / 1024)
print(peaks[0], peaks[-1])
"""


def loop_memory() -> dict[str, list[float]]:
    """Peak MB after a quarter of the steps, and after all of them."""
    done = subprocess.run([sys.executable, "-c", LOOP], check=True, capture_output=True, text=True)
    quarter, whole = map(float, done.stdout.split())
    return {"pyflame": [whole], "after a quarter of the steps": [quarter]}


def step_memory(case: str) -> dict[str, list[float]]:
    """Peak MB of three training steps over what the process had before them, each library in a process of its own."""
    peaks: dict[str, list[float]] = {"pyflame": [], "torch eager": []}
    for _ in range(3):  # PyTorch's differ by a tenth
        for library, found in peaks.items():
            command = [sys.executable, "-m", "bench", "--memory", case, library]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(float(json.loads(done.stdout)))
    return peaks


def peak() -> int:
    """KB that the process held at most; `getrusage` would count what its parent held before starting it."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM:"))
    return int(line.split()[1])


def measure_steps(case: str, library: str) -> int:
    """The process of `step_memory`: prints the figure."""
    from . import resnet, training

    steps: Any
    if case == "gpt":
        steps = training.gpt_block().runs[library]
    else:
        steps = resnet.training_step(
            library, np.random.default_rng(0).standard_normal((4, 3, 224, 224), dtype=np.float32)
        )
    before = peak()
    for _ in range(3):
        steps()
    print(json.dumps((peak() - before) / 1024))
    return 0


PROCESSES = [
    Process("import", "within 60 ms of numpy", import_times, "ms"),
    Process("10^6 recorded ops, evaluated every 100", "constant", loop_memory, "MB"),
    Process("ResNet-50 training step, batch 4", "at most PyTorch's", partial(step_memory, "resnet"), "MB"),
    Process("GPT block training step", "at most PyTorch's", partial(step_memory, "gpt"), "MB"),
]


def text(process: Process, values: dict[str, list[float]]) -> str:
    return f"{process.name}: " + ", ".join(
        f"{name} {statistics.median(v):.4g} {process.unit}" for name, v in values.items()
    )
