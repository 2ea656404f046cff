"""Write what PyTorch's modules compute to packages/pyflame-nn/tests/references/modules.{json,npz}.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python ci/make_module_references.py

A case is an expression that makes a module, which means the same in both libraries, and one that calls it with named
inputs; `values(2, 3)` in them is a tensor of numbers between 0 and 1. JSON holds its representation and all shapes,
the arrays what was drawn (state, inputs) and what came out (outputs, buffers afterwards, gradients of inputs and of
parameters), each in one line and computed in float64.
"""

from __future__ import annotations

import importlib
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from module_cases import CASES

TARGET = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "references"
RANDOM = np.random.default_rng(7)

Array = np.ndarray[Any, Any]


def flat(arrays: list[Array]) -> Array:
    return np.concatenate([np.zeros(0), *(np.ravel(array).astype(np.float64) for array in arrays)]).astype(np.float32)


def tensors(value: Any) -> list[Any]:
    """All tensors in nested tuples, in order."""
    if isinstance(value, tuple | list):
        return [tensor for part in value for tensor in tensors(part)]
    return [] if value is None else [value]


def draw_state(torch: Any, module: Any) -> list[Array]:
    drawn = []
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            values = RANDOM.standard_normal(tuple(tensor.shape)).astype(np.float32) * 0.5
            values = abs(values) % 1.0 if name == "_random_samples" else values
            tensor.copy_(torch.tensor(abs(values) + 0.5 if name.endswith("var") else values))
        drawn.append(tensor.numpy().copy())
    return drawn


def draw(spec: str) -> Array:
    """`f:2,3` is normal, `u` uniform in (0, 1), `i5` ids below 5, `b` bool, `s` signs, each with its shape."""
    kind, _, sizes = spec.partition(":")
    shape = tuple(int(size) for size in sizes.split(",") if size)
    if kind == "f":
        return RANDOM.standard_normal(shape).astype(np.float32)
    if kind == "u":
        return RANDOM.uniform(0.05, 0.95, shape).astype(np.float32)
    if kind == "b":
        mask = RANDOM.uniform(size=shape) < 0.3
        mask[..., 0] = False
        return mask
    if kind == "s":
        return np.where(RANDOM.uniform(size=shape) < 0.5, -1.0, 1.0).astype(np.float32)
    return RANDOM.integers(0, int(kind[1:]), shape)


def measure(torch: Any, make: str, call: str, specs: dict[str, str]) -> tuple[dict[str, Any], Array, Array]:
    def values(*shape: int) -> Any:
        return torch.linspace(0.1, 0.9, math.prod(shape)).reshape(shape)

    names = {"nn": torch.nn, "float64": torch.float64, "values": values}
    module = eval(make, names).double()
    state = draw_state(torch, module)
    drawn = {name: draw(spec) for name, spec in specs.items()}
    inputs = {name: torch.tensor(value) for name, value in drawn.items()}
    inputs = {name: value.double() if value.is_floating_point() else value for name, value in inputs.items()}
    leaves = [value.requires_grad_() for name, value in inputs.items() if specs[name][0] in "fu"]
    outputs = tensors(eval(f"module({call})", {"module": module, **names, **inputs}))
    total = sum((y * torch.arange(1.0, y.numel() + 1).cos().reshape(y.shape)).sum() for y in outputs)
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    gradients = (
        torch.autograd.grad(total, [*leaves, *parameters], materialize_grads=True) if total.requires_grad else ()
    )
    case = {
        "make": make,
        "call": call,
        "repr": repr(eval(make, names)),
        "state": [[name, list(tensor.shape)] for name, tensor in module.state_dict().items()],
        "inputs": {name: [str(value.dtype), list(value.shape)] for name, value in drawn.items()},
        "gradients": [name for name in specs if specs[name][0] in "fu"],
        "outputs": [list(y.shape) for y in outputs],
    }
    after = [*outputs, *module.buffers(), *gradients]
    return case, flat([*state, *drawn.values()]), flat([tensor.detach().numpy() for tensor in after])


def main() -> None:
    torch = importlib.import_module("torch")
    torch.backends.mha.set_fastpath_enabled(False)
    warnings.simplefilter("ignore")
    cases: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for number, (make, call, specs) in enumerate(CASES):
        try:
            case, given, expected = measure(torch, make, call, specs)
        except Exception as error:
            raise RuntimeError(f"{make} called with ({call})") from error
        cases.append(case)
        arrays[f"{number}/given"], arrays[f"{number}/expected"] = given, expected
    (TARGET / "modules.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    np.savez_compressed(TARGET / "modules.npz", **arrays)
    size = (TARGET / "modules.npz").stat().st_size
    print(f"{len(cases)} cases, {size:,} bytes")


if __name__ == "__main__":
    main()
