"""Runs rows and keeps their samples."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import pyflame as pf

from . import matrices, onnx_models, processes, report, resnet, rowwise, training
from .contest import Row, difference, interleave

ROWS: list[Row] = [*matrices.ROWS, *rowwise.ROWS, *training.ROWS, *resnet.ROWS, *onnx_models.ROWS]
LIBRARIES = ("pyflame-core", "torch", "onnxruntime", "jax", "numpy")
ROUNDS, RUNS = 9, 5  # of rows with two threads: turns of every process, and runs in one turn


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), ": ?")
    versions, state = {}, pf.runtime_info()
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "date": date.today().isoformat(),
        "cpu": model.split(":", 1)[1].strip(),
        "tier": state["cpu_tier"],
        "precision": f"float32 products: {state['float32_matmul_precision']}; on the tile unit: {state['amx_fp32']}",
        "python": platform.python_version(),
        "versions": versions,
    }


def table(only: str, budget: float, samples: Path, output: Path | None) -> int:
    """Time every row whose name contains `only`; append samples, print the table and write the report if wanted."""
    cores = os.sched_getaffinity(0)
    torch.set_num_threads(1)
    samples.parent.mkdir(parents=True, exist_ok=True)
    lines: list[report.Line] = []
    for row in ROWS:
        if only.lower() not in row.name.lower():
            continue
        os.sched_setaffinity(0, {max(cores)} if row.threads == 1 else cores)
        contest = row.build()
        differences = difference(contest)
        times = interleave(contest.runs, budget) if row.threads == 1 else alternate(row, list(contest.runs))
        record = {"row": row.name, "differences": differences, "notes": contest.notes, "seconds": times, **machine()}
        with samples.open("a") as file:
            file.write(json.dumps(record) + "\n")
        lines.append(report.Line(row, times, contest.notes))
        print(lines[-1].text(), flush=True)
    os.sched_setaffinity(0, cores)
    measured = []
    for process in processes.PROCESSES:
        if only.lower() not in process.name.lower():
            continue
        values = process.measure()
        with samples.open("a") as file:
            file.write(
                json.dumps({"process": process.name, "unit": process.unit, "values": values, **machine()}) + "\n"
            )
        measured.append((process, values))
        print(processes.text(process, values), flush=True)
    if output:
        report.write(output, lines, measured, machine())
    return 0


def rewrite(samples: Path, output: Path) -> int:
    """Write the report from the last stored samples of every row."""
    rows: dict[str, dict[str, Any]] = {}
    for text in samples.read_text().splitlines():
        record = json.loads(text)
        rows[record.get("row") or record["process"]] = record
    lines = [report.Line(row, rows[row.name]["seconds"], rows[row.name]["notes"]) for row in ROWS if row.name in rows]
    measured = [(p, rows[p.name]["values"]) for p in processes.PROCESSES if p.name in rows]
    names = [row.name for row in ROWS] + [process.name for process in processes.PROCESSES]
    missing = [name for name in names if name not in rows]
    report.write(output, lines, measured, machine(), missing)
    return 0


def alternate(row: Row, contenders: list[str]) -> dict[str, list[float]]:
    """Seconds of every run in processes of their own, which take turns."""
    names = ("PYFLAME_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(row.threads))}
    workers = {
        name: subprocess.Popen(
            [sys.executable, "-m", "bench", "--worker", row.name, name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in contenders
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    try:
        for _ in range(ROUNDS + 1):  # the first round warms up
            for name, worker in workers.items():
                assert worker.stdin and worker.stdout
                worker.stdin.write("run\n")
                worker.stdin.flush()
                answer = worker.stdout.readline()
                if not answer:
                    raise RuntimeError(f"the process of {name} for {row.name!r} ended with {worker.wait()}")
                times[name] += json.loads(answer)
    finally:
        for worker in workers.values():
            worker.communicate()
    return {name: values[RUNS:] for name, values in times.items()}


def work(row_name: str, contender: str) -> int:
    """One process of a row with several threads: a line comes in, the seconds of a few runs go out."""
    row = next(r for r in ROWS if r.name == row_name)
    torch.set_num_threads(row.threads)
    run = row.build().runs[contender]
    for _ in sys.stdin:
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        print(json.dumps(times), flush=True)
    return 0
