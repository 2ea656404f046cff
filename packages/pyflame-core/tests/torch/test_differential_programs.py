"""Random programs of views, in-place changes and reads: every tensor, error and gradient as PyTorch has it."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame.testing.alias_programs import Writer, is_float

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

PROGRAMS, BATCHES, STATEMENTS = 5040, 42, 12

# What PyTorch refuses for reasons of its implementation, and PyFlame computes: docs/migration/in-place.md.
ALLOWED_HERE = (
    "function that returns multiple views",
    "some elements of the input tensor and the written-to tensor refer to a single memory location",
    "created in no_grad mode and its base",
    "Can't detach views in-place",
)
CHANGED = "modified by an inplace operation"


def overlap(a: Any, b: Any) -> str:
    if not a.numel() or not b.numel() or a.untyped_storage().data_ptr() != b.untyped_storage().data_ptr():
        return "apart"
    return "same" if (a.data_ptr(), a.shape, a.stride()) == (b.data_ptr(), b.shape, b.stride()) else "overlap"


def attempt(line: str, env: dict[str, Any]) -> Exception | None:
    try:
        exec(compile(line, "<program>", "exec"), env)
    except Exception as error:
        return error
    return None


def tensors(env: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in env.items() if name[0] == "v"}


def readable(x: Any) -> Any:
    """What PyTorch tells of a tensor's history; None for views whose mode it cannot reconcile with that of a change."""
    try:
        return x.grad_fn, x.is_leaf
    except RuntimeError as error:
        assert "created in no_grad mode" in str(error) or ALLOWED_HERE[0] in str(error)
        return None


class Program:
    """One program on both libraries, stopped at the first difference."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.reference: dict[str, Any] = {"lib": torch}
        self.ours: dict[str, Any] = {"lib": pf}
        self.lines: list[str] = []
        self.allowed = 0

    def run(self) -> None:
        writer = Writer(self.rng, self.reference, overlap)
        for _ in range(self.rng.randint(4, STATEMENTS)):
            line = writer.statement()
            expected = attempt(line, self.reference)
            if expected is not None and any(words in str(expected) for words in ALLOWED_HERE):
                self.allowed += 1
                continue
            self.lines.append(line)
            self.same_error(expected, attempt(line, self.ours))
        self.same_values()
        self.same_gradients()

    def same_error(self, expected: Exception | None, actual: Exception | None) -> None:
        if type(expected) is not type(actual):
            raise AssertionError(f"PyTorch: {expected!r}\nPyFlame: {actual!r}") from actual

    def same_values(self) -> None:
        reference, ours = tensors(self.reference), tensors(self.ours)
        assert reference.keys() == ours.keys()
        for name, x in reference.items():
            y = ours[name]
            if readable(x) is None:
                continue
            expected = (tuple(x.shape), str(x.dtype).split(".")[1], x.requires_grad, x.is_leaf)
            actual = (tuple(y.shape), y.dtype.name, y.requires_grad, y.is_leaf)
            assert actual == expected, f"{name}: PyTorch {expected}, PyFlame {actual}"
            self.close(name, x.detach().numpy(), y.detach().numpy())
            if x.numel():
                assert y.is_contiguous() == x.is_contiguous(), f"{name}.is_contiguous(): PyTorch {x.is_contiguous()}"

    def close(self, name: str, expected: Any, actual: Any) -> None:
        tolerance = 1e-9 if expected.dtype == np.float64 else 2e-4
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance, err_msg=name, equal_nan=True)

    def same_gradients(self) -> None:
        known = {name: x for name, x in tensors(self.reference).items() if readable(x)}
        leaves = [name for name, x in known.items() if x.requires_grad and x.is_leaf]
        outputs = [name for name, x in known.items() if x.requires_grad and is_float(x)]
        if not outputs:
            return
        terms = " + ".join(f"({name}.double() * {k + 1}).sum()" for k, name in enumerate(outputs))
        line = f"({terms}).backward()"
        self.lines.append(line)
        expected, actual = attempt(line, self.reference), attempt(line, self.ours)
        # PyFlame has the old values and needs no memory for its steps: it may know the gradient all the same.
        if CHANGED in str(expected) or "single memory location" in str(expected):
            self.allowed += actual is None
            assert actual is None or isinstance(actual, RuntimeError), repr(actual)
            return
        self.same_error(expected, actual)
        for name in leaves:
            x, y = self.reference[name].grad, self.ours[name].grad
            assert (x is None) == (y is None), f"{name}.grad: PyTorch {x}, PyFlame {y}"
            if x is not None:
                self.close(f"{name}.grad", x.numpy(), y.numpy())


def check(seed: int) -> Program:
    program = Program(seed)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            program.run()
    except AssertionError as error:
        raise AssertionError(f"program {seed}:\n" + "\n".join(program.lines) + f"\n{error}") from error
    return program


@pytest.mark.parametrize("batch", range(BATCHES))
def test_programs_do_what_they_do_on_pytorch(batch: int) -> None:
    size = PROGRAMS // BATCHES
    programs = [check(seed) for seed in range(batch * size, (batch + 1) * size)]
    statements = sum(len(program.lines) for program in programs)
    assert sum(program.allowed for program in programs) < 0.1 * statements
