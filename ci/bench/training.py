"""Training steps: a multilayer perceptron with Adam, a tiny one, and a transformer block with AdamW."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch

import pyflame as pf
from pyflame import nn, optim

from .contest import EAGER, OURS, Array, Contest, Row


def perceptron(nn: ModuleType, sizes: tuple[int, ...]) -> Any:
    layers: list[Any] = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Step:
    """One step: forward, backward, update; returns the loss."""

    def __init__(self, library: Any, nn: ModuleType, model: Any, optimizer: Any, inputs: tuple[Any, ...]) -> None:
        self.library, self.model, self.optimizer, self.inputs = library, model, optimizer, inputs
        self.loss = nn.functional.cross_entropy if len(inputs) == 2 else None

    def __call__(self) -> Any:
        output = self.model(self.inputs[0])
        loss = output.square().mean() if self.loss is None else self.loss(output, self.inputs[1])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def compilable(step: Step) -> Any:
    """The same step as a function of its inputs."""
    model, loss_of, optimizer = step.model, nn.functional.cross_entropy, step.optimizer

    def run(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return run


def contest(
    models: tuple[Any, Any, Any], arrays: tuple[Array, ...], optimizer: str, rate: float, compiled: bool = False
) -> Contest:
    """`models`: PyFlame's, and PyTorch's twice, all with the same parameters. compiled: ours through pf.compile."""
    ours, plain, fused = models
    state = {k: pf.tensor(v.numpy()) for k, v in plain.state_dict().items()}
    ours.load_state_dict(state)
    pf.eval(list(ours.parameters()))
    fused.load_state_dict(plain.state_dict())
    mine, theirs = tuple(pf.tensor(a) for a in arrays), tuple(torch.from_numpy(a) for a in arrays)
    theirs_of = getattr(torch.optim, optimizer)
    steps = {
        OURS: Step(pf, nn, ours, getattr(optim, optimizer)(ours.parameters(), lr=rate), mine),
        EAGER: Step(torch, torch.nn, plain, theirs_of(plain.parameters(), lr=rate), theirs),
        f"torch fused {optimizer}": Step(
            torch, torch.nn, fused, theirs_of(fused.parameters(), lr=rate, fused=True), theirs
        ),
    }

    step: Any = steps[OURS]
    if compiled:
        step = pf.compile(compilable(steps[OURS]))

    def ours_run() -> Any:
        loss = step(*mine) if compiled else step()
        pf.eval(loss)
        return loss

    runs: dict[str, Any] = {**steps, OURS: ours_run}

    def losses(name: str) -> Array:
        """Three steps: an error in a gradient or an update shows in the losses after it."""
        return np.array([float(runs[name]().detach()) for _ in range(3)])

    return Contest(runs, {name: partial(losses, name) for name in runs}, 1e-3)


def mlp(sizes: tuple[int, ...], batch: int, compiled: bool = False) -> Contest:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, sizes[0]), dtype=np.float32), rng.integers(0, sizes[-1], batch)
    models = perceptron(nn, sizes), perceptron(torch.nn, sizes), perceptron(torch.nn, sizes)
    return contest(models, (x, y), "Adam", 1e-4, compiled)


def block(nn: ModuleType, library: Any, d: int, heads: int) -> Any:
    """A pre-norm transformer block with causal attention."""
    attend = nn.functional.scaled_dot_product_attention

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
            self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

        def forward(self, x: Any) -> Any:
            b, t, _ = x.shape
            parts = self.qkv(self.norm1(x)).reshape(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
            y = attend(parts[0], parts[1], parts[2], is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
            return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    return Block()


def gpt_block() -> Contest:
    torch.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((8, 256, 384), dtype=np.float32)
    models = block(nn, pf, 384, 6), block(torch.nn, torch, 384, 6), block(torch.nn, torch, 384, 6)
    return contest(models, (x,), "AdamW", 1e-4)


ROWS = [
    Row("MLP 784-512-256-10, batch 64, training step with Adam", partial(mlp, (784, 512, 256, 10), 64), 2.0, 1.2),
    Row("tiny MLP 8-8-8-4, batch 1, training step", partial(mlp, (8, 8, 8, 4), 1), 30.0, 20.0),
    Row("the same, PyFlame's through pf.compile", partial(mlp, (8, 8, 8, 4), 1, True), 30.0, 20.0),
    Row("GPT block (d 384, 6 heads, T 256, batch 8) forward + backward + AdamW", gpt_block, 1.6, None),
]
