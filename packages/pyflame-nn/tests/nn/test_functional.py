"""Functions compute what PyTorch computed, and their gradients are those of differences."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame.nn import functional as F
from pyflame.testing.layer_cases import FAMILIES, Draw, outcome

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "functional.npz"))
SCOPE = {"F": F, "R": pf.ops}
# Rows left out, gradients divided by counts, bounds that gradients pass, kinks.
NOT_DERIVATIVES = {"embedding", "embedding_bag", "likelihood_losses", "distances", "activations"}
SMALL = 250  # elements of a result that finite differences are taken of


def test_every_family_has_references():
    assert {key.split("/")[0] for key in REFERENCES} == set(FAMILIES)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_calls_agree_with_the_references(family):
    expected = REFERENCES[f"{family}/results"]
    at = 0
    for seed in REFERENCES[f"{family}/seeds"]:
        case = FAMILIES[family](Draw(int(seed), family))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arrays = outcome(case, SCOPE, pf.tensor, pf.float64)
        line = np.concatenate([np.ravel(array).astype(np.float64) for array in arrays])
        found = expected[at : at + line.size]
        np.testing.assert_allclose(line, found, rtol=1e-5, atol=1e-5, err_msg=case.expression)
        at += line.size
    assert at == expected.size


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - NOT_DERIVATIVES))
def test_gradients_are_those_of_differences(family):
    checked = 0
    for seed in REFERENCES[f"{family}/seeds"]:
        case = FAMILIES[family](Draw(int(seed), family))
        if not case.grads or sum(case.operands[name].size for name in case.grads) > SMALL or case.changed:
            continue
        others = {name: pf.tensor(array) for name, array in case.operands.items() if name not in case.grads}
        inputs = [pf.tensor(case.operands[name], requires_grad=True) for name in case.grads]

        def function(*tensors, case=case, others=others):
            return eval(case.expression, {**SCOPE, **others, **dict(zip(case.grads, tensors))})

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert pf.testing.gradcheck(function, inputs, atol=1e-4), case.expression
        checked += 1
        if checked == 3:
            break
    assert checked or all(not FAMILIES[family](Draw(seed, family)).grads for seed in range(9))
