"""A batch that fails when it is computed leaves parameters, statistics and state as they were, and training goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.nn import functional as F

OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda params: optim.SGD(params, lr=0.01),
    "momentum": lambda params: optim.SGD(params, lr=0.01, momentum=0.9),
    "adam": lambda params: optim.Adam(params, lr=0.001, amsgrad=True),
    "adamw": lambda params: optim.AdamW(params, lr=0.001),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.001, momentum=0.9, centered=True),
    "adagrad": lambda params: optim.Adagrad(params, lr=0.01),
    "nadam": lambda params: optim.NAdam(params, lr=0.001),
    "rprop": lambda params: optim.Rprop(params, lr=0.001),
}
GOOD = [([0, 1, 2], [0, 1, 2]), ([3, 3, 1], [2, 0, 1]), ([4, 0, 0], [1, 1, 0])]
BAD = [([0, 7, 2], [0, 1, 2]), ([0, 1, 2], [0, 9, 2])]  # a row, and a class, that there is none of


class Training:
    def __init__(self, name: str, features: int, compiled: bool) -> None:
        pf.manual_seed(0)
        hidden = nn.Linear(features, features)
        norm = nn.BatchNorm1d(features)
        self.net = nn.Sequential(nn.Embedding(5, features), norm, hidden, nn.ReLU(), nn.Linear(features, 3))
        self.view = hidden.weight.detach()[0]
        self.optimizer = OPTIMIZERS[name](self.net.parameters())
        self.call = pf.compile(self.step) if compiled else self.step

    def step(self, x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
        loss = F.cross_entropy(self.net(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def train(self, batches: list[tuple[list[int], list[int]]]) -> list[float]:
        return [self.call(pf.tensor(x), pf.tensor(y)).item() for x, y in batches]

    def values(self) -> list[Any]:
        state = self.optimizer.state_dict()["state"]
        kept = [value for number in sorted(state) for _, value in sorted(state[number].items())]
        tensors = [*self.net.parameters(), *self.net.buffers(), self.view, *kept]
        return [t.detach().numpy().copy() if isinstance(t, pf.Tensor) else np.array(t) for t in tensors]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("features", [8, 520])  # of the larger one, gradients and updates are one plan
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_after_a_batch_that_fails(name: str, features: int, compiled: bool) -> None:
    found = []
    for bad in ([], BAD):
        training = Training(name, features, compiled)
        losses = []
        for number, batch in enumerate(GOOD * 2):
            if number in (0, 2):
                for failing in bad:
                    before = training.values()
                    with pytest.raises(IndexError):
                        training.train([failing])
                    for then, now in zip(before, training.values(), strict=True):
                        np.testing.assert_array_equal(now, then)
            losses += training.train([batch])
        found.append([np.array(losses), *training.values()])
    for plain, interrupted in zip(*found, strict=True):
        np.testing.assert_array_equal(plain, interrupted)
