"""Write what torchvision's models compute to packages/pyflame-nn/tests/references/vision.{json,npz}.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy pillow && venv/bin/pip install --no-deps torchvision
    venv/bin/python ci/make_model_references.py

JSON holds the number of parameters and the digest of names and shapes of all models in full size, and of the small ones
the name, the shape, and the mean, standard deviation and greatest magnitude of the first values of each parameter. The
arrays hold what these models make of an input in evaluation mode, and the gradient of the input, computed in float64
with the values of parameters that ci/model_cases.py gives.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from model_cases import CASES, CATALOGUE, digest, value_of

TARGET = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "references"


def torchvision_models(torch: Any) -> Any:
    """torchvision.models without the compiled operations, of which the models need none."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    models: Any = importlib.import_module("torchvision.models")
    models.library = library  # its definitions go with it
    return models


def names(models: Any, torch: Any) -> dict[str, Any]:
    return {name: getattr(models, name) for name in dir(models)} | {"linear": torch.nn.Linear}


def catalogue(models: Any, torch: Any) -> dict[str, Any]:
    found = {}
    for expression in CATALOGUE:
        with torch.device("meta"):
            model = eval(expression, names(models, torch))
        state = [(name, tuple(value.shape)) for name, value in model.state_dict().items()]
        found[expression] = {"parameters": sum(p.numel() for p in model.parameters()), "state": digest(state)}
    return found


def drawn(value: Any) -> list[float]:
    """Mean, standard deviation and greatest magnitude of first values."""
    value = value.detach().double()
    return [float(f"{x:.5g}") for x in (value.mean(), value.std(correction=0), value.abs().max())]


def measure(models: Any, torch: Any, make: str, change: str, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    scope = names(models, torch)
    model = eval(make, scope)
    exec(change, scope, {"m": model})
    state = [[name, list(value.shape), *drawn(value)] for name, value in model.state_dict().items()]
    model = model.double().eval()
    for name, value in model.state_dict().items():
        value.copy_(torch.tensor(value_of(name, value.shape)))
    x = torch.tensor(value_of("input", shape) * np.sqrt(np.prod(shape[1:])), requires_grad=True)
    y = model(x)
    y.mul(torch.arange(1.0, y.numel() + 1).cos().reshape(y.shape)).sum().backward()
    if y.std() < 1e-2:
        raise ValueError(f"{make}: outputs hardly differ, which proves nothing")
    return state, y.detach(), x.grad


def main() -> None:
    torch: Any = importlib.import_module("torch")
    models = torchvision_models(torch)
    cases = []
    arrays: dict[str, Any] = {}
    torch.manual_seed(0)
    for number, (make, change, shape) in enumerate(CASES):
        state, y, gradient = measure(models, torch, make, change, shape)
        cases.append({"make": make, "change": change, "input": shape, "state": state})
        arrays[f"{number}/output"] = y.numpy()
        arrays[f"{number}/gradient"] = gradient.numpy().astype(np.float32)
    lines = ",\n".join(f'"{name}": {json.dumps(entry)}' for name, entry in catalogue(models, torch).items())
    rows = ",\n".join(map(json.dumps, cases))
    (TARGET / "vision.json").write_text(f'{{"catalogue": {{\n{lines}\n}},\n"cases": [\n{rows}\n]}}\n')
    np.savez_compressed(TARGET / "vision.npz", **arrays)


if __name__ == "__main__":
    main()
