"""Time whole training steps and inference of everyday models against PyTorch on one thread.

    make bench-steps                            # all, the slowest beside PyTorch first
    make bench-steps ARGS="--only train --budget 5"

A training step is forward, loss, backward and AdamW, in PyTorch with `fused=True`. First, losses of both after steps
from equal weights are compared, or results of inference; a row with dropout without it, as its masks differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

import pyflame as pf
from pyflame import nn, optim

from . import listing
from .contest import EAGER, OURS, Array, Contest
from .everyday_models import MODELS, Build


def _models(build: Build) -> tuple[Any, Any]:
    """The model in both libraries, with equal weights."""
    torch.manual_seed(0)
    theirs, ours = build(torch.nn, torch), build(nn, pf)
    ours.load_state_dict({key: pf.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    pf.eval(list(ours.parameters()), list(ours.buffers()))
    return ours, theirs


def training(build: Build, x: Array, y: Array) -> Contest:
    ours, theirs = _models(build)
    our_optimizer = optim.AdamW(ours.parameters(), lr=1e-4)
    peer_optimizer = torch.optim.AdamW(theirs.parameters(), lr=1e-4, fused=True)
    mine, other = (pf.tensor(x), pf.tensor(y)), (torch.tensor(x), torch.tensor(y))

    def step(functional: Any, model: Any, optimizer: Any, inputs: tuple[Any, Any]) -> Any:
        loss = functional.cross_entropy(model(inputs[0]), inputs[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    runs = {
        OURS: lambda: pf.eval(step(nn.functional, ours, our_optimizer, mine)),
        EAGER: lambda: step(torch.nn.functional, theirs, peer_optimizer, other),
    }

    def losses(name: str) -> Array:
        """Three steps: an error in a gradient or an update shows in the losses after it."""
        dropouts = [
            m for model in (ours, theirs) for m in model.modules() if isinstance(m, (nn.Dropout, torch.nn.Dropout))
        ]
        rates = [layer.p for layer in dropouts]
        for layer in dropouts:
            layer.p = 0.0
        found = np.array([float(runs[name]().detach()) for _ in range(3)])
        for layer, rate in zip(dropouts, rates):
            layer.p = rate
        return found

    return Contest(runs, {name: partial(losses, name) for name in runs}, 1e-3)


def inference(build: Build, x: Array, y: Array) -> Contest:
    ours, theirs = _models(build)
    ours.eval()
    theirs.eval()
    mine, other = pf.tensor(x), torch.tensor(x)

    def run() -> pf.Tensor:
        with pf.no_grad():
            return pf.eval(ours(mine))

    def peer_run() -> torch.Tensor:
        with torch.inference_mode():
            return theirs(other)

    return Contest({OURS: run, EAGER: peer_run}, {OURS: lambda: run().numpy(), EAGER: lambda: peer_run().numpy()}, 1e-3)


def contests() -> Iterator[tuple[str, partial[Contest]]]:
    """Every row: its name and how to make what runs."""
    for name, build, x, y in MODELS:
        yield f"train {name}", partial(training, build, x, y)
        yield f"infer {name}", partial(inference, build, x, y)


if __name__ == "__main__":
    raise SystemExit(listing.run(__doc__, contests(), 2.0))
