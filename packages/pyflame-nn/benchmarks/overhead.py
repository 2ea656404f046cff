"""What PyFlame spends around the kernels: recording, replay, plan look-up, run overhead, and whole training steps.

    python packages/pyflame-nn/benchmarks/overhead.py

Everything runs on one thread. Where PyTorch is installed it does the same work in the same process: the two alternate,
their losses are compared, and ratios of medians are printed. Pin the process to one core (`taskset -c 1`) and keep the
machine quiet for steady figures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import nn, optim
from pyflame.nn import functional as F


def nanoseconds(statement: str, names: dict[str, Any], loops: int = 20000, repeats: int = 15) -> float:
    """Least cost of one execution of `statement`, the loop itself subtracted; dropping the result is included.

    Time of the processor, of which the least of many repeats says what the code takes when neighbours leave it alone.
    """

    def run(body: str) -> float:
        scope: dict[str, Any] = {}
        # As in a function of the user's: names are local variables, not look-ups in a dictionary.
        exec(f"def loop({', '.join(names)}, rounds):\n    for _ in rounds:\n        {body}", scope)
        times = []
        for _ in range(repeats):
            start = time.process_time()
            scope["loop"](**names, rounds=range(loops))
            times.append((time.process_time() - start) / loops)
        return min(times)

    return 1e9 * (run(statement) - run("pass"))


def recording() -> list[tuple[str, str, str]]:
    """Cost of one recorded op for each style of call."""
    rng = np.random.default_rng(0)
    names = {
        "pf": pf,
        "a": pf.tensor(rng.random((8, 8), dtype=np.float32)),
        "b": pf.tensor(rng.random((8, 8), dtype=np.float32)),
        "row": pf.tensor(rng.random(8, dtype=np.float32)),
        "linear": nn.Linear(8, 8),
    }
    operators = ["a + b", "a + row", "a * 2.0", "a @ b", "-a", "a > b"]
    functions = ["pf.relu(a)", "pf.sum(a)", "pf.sum(a, 0)", "pf.matmul(a, b)", "pf.reshape(a, (4, 16))", "a.sum(dim=0)"]
    rows = [(f"operator {s}", f"{nanoseconds(s, names):.0f} ns", "60 ns") for s in operators]
    rows += [(f"function {s}", f"{nanoseconds(s, names):.0f} ns", "100 ns") for s in functions]
    rows.append(("Linear.__call__", f"{nanoseconds('linear(a)', names):.0f} ns", "400 ns"))
    layers = nn.Sequential(*(layer for _ in range(3) for layer in (nn.Linear(8, 8), nn.ReLU())))
    names |= {"layers": layers, "compiled": pf.compile(layers)}
    for _ in range(3):
        names["compiled"](names["a"])
    rows.append(("three Linear and ReLU", f"{nanoseconds('layers(a)', names):.0f} ns", ""))
    return [*rows, ("the same, replayed by pf.compile", f"{nanoseconds('compiled(a)', names):.0f} ns", "")]


def timed_evaluation(step: Callable[[], object], repeats: int = 300) -> tuple[float, float, float]:
    """Medians per step, in seconds: whole step, plan look-up, run (kernels and dispatch)."""
    for _ in range(5):
        step()
    totals, lookups, runs = [], [], []
    with pf.runtime_timing():
        for _ in range(repeats):
            before = pf.runtime_info()
            start = time.perf_counter()
            step()
            totals.append(time.perf_counter() - start)
            after = pf.runtime_info()
            lookups.append((after["lookup_ns"] - before["lookup_ns"]) * 1e-9)
            runs.append((after["kernel_ns"] - before["kernel_ns"]) * 1e-9)
    return statistics.median(totals), statistics.median(lookups), statistics.median(runs)


def evaluation() -> list[tuple[str, str, str]]:
    """Look-up and run overhead per node, on a chain that fusion cannot shorten to nothing."""
    x = pf.ones(1)
    length = 200

    def step() -> None:
        y = x
        for _ in range(length // 2):
            y = (y + x).reshape(1)
        pf.eval(y)

    _, lookup, run = timed_evaluation(step)
    return [
        ("plan look-up", f"{lookup / length * 1e9:.0f} ns a node", "20 ns a node"),
        ("cached run, size-1 kernels included", f"{run / length * 1e9:.0f} ns a node", "50 ns a node"),
    ]


BLOCK = 10  # steps of one library in a row, as in training, before the other has its turn


class Step:
    """A training step of a multilayer perceptron with Adam, in PyFlame."""

    def __init__(self, sizes: Sequence[int], batch: int, lr: float = 1e-4) -> None:
        rng = np.random.default_rng(0)
        self.weights = [(rng.standard_normal((n, m)) / m**0.5).astype(np.float32) for m, n in zip(sizes, sizes[1:])]
        self.x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
        self.y = rng.integers(0, sizes[-1], batch)
        layers: list[nn.Module] = []
        for weight in self.weights:
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            with pf.no_grad():
                layer.weight.copy_(pf.tensor(weight))
                layer.bias.zero_()
            layers += [layer, nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1])
        self.optimizer = optim.Adam(self.model.parameters(), lr=lr)
        self.inputs = pf.tensor(self.x), pf.tensor(self.y)

    def __call__(self) -> pf.Tensor:
        x, y = self.inputs
        loss = F.cross_entropy(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def torch_step(step: Step, lr: float = 1e-4) -> Callable[[], Any] | None:
    """The same step in PyTorch with its fused Adam, or None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    layers: list[Any] = []
    for weight in step.weights:
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    x, y = torch.from_numpy(step.x), torch.from_numpy(step.y)

    def run() -> Any:
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return run


def training(sizes: Sequence[int], batch: int, pairs: int) -> list[tuple[str, str, str]]:
    """Time of a training step, its share outside the run, and the ratio to PyTorch's fused Adam."""
    name = f"MLP {'-'.join(map(str, sizes))}, batch {batch}"
    ours = Step(sizes, batch)
    theirs = torch_step(ours)
    rows = []
    if theirs is not None:
        for _ in range(10):
            mine, other = ours().item(), theirs().item()
            if abs(mine - other) > 1e-4 * max(1.0, abs(other)):
                raise SystemExit(f"losses differ: {mine} and {other}")
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(pairs // BLOCK):
            for run, kept in zip((ours, theirs), times):
                run()  # brings the caches back after the other library's turn
                start = time.perf_counter()
                for _ in range(BLOCK):
                    run()
                kept.append((time.perf_counter() - start) / BLOCK)
        mine, other = map(statistics.median, times)
        ratios = sorted(b / a for a, b in zip(*times))
        low, high = ratios[len(ratios) // 10], ratios[len(ratios) * 9 // 10]
        rows.append((f"{name}: PyTorch", f"{other * 1e6:.1f} us", ""))
        target = "20 x" if batch == 1 else ""
        rows.append((f"{name}: ratio to PyTorch", f"{other / mine:.1f} x (10-90 %: {low:.1f} to {high:.1f})", target))
    total, lookup, run_time = timed_evaluation(ours, pairs)
    rows.append((f"{name}: step", f"{total * 1e6:.1f} us (look-up {lookup * 1e6:.1f}, run {run_time * 1e6:.1f})", ""))
    outside = f"{100 * (total - run_time) / total:.1f} %"
    return [*rows, (f"{name}: outside the run", outside, "" if batch == 1 else "10 %")]


class RowReader(nn.Module):
    """A GRU cell that reads the rows of a picture in a loop, as in docs/tutorials/compiled-steps.md."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(8, 32), nn.Linear(32, 10)

    def forward(self, image: pf.Tensor) -> pf.Tensor:
        state = pf.zeros(image.shape[0], 32)
        for row in range(image.shape[1]):
            state = self.cell(image[:, row], state)
        return self.head(state)


def reading_step() -> Callable[[pf.Tensor, pf.Tensor], pf.Tensor]:
    """A whole training step of a RowReader."""
    model = RowReader()
    optimizer = optim.Adam(model.parameters(), lr=1e-4)

    def step(image: pf.Tensor, label: pf.Tensor) -> pf.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(image), label)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def compilation() -> list[tuple[str, str, str]]:
    """A whole training step with and without pf.compile, in turns."""
    rows = []
    for length in (8, 64):
        step = reading_step()
        compiled = pf.compile(step)
        image, label = pf.rand(32, length, 8), pf.randint(0, 10, (32,))
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(60):
            for run, kept in zip((step, compiled), times):
                run(image, label).item()
                start = time.process_time()
                for _ in range(BLOCK):
                    run(image, label).item()
                kept.append((time.process_time() - start) / BLOCK)
        if compiled.fallback_reasons:
            raise SystemExit(f"the step is not replayed: {compiled.fallback_reasons}")
        plain, fast = map(statistics.median, times)
        rows.append((f"GRU cell over {length} rows, step", f"{plain * 1e6:.0f} us, compiled {fast * 1e6:.0f} us", ""))
    return rows


def main() -> None:
    """Print every figure beside its target."""
    pf.set_num_threads(1)
    rows = (
        recording()
        + evaluation()
        + compilation()
        + training((8, 8, 8, 4), 1, 2000)
        + training((784, 512, 256, 10), 64, 200)
    )
    width = max(len(name) for name, _, _ in rows)
    print(f"{'':{width}}  {'measured':44}  target")
    for name, value, target in rows:
        print(f"{name:{width}}  {value:44}  {target}")


if __name__ == "__main__":
    main()
