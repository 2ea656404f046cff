"""Models of torchvision: names and shapes of parameters, outputs, gradients and first values."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from model_cases import CATALOGUE, digest, sampled, value_of
from pyflame import models, nn
from pyflame.models.deeplabv3 import on_resnet
from pyflame.models.ssd_parts import SSDFeatureExtractorVGG

REFERENCES = Path(__file__).parents[1] / "references"
STORED = json.loads((REFERENCES / "vision.json").read_text())
ARRAYS = np.load(REFERENCES / "vision.npz")
CASES = STORED["cases"]


SCOPE = {
    **vars(models),
    "on_resnet": on_resnet,
    "SSDFeatureExtractorVGG": SSDFeatureExtractorVGG,
    "sequential": nn.Sequential,
    "relu": nn.ReLU,
    "pool": nn.MaxPool2d,
    "conv": lambda inputs, outputs: nn.Conv2d(inputs, outputs, 3, padding=1),
}


def made(expression):
    return eval(expression, SCOPE)


@pytest.mark.parametrize("expression", CATALOGUE)
def test_parameters_have_the_names_and_shapes_of_torchvision(expression):
    model = made(expression)
    assert sum(parameter.numel() for parameter in model.parameters()) == STORED["catalogue"][expression]["parameters"]
    state = [(name, tuple(value.shape)) for name, value in model.state_dict().items()]
    assert digest(state) == STORED["catalogue"][expression]["state"]


def fresh(case):
    model = made(case["make"])
    exec(case["change"], {"m": model, "linear": nn.Linear})
    return model


def filled(number):
    """A model with the values of the reference, in float64."""
    case = CASES[number]
    model = fresh(case)
    assert [[name, list(value.shape)] for name, value in model.state_dict().items()] == [x[:2] for x in case["state"]]
    model = model.double().eval()
    model.load_state_dict({name: value_of(name, tuple(shape)) for name, shape, *_ in case["state"]})
    return model


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n]["make"])
def test_outputs_and_gradients_agree_with_torchvision(number):
    model = filled(number)
    shape = CASES[number]["input"]
    x = pf.tensor(value_of("input", shape) * math.sqrt(math.prod(shape[1:])), requires_grad=True)
    y = model(x)
    y = pf.cat([part.flatten() for part in y.values()]) if isinstance(y, dict) else y
    np.testing.assert_allclose(sampled(y.detach().numpy()), ARRAYS[f"{number}/output"], rtol=1e-9, atol=1e-9)
    (y * pf.arange(1.0, y.numel() + 1, dtype=pf.float64).cos().reshape(y.shape)).sum().backward()
    expected = ARRAYS[f"{number}/gradient"]
    np.testing.assert_allclose(sampled(x.grad.numpy()), expected, rtol=1e-5, atol=1e-6 * abs(expected).max())


@pytest.mark.parametrize("number", range(len(CASES)))
def test_first_values_have_the_distributions_of_torchvision(number):
    case = CASES[number]
    with pf.testing.fixed_seed(0):
        state = fresh(case).state_dict()
    for name, shape, mean, std, greatest in case["state"]:
        values, n = state[name].numpy().astype(np.float64), max(math.prod(shape), 1)
        noise = 8 * std / math.sqrt(n)  # both sides are samples
        assert abs(values.mean() - mean) <= noise, name
        assert abs(values.std() - std) <= noise, name
        if n > 1000 and std:  # at 1.73 deviations a uniform distribution ends, beyond 3 a normal one
            assert (abs(values).max() > 2 * values.std()) == (greatest > 2 * std), name


def test_vgg_draws_the_matrices_of_its_classifier_narrowly():
    """The reference has them replaced by small ones."""
    weight = models.vgg11(num_classes=5).classifier[6].weight
    assert abs(float(weight.std()) - 0.01) < 0.0005 and abs(weight).max() > 0.03
