"""Write how PyTorch's parameters begin to packages/pyflame-nn/tests/references/initial.npz.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python ci/make_initial_references.py

Layers are made, and functions of `nn.init` called, until there are enough values of each parameter. What is kept are
quantiles, the least and the greatest value among them, mean, variance and count, in float32. The expressions mean the
same in both libraries; `t` is an empty tensor of 60 x 50, `k` one of 20 x 9 x 5.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "references" / "initial.npz"
VALUES, MAKINGS = 50_000, 1_000
QUANTILES = np.linspace(0, 1, 257)

LAYERS = [
    "nn.Linear(30, 40)",
    "nn.Bilinear(7, 9, 11)",
    "nn.Conv1d(6, 8, 3)",
    "nn.Conv2d(6, 8, (3, 2), groups=2)",
    "nn.Conv3d(4, 6, 2)",
    "nn.ConvTranspose1d(6, 8, 3)",
    "nn.ConvTranspose2d(6, 8, (3, 2), groups=2)",
    "nn.ConvTranspose3d(4, 6, 2)",
    "nn.Embedding(40, 30)",
    "nn.Embedding(40, 30, padding_idx=0)",
    "nn.EmbeddingBag(40, 30)",
    "nn.RNN(10, 20, 2, bidirectional=True)",
    "nn.GRU(10, 20)",
    "nn.LSTM(10, 20, proj_size=5)",
    "nn.RNNCell(10, 20)",
    "nn.GRUCell(10, 20)",
    "nn.LSTMCell(10, 20)",
    "nn.MultiheadAttention(24, 4, add_bias_kv=True)",
    "nn.MultiheadAttention(24, 4, kdim=10, vdim=12)",
    "nn.TransformerEncoderLayer(12, 3, 20)",
    "nn.TransformerDecoderLayer(12, 3, 20)",
    "nn.Transformer(12, 3, 1, 1, 20)",
    "nn.BatchNorm1d(20)",
    "nn.GroupNorm(2, 20)",
    "nn.LayerNorm(20)",
    "nn.RMSNorm(20)",
    "nn.InstanceNorm2d(20, affine=True)",
    "nn.PReLU(20)",
    "nn.AdaptiveLogSoftmaxWithLoss(32, 100, [10, 50])",
]
FUNCTIONS = [
    "init.uniform_(t)",
    "init.uniform_(t, -2.0, 0.5)",
    "init.normal_(t)",
    "init.normal_(t, 1.0, 0.3)",
    "init.trunc_normal_(t)",
    "init.trunc_normal_(t, std=0.5, a=-0.2, b=0.9)",
    "init.trunc_normal_(t, mean=1.0, std=2.0, a=-0.5, b=0.5)",
    "init.trunc_normal_(t, a=3.0, b=4.0)",
    "init.xavier_uniform_(t, gain=1.5)",
    "init.xavier_normal_(k)",
    "init.kaiming_uniform_(k, a=0.2)",
    "init.kaiming_uniform_(t, mode='fan_out', nonlinearity='tanh')",
    "init.kaiming_normal_(k, mode='fan_out', nonlinearity='relu')",
    "init.orthogonal_(t, gain=2.0)",
    "init.orthogonal_(k)",
    "init.sparse_(t, 0.35, std=0.2)",
    "init.eye_(t)",
    "init.dirac_(k, groups=2)",
    "init.constant_(t, 0.7)",
]


def samples(torch: Any, expression: str) -> dict[str, np.ndarray[Any, Any]]:
    """Values of each parameter, of as many makings as it takes."""
    found: dict[str, list[np.ndarray[Any, Any]]] = {}
    scope = {"nn": torch.nn, "init": torch.nn.init}
    while True:
        tensors = {"t": torch.empty(60, 50), "k": torch.empty(20, 9, 5)}
        made = eval(expression, {**scope, **tensors})
        named = dict(made.named_parameters()) if isinstance(made, torch.nn.Module) else {"": made}
        for name, tensor in named.items():
            found.setdefault(name, []).append(tensor.detach().numpy().ravel().copy())
        fixed_or_enough = (a[0].std() == 0 or len(a) * len(a[0]) >= VALUES for a in found.values())
        if all(fixed_or_enough) or len(next(iter(found.values()))) == MAKINGS:
            return {name: np.concatenate(arrays) for name, arrays in found.items()}


def main() -> None:
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    kept: dict[str, Any] = {}
    for expression in [*LAYERS, *FUNCTIONS]:
        for name, values in samples(torch, expression).items():
            wide = values.astype(np.float64)
            moments = [wide.mean(), wide.var(), len(wide)]
            kept[f"{expression}/{name}"] = np.concatenate([np.quantile(wide, QUANTILES), moments]).astype(np.float32)
    np.savez_compressed(TARGET, **kept)
    print(f"{len(kept)} parameters, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
