"""Models of Hugging Face: names and shapes of parameters, first values, outputs, losses and generated tokens."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from model_cases import value_of
from pyflame import models

REFERENCES = Path(__file__).parents[1] / "references"
CASES = json.loads((REFERENCES / "text.json").read_text())
ARRAYS = np.load(REFERENCES / "text.npz")
NUMBERS = pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{n}-{CASES[n]['class']}")
WRITERS = [number for number, case in enumerate(CASES) if case["tokens"]]


def fresh(case):
    kind = getattr(models, case["class"])
    return kind(kind.config_class.from_dict(case["config"]))


def filled(case):
    """A model with the values of the reference, in float64."""
    model = fresh(case).double().eval()
    with pf.no_grad():
        for name, parameter in model.named_parameters():
            pf.ops.assign(parameter, pf.tensor(value_of(name, tuple(parameter.shape))))
    return model


def arrays(number, kind):
    prefix = f"{number}/{kind}/"
    return {name.removeprefix(prefix): ARRAYS[name] for name in ARRAYS.files if name.startswith(prefix)}


@NUMBERS
def test_parameters_have_the_names_and_shapes_of_the_reference(number):
    state = [[name, list(value.shape)] for name, value in fresh(CASES[number]).state_dict().items()]
    assert sorted(state) == sorted(row[:2] for row in CASES[number]["state"])


@NUMBERS
def test_first_values_have_the_distributions_of_the_reference(number):
    with pf.testing.fixed_seed(0):
        state = fresh(CASES[number]).state_dict()
    for name, shape, mean, std, _ in CASES[number]["state"]:
        values, noise = state[name].numpy().astype(np.float64), 8 * std / math.sqrt(math.prod(shape))
        assert abs(values.mean() - mean) <= noise, name
        assert abs(values.std() - std) <= noise, name


@NUMBERS
def test_outputs_agree_with_the_reference(number):
    given = arrays(number, "in")
    output = filled(CASES[number])(**{name: pf.tensor(value) for name, value in given.items()})
    expected = arrays(number, "out")
    tokens = expected.pop("tokens", None)
    assert (tokens is not None) == (number in WRITERS)
    for name, value in expected.items():
        actual = output[name].detach().numpy()
        if name == "encoder_last_hidden_state" or (name in ("last_hidden_state", "logits") and value.ndim == 3):
            mask = given.get("attention_mask")
            if name == "last_hidden_state" and "decoder_input_ids" in given:
                mask = given.get("decoder_attention_mask")
            if mask is not None:  # what stands at padding means nothing
                actual, value = actual[mask == 1], value[mask == 1]
        np.testing.assert_allclose(actual, value, rtol=1e-5, atol=1e-6 * abs(value).max(), err_msg=name)


@pytest.mark.parametrize("number", WRITERS)
def test_greedy_tokens_are_those_of_the_reference_with_and_without_cache(number):
    model = filled(CASES[number])
    given = {name: pf.tensor(value) for name, value in arrays(number, "in").items() if name != "labels"}
    expected = arrays(number, "out")["tokens"]
    count = CASES[number]["tokens"]
    assert len(np.unique(expected[:, -count:])) > 2
    for use_cache in (True, False):
        tokens = model.generate(**given, max_new_tokens=count, use_cache=use_cache)
        np.testing.assert_array_equal(tokens.numpy(), expected)
