"""The text of tensors, and their exchange with PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

EDGES: list[list[Any]] = [
    [1.5], [1e10, 1.0], [1e-8, 1.0], [float("nan"), 1.0], [float("inf"), -1.0], [1.0, 2.0], [100000.0, 1.0],
    [1e5 + 0.5],
    [0.1, 1000.5], [1e-4, 1.0], [123456789.0, 0.5], [True, False], [], [[]], [0.0], [-0.0, 2.0], [1e38, 1e-38],
]  # fmt: skip


def texts(values: Any) -> tuple[str, str]:
    return repr(pf.tensor(values)), repr(torch.tensor(values)).replace("torch.", "pyflame.")


def test_edges_are_printed_as_torch_prints_them() -> None:
    for values in EDGES:
        ours, theirs = texts(values)
        assert ours == theirs


@pytest.mark.parametrize("seed", range(8))
def test_arrays_are_printed_as_torch_prints_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for count in range(30):
        shape = rng.integers(0, 5, rng.integers(0, 4)) if count % 3 else (rng.integers(900, 1200),)
        if count % 7 == 0:
            shape = (40, 40, 2)
        values = rng.normal(size=tuple(int(size) for size in shape)) * 10.0 ** rng.integers(-6, 9)
        if count % 5 == 0:
            values = np.round(values)
        # Names of other dtypes are longer than PyTorch's, so their lines may break elsewhere.
        kinds = [np.float32, np.int64, np.bool_]
        ours, theirs = texts(np.asarray(values).astype(kinds[count % 3]))
        assert ours == theirs


@pytest.mark.parametrize("name", ["float64", "float32", "float16", "int64", "uint8", "bool"])
def test_tensors_go_to_torch_and_back(name: str) -> None:
    ours = pf.arange(6).reshape(2, 3).to(getattr(pf, name))
    for x in (ours, ours.t(), ours[:, 1]):
        theirs = torch.from_dlpack(x)
        assert theirs.dtype is getattr(torch, name) and theirs.tolist() == x.tolist()
        back = pf.from_dlpack(theirs)
        assert back.dtype is x.dtype and back.tolist() == x.tolist()
