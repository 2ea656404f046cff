"""Every module computes what PyTorch's computes, has its state-dict keys and is printed as it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn

REFERENCES = Path(__file__).parents[1] / "references"
CASES = json.loads((REFERENCES / "modules.json").read_text())
ARRAYS = np.load(REFERENCES / "modules.npz")
# Bases, containers and modules that PyTorch does not have are tested in files of their own.
ELSEWHERE = {"Module", "Loss", "ModuleList", "ModuleDict", "Identity", "GlobalAvgPool2d", "GlobalMaxPool2d"}
ELSEWHERE |= {"SelfAttention", "CrossAttention", "PositionalEncoding", "LearnedPositionalEmbedding", "RotaryEmbedding"}
ELSEWHERE |= {"ParameterList", "ParameterDict", "OptimizedModule"}


def taker(array):
    """A function that cuts the next array of a shape off a line."""
    place = 0

    def take(shape, dtype=np.float64):
        nonlocal place
        size = int(np.prod(shape))
        place += size
        assert place <= array.size
        return array[place - size : place].reshape(shape).astype(dtype)

    return take


def tensors(value):
    if isinstance(value, tuple | list):
        return [tensor for part in value for tensor in tensors(part)]
    return [] if value is None else [value]


def values(*shape):
    return pf.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)


def assert_near(actual, expected, what):
    assert tuple(actual.shape) == expected.shape, what
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=2e-5, atol=5e-6, err_msg=what)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{CASES[n]['make']}({CASES[n]['call']})")
def test_module_agrees_with_the_reference(number):
    case = CASES[number]
    names = {"nn": nn, "float64": pf.float64, "values": values}
    assert repr(eval(case["make"], names)) == case["repr"]
    module = eval(case["make"], names).double()
    take = taker(ARRAYS[f"{number}/given"])
    assert [[name, list(value.shape)] for name, value in module.state_dict().items()] == case["state"]
    dtypes = {name: value.numpy().dtype for name, value in module.state_dict().items()}
    module.load_state_dict({name: take(shape, dtypes[name]) for name, shape in case["state"]})
    inputs = {}
    for name, (dtype, shape) in case["inputs"].items():
        wide = np.float64 if dtype == "float32" else np.dtype(dtype)
        inputs[name] = pf.tensor(take(shape, wide), requires_grad=name in case["gradients"])
    outputs = tensors(eval(f"module({case['call']})", {"module": module, **names, **inputs}))
    take = taker(ARRAYS[f"{number}/expected"])
    assert len(outputs) == len(case["outputs"])
    for output, shape in zip(outputs, case["outputs"]):
        assert_near(output, take(shape), "output")
    total = sum((y * pf.arange(1.0, y.numel() + 1, dtype=pf.float64).cos().reshape(y.shape)).sum() for y in outputs)
    if total.requires_grad:
        total.backward()
    for name, buffer in module.named_buffers():
        assert_near(buffer, take(tuple(buffer.shape)), name)
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    for name, leaf in [*((name, inputs[name]) for name in case["gradients"]), *trained]:
        expected = take(tuple(leaf.shape))
        assert_near(pf.zeros(leaf.shape) if leaf.grad is None else leaf.grad, expected, f"gradient of {name}")


def test_every_module_has_a_reference():
    classes = {
        value.__name__ for value in vars(nn).values() if isinstance(value, type) and issubclass(value, nn.Module)
    }
    sources = [
        *(case["make"] for case in CASES),
        *np.load(REFERENCES / "layers.npz"),
        *np.load(REFERENCES / "losses.npz"),
    ]
    tested = {name for source in sources for name in re.findall(r"nn\.(\w+)", source)}
    assert not {name for name in classes if not name.startswith("Lazy")} - tested - ELSEWHERE


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_without_samples_normalizes_to_one(training):
    layer = nn.BatchNorm1d(3).train(training)
    y = layer(pf.zeros(0, 3, 4))
    assert y.shape == (0, 3, 4)
    y.sum().backward()
    assert layer.weight.grad.tolist() == [0.0] * 3 and layer.bias.grad.tolist() == [0.0] * 3
    assert layer.running_mean.tolist() == [0.0] * 3 and layer.running_var.tolist() == [1.0] * 3
