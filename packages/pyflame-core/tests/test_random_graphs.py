"""Random graphs, evaluated lazily, unfused, eagerly and by NumPy."""

import numpy as np
import pytest

import pyflame._core as _core
from pyflame import Tensor, float32, float64
from pyflame.testing.bridge import bits, to_numpy
from pyflame.testing.contract import mode
from pyflame.testing.programs import Program, build, run
from pyflame.testing.random_graphs import random_program
from pyflame.testing.random_growth import Expected

PARTS = 8  # so that two workers share the graphs


def num_ops(seed: int) -> int:
    return 5 + seed * 7 % 56


def seeds(request: pytest.FixtureRequest, part: int, share: float = 1.0) -> range:
    first = request.config.getoption("first_graph", 0)
    return range(first + part, first + int(request.config.getoption("graphs", 2000) * share), PARTS)


def in_mode(name: str, program: Program) -> dict[int, Tensor]:
    with mode(debug=name == "unfused", eager=name == "eager"):
        return run(program)


def difference(tensor: Tensor, want: Expected) -> str:
    """How a result differs from NumPy's; empty when it does not."""
    if tensor.dtype is not want.dtype:
        return f"dtype {tensor.dtype}, NumPy says {want.dtype}"
    found = to_numpy(tensor)
    if found.shape != want.shape:
        return f"shape {found.shape}, NumPy says {want.shape}"
    if want.exact:
        return "" if np.array_equal(found, want.values, equal_nan=want.dtype.is_floating_point) else "other values"
    close = want.dtype not in (float32, float64) or np.allclose(found, want.values, 1e-3, 1e-3, equal_nan=True)
    return "" if close else "values not close"


@pytest.mark.parametrize("part", range(PARTS))
def test_random_graph_has_one_value_however_evaluated(request: pytest.FixtureRequest, part: int) -> None:
    for seed in seeds(request, part):
        program, expected = random_program(seed, num_ops(seed))
        results = {name: in_mode(name, program) for name in ("lazy", "unfused", "eager")}
        for slot in sorted(program.kept):
            wrong = difference(results["lazy"][slot], expected[slot])
            for name in ("unfused", "eager"):
                if bits(results[name][slot]) != bits(results["lazy"][slot]):
                    wrong += f" differs {name}"
            assert not wrong, f"seed {seed}, slot {slot}: {wrong}\n{program}"


def gradients(program: Program, evaluate_first: bool) -> list[Tensor | None]:
    """Gradients of every kept output with respect to every leaf that requires one."""
    tensors = build(program)
    kept = [tensors[slot] for slot in sorted(program.kept) if tensors[slot].requires_grad]
    outputs, inputs = [t for t in kept if not t.is_leaf], [t for t in kept if t.is_leaf]
    if not outputs or not inputs:
        return []
    if evaluate_first:
        _core.eval(outputs[: 1 + len(outputs) // 2])
    upstream = [_core.ops.full(2.0, output.dtype, tuple(output.shape)) for output in outputs]
    return _core.gradients_of(outputs, upstream, inputs, True, False)


def assert_close(found: list[Tensor | None], lazy: list[Tensor | None], message: str) -> None:
    """Of evaluated operands a product sees other strides, and may add up in another order."""
    for gradient, want in zip(found, lazy, strict=True):
        assert (gradient is None) == (want is None), message
        if gradient is None or want is None or bits(gradient) == bits(want):
            continue
        values = to_numpy(want)
        peak = np.abs(values[np.isfinite(values)]).max(initial=1)
        np.testing.assert_allclose(to_numpy(gradient), values, rtol=1e-5, atol=1e-5 * peak, err_msg=message)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_graph_has_one_gradient_however_evaluated(request: pytest.FixtureRequest, part: int) -> None:
    for seed in seeds(request, part, 0.25):
        program, _ = random_program(seed, num_ops(seed), gradients=True)
        program.kept |= {slot for item in program.instructions if item.op == "leaf" for slot in item.slots}
        with mode():
            lazy = gradients(program, False)
            assert_close(gradients(program, True), lazy, f"seed {seed}: evaluating the outputs first\n{program}")
        with mode(debug=True):
            assert_close(gradients(program, False), lazy, f"seed {seed}: unfused\n{program}")
        with mode(eager=True):
            assert_close(gradients(program, False), lazy, f"seed {seed}: eager\n{program}")


def test_random_graphs_exercise_the_memory_plan() -> None:
    before = _core.stats()
    with mode():
        for seed in range(200):
            run(random_program(seed, num_ops(seed))[0])
    after = _core.stats()
    assert after["donated"] > before["donated"]
    assert after["plan_misses"] > before["plan_misses"]
