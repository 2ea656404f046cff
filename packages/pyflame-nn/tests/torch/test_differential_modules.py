"""Random modules do what PyTorch's do: values, gradients, buffers, state-dict keys, print, and classes of errors."""

import copy
import os
import warnings

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.testing.layer_cases import Draw
from pyflame.testing.module_cases import FAMILIES, outcome, state_of

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="PyTorch is not installed")
torch.set_num_threads(1)

CASES = int(os.environ.get("PYFLAME_TEST_CASES", "60"))
FIRST = int(os.environ.get("PYFLAME_TEST_FIRST", "0"))
ROUNDED = {"activation": 1e-6, "learned_activation": 1e-6}  # PyTorch holds their constants, such as 1/6, in float32


def values(library):
    return lambda *shape: library.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)


def gradients(library):
    def grad(total, leaves, create_graph):
        return library.autograd.grad(total, leaves, create_graph=create_graph, allow_unused=True)

    return grad


OURS = {"nn": nn, "T": pf, "rnn": nn.utils.rnn, "values": values(pf), "grad": gradients(pf)}
THEIRS = {
    "nn": torch.nn,
    "T": torch,
    "rnn": torch.nn.utils.rnn,
    "values": values(torch),
    "grad": gradients(torch),
}


def made(case, scope):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(case.make, scope), None
        except Exception as error:  # its class is what is compared
            return None, error


def called(case, module, scope, library, dtype, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return outcome(case, module, scope, library.tensor, getattr(library, dtype), **options), None
        except Exception as error:  # its class is what is compared
            return None, error


def load(module, state, library, dtype):
    module.to(getattr(library, dtype))
    module.load_state_dict({name: library.tensor(array) for name, array in state.items()})


def assert_same(found, expected, tolerance, shown):
    assert [name for name, _ in found] == [name for name, _ in expected], shown
    for (name, array), (_, reference) in zip(found, expected):
        assert array.shape == reference.shape, f"{shown}: {name} {array.shape}, PyTorch {reference.shape}"
        finite = np.abs(reference[np.isfinite(reference)]) if reference.dtype.kind == "f" else np.ones(1)
        size = max(finite.max(initial=1.0), 1.0)
        np.testing.assert_allclose(array, reference, rtol=tolerance, atol=tolerance * size, err_msg=f"{shown}: {name}")


def pair(family, seed, dtype):
    """A case, and the modules of both libraries with one state; None where neither can be made."""
    case = FAMILIES[family](Draw(seed, family))
    ours, error = made(case, OURS)
    theirs, expected = made(case, THEIRS)
    shown = (
        f"{family} {seed}: {case.make} called as {case.call} with { ({k: v.shape for k, v in case.operands.items()}) }"
    )
    assert type(error) is type(expected), f"{shown}: {error!r}, PyTorch {expected!r}"
    if theirs is None:
        return case, None, None, shown
    state = state_of(theirs, np.random.default_rng(seed))
    assert [(name, tuple(value.shape)) for name, value in ours.state_dict().items()] == [
        (name, value.shape) for name, value in state.items()
    ], shown
    assert repr(ours) == repr(theirs), shown
    load(ours, state, pf, dtype)
    load(theirs, state, torch, dtype)
    return case, ours, theirs, shown


# Where PyTorch cannot take strided inputs: its local response norm asks for a view they do not allow, its negative log
# likelihood wants contiguous gradients, and its batch norm without statistics gives others than finite differences.
CONTIGUOUS = {"local_response_norm", "class_losses", "batch_norm"}


@pytest.fixture(autouse=True)
def plain_kernels():
    """PyTorch's own, without short cuts that it can differentiate once only."""
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        yield


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_random_modules_agree(family, dtype):
    tolerance, refused = max({"float64": 1e-9, "float32": 5e-5}[dtype], ROUNDED.get(family, 0.0)), 0
    for seed in range(FIRST, FIRST + CASES):
        case, ours, theirs, shown = pair(family, seed, dtype)
        if ours is None:
            refused += 1
            continue
        strided = seed % 3 == 0 and family not in CONTIGUOUS
        found, error = called(case, ours, OURS, pf, dtype, strided=strided)
        expected, reference = called(case, theirs, THEIRS, torch, dtype, strided=strided)
        assert type(error) is type(reference), f"{shown}: {error!r}, PyTorch {reference!r}"
        if error is not None:
            refused += 1
            continue
        assert_same(found, expected, tolerance, shown)
    assert refused < CASES * 0.6


# PyTorch has no second gradients of the first two, and those of its weight norm take the norms for constants.
ONCE = {"fractional_pool", "embedding_bag", "computed_weights"}


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - ONCE))
def test_second_gradients_agree(family):
    checked = 0
    for seed in range(FIRST, FIRST + CASES // 3):
        case, ours, theirs, shown = pair(family, seed, "float64")
        if ours is None:
            continue
        expected, reference = called(case, theirs, THEIRS, torch, "float64", twice=True)
        if reference is not None:
            continue
        found, error = called(case, ours, OURS, pf, "float64", twice=True)
        assert error is None, f"{shown}: {error!r}"
        names = {name for name, _ in expected}
        assert_same([pair for pair in found if pair[0] in names], expected, 1e-6, shown)
        checked += 1
    assert checked


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_bfloat16_agrees_and_copies_do_the_same(family):
    checked = 0
    for seed in range(FIRST, FIRST + CASES // 4):
        case, ours, theirs, shown = pair(family, seed, "bfloat16")
        if ours is None:
            continue
        twin = copy.deepcopy(ours)
        expected, reference = called(case, theirs, THEIRS, torch, "bfloat16")
        found, error = called(case, ours, OURS, pf, "bfloat16")
        if reference is not None or error is not None:
            continue
        again, _ = called(case, twin, OURS, pf, "bfloat16")
        for (name, one), (_, two) in zip(found, again):
            np.testing.assert_array_equal(one, two, err_msg=f"{shown}: {name} of a copy")
        results = [(name, array) for name, array in expected if name.startswith("result")]
        assert_same(found[: len(results)], results, 0.06, shown)
        checked += 1
    assert checked


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_state_dicts_go_both_ways(family):
    for seed in range(FIRST, FIRST + CASES // 4):
        case, ours, theirs, shown = pair(family, seed, "float32")
        if ours is None:
            continue
        fresh, _ = made(case, OURS)
        fresh.load_state_dict({name: pf.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
        back, _ = made(case, THEIRS)
        back.load_state_dict({name: torch.tensor(value.numpy()) for name, value in fresh.state_dict().items()})
        for name, value in theirs.state_dict().items():
            assert torch.equal(back.state_dict()[name], value), f"{shown}: {name}"
            assert str(value.dtype).split(".")[1] == fresh.state_dict()[name].dtype.name, f"{shown}: {name}"
