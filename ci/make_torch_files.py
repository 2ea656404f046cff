"""Write files with PyTorch to packages/pyflame-core/tests/references/torch, for the tests of `load_torch_checkpoint`.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy && venv/bin/python ci/make_torch_files.py

`values.npz` holds what is in them, by file and path.
"""

from __future__ import annotations

import importlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "packages" / "pyflame-core" / "tests" / "references" / "torch"


def contents(torch: Any) -> dict[str, Any]:
    """File name -> what is saved."""
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2, bias=False))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(torch.randn(5, 4)).square().sum().backward()
    optimizer.step()
    base = torch.arange(24.0).reshape(4, 6)
    names = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
    return {
        "dtypes": {name: torch.tensor([0, 1, 1, 0]).to(getattr(torch, name)) for name in names},
        "views": {
            "whole": base,
            "transposed": base.t(),
            "part": base[1:3, 2:4],
            "step": base[:, ::2],
            "row": base[2],
            "expanded": base[0, :1].expand(3),
            "empty": base[:0],
            "scalar": base[3, 5],
        },
        "training": {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": 3,
            "history": [0.5, 0.25],
            "shape": base.shape,
            "name": "grüße",
            "dtype": torch.float16,
            "device": torch.device("cpu"),
            "huge": 2**70,
            "flags": (True, None, -1, 300, 70000),
        },
        "parameters": [nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(3), requires_grad=False)],
        "tensor": torch.randn(3, requires_grad=True).detach().requires_grad_(),
    }


def flat(value: Any, path: str, torch: Any) -> dict[str, Any]:
    """The tensors in a nest by path; bfloat16 as float32."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return {path: (value.float() if value.dtype is torch.bfloat16 else value).numpy()}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {name: array for key, item in items for name, array in flat(item, f"{path}/{key}", torch).items()}


def main() -> None:
    torch: Any = importlib.import_module("torch")
    TARGET.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for name, value in contents(torch).items():
        torch.save(value, TARGET / f"{name}.pt")
        arrays |= flat(value, name, torch)
    values = contents(torch)
    torch.save(values["dtypes"], TARGET / "protocol4.pt", pickle_protocol=4)
    arrays |= flat(values["dtypes"], "protocol4", torch)
    np.savez_compressed(TARGET / "values.npz", **arrays)
    # What must be refused.
    torch.save(torch.nn.Linear(2, 2), TARGET / "refused_module.pt")
    torch.save({"x": torch.ones(2, dtype=torch.complex64)}, TARGET / "refused_complex.pt")
    torch.save(torch.ones(2), TARGET / "refused_before_zip.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(2, 2)).save(TARGET / "refused_script.pt")
    for path in sorted(TARGET.glob("*.pt")):
        assert "before_zip" in path.name or zipfile.is_zipfile(path), path


if __name__ == "__main__":
    main()
