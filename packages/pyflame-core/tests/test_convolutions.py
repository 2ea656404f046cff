"""Convolution with what follows it in one kernel: against sums in float64, on every tier, with changing weights."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import ops

Array = Any
TIERS = ("baseline", "avx2", "avx512", "amx")


def reference(x: Array, w: Array, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Array:
    """The convolution in float64, window element by window element."""
    n, _, h, width = x.shape
    o, c, kh, kw = w.shape
    padded = np.zeros((n, x.shape[1], h + 2 * padding, width + 2 * padding))
    padded[:, :, padding : padding + h, padding : padding + width] = x
    oh = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    ow = (width + 2 * padding - dilation * (kw - 1) - 1) // stride + 1
    out = np.zeros((n, o, oh, ow))
    for r, s, g in itertools.product(range(kh), range(kw), range(groups)):
        rows = slice(r * dilation, r * dilation + (oh - 1) * stride + 1, stride)
        columns = slice(s * dilation, s * dilation + (ow - 1) * stride + 1, stride)
        part = padded[:, g * c : (g + 1) * c, rows, columns]
        filters = slice(g * (o // groups), (g + 1) * (o // groups))
        out[:, filters] += np.einsum("nchw,oc->nohw", part, w[filters, :, r, s].astype(np.float64))
    return out


CASES = [
    # images, channels, size, filters, window, stride, padding, dilation, groups
    (2, 32, 14, 64, 3, 1, 1, 1, 1),
    (1, 64, 28, 48, 1, 1, 0, 1, 1),
    (2, 48, 15, 40, 1, 2, 0, 1, 1),
    (1, 40, 17, 33, 3, 2, 1, 1, 1),
    (1, 3, 64, 32, 7, 2, 3, 1, 1),
    (1, 3, 33, 20, 5, 3, 2, 1, 1),
    (1, 24, 20, 16, 3, 1, 2, 2, 1),
    (2, 16, 19, 32, 5, 2, 0, 2, 1),
    (1, 128, 7, 96, 3, 1, 1, 1, 1),
    (1, 32, 16, 64, 3, 1, 1, 1, 2),
    (2, 32, 12, 32, 3, 1, 1, 1, 32),
    (1, 8, 9, 8, 3, 1, 1, 1, 1),
    (1, 6, 35, 6, 5, 1, 2, 1, 6),
    (2, 5, 33, 10, 3, 2, 1, 1, 5),
    (1, 4, 40, 4, 5, 3, 4, 2, 4),
    (1, 3, 150, 3, 3, 1, 0, 1, 3),
    (1, 7, 3, 14, 1, 2, 3, 1, 7),
    (1, 24, 3, 24, 5, 1, 2, 1, 24),
    (2, 3, 70, 3, 5, 2, 3, 1, 3),
    (1, 5, 2, 5, 5, 1, 2, 1, 5),
    (3, 24, 1, 40, 1, 1, 0, 1, 1),
    (1, 400, 13, 31, 1, 1, 0, 1, 1),
    (1, 256, 16, 256, 1, 1, 0, 1, 1),
]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c)))
def test_convolution_then_normalization_residual_and_rectifier(case: tuple[int, ...], rng: np.random.Generator) -> None:
    n, c, size, o, k, stride, padding, dilation, groups = case
    x, w = normal(rng, n, c, size, size), normal(rng, o, c // groups, k, k)
    exact = reference(x, w, stride, padding, dilation, groups)
    magnitude = reference(abs(x), abs(w), stride, padding, dilation, groups)
    mean, scale, bias = (normal(rng, o).reshape(o, 1, 1) for _ in range(3))
    residual = normal(rng, *exact.shape)
    plain = ops.conv2d(pf.tensor(x), pf.tensor(w), None, stride, padding, dilation, groups)
    np.testing.assert_array_less(abs(plain.numpy() - exact), 2e-6 * magnitude + 1e-6)
    conv = ops.conv2d(pf.tensor(x), pf.tensor(w), None, stride, padding, dilation, groups)
    y = (conv - pf.tensor(mean)) * pf.tensor(scale) + pf.tensor(bias)
    result = pf.relu(y + pf.tensor(residual)).numpy()
    expected = np.maximum((exact - mean) * scale + bias + residual, 0)
    bound = 2e-6 * ((magnitude + abs(mean)) * abs(scale) + abs(bias) + abs(residual)) + 1e-6
    np.testing.assert_array_less(abs(result - expected), bound)


def network(x: pf.Tensor, weights: list[pf.Tensor], vectors: list[pf.Tensor]) -> pf.Tensor:
    """Layers of which each reads what the one before has written: stem, pool, a block with a shortcut."""
    y = pf.relu(ops.conv2d(x, weights[0], None, 2, 3) * vectors[0])
    y = ops.max_pool2d(y, 3, 2, 1)
    around = weights[1].shape[-1] // 2
    z = pf.relu(ops.conv2d(y, weights[1], None, 1, around) + vectors[1])
    z = pf.relu(ops.conv2d(z, weights[2], None, 2, 1) - vectors[2])
    return pf.relu(ops.conv2d(z, weights[3], None, 1, around) + ops.conv2d(y, weights[4], None, 2, around))


def network_operands(rng: np.random.Generator, k: int = 3) -> tuple[Array, list[Array], list[Array]]:
    shapes = ((72, 3, 7, 7), (24, 72, k, k), (40, 24, 3, 3), (64, 40, k, k), (64, 72, k, k))
    weights = [normal(rng, *shape) / np.sqrt(np.prod(shape[1:])).astype(np.float32) for shape in shapes]
    return normal(rng, 2, 3, 45, 45), weights, [normal(rng, n).reshape(n, 1, 1) for n in (72, 24, 40)]


def network_reference(x: Array, weights: list[Array], vectors: list[Array]) -> Array:
    y = np.maximum(reference(x, weights[0], 2, 3) * vectors[0], 0)
    n, c, h, w = y.shape
    padded = np.full((n, c, h + 2, w + 2), -np.inf)
    padded[:, :, 1:-1, 1:-1] = y
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    y = windows.max(axis=(-2, -1))
    around = weights[1].shape[-1] // 2
    z = np.maximum(reference(y, weights[1], 1, around) + vectors[1], 0)
    z = np.maximum(reference(z, weights[2], 2, 1) - vectors[2], 0)
    return np.maximum(reference(z, weights[3], 1, around) + reference(y, weights[4], 2, around), 0)


@pytest.mark.parametrize("window", [1, 3])  # the tile unit leaves small products of single elements to planes
def test_layers_hand_on_what_the_next_one_reads(window: int, rng: np.random.Generator) -> None:
    x, weights, vectors = network_operands(rng, window)
    expected = network_reference(x, weights, vectors)
    operands = pf.tensor(x), [pf.tensor(w) for w in weights], [pf.tensor(v) for v in vectors]
    for _ in range(3):  # weights are packed for good when they are read again
        result = network(*operands)
        assert result.is_contiguous()
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_depthwise_convolution_stands_between_others(rng: np.random.Generator) -> None:
    x, widen, each, narrow = (normal(rng, *s) for s in ((2, 16, 20, 20), (32, 16, 1, 1), (32, 1, 3, 3), (24, 32, 1, 1)))
    expected = np.maximum(reference(np.maximum(reference(x, widen), 0), each, 1, 1, groups=32), 0)
    y = pf.relu(ops.conv2d(pf.tensor(x), pf.tensor(widen)))
    y = pf.relu(ops.conv2d(y, pf.tensor(each), None, 1, 1, groups=32))
    result = pf.relu(ops.conv2d(y, pf.tensor(narrow))).numpy()
    np.testing.assert_allclose(result, np.maximum(reference(expected, narrow), 0), rtol=1e-4, atol=1e-4)


def test_few_channels_become_many_between_convolutions(rng: np.random.Generator) -> None:
    """Two panels of results with channels innermost, from an image of which rows of the window are multiplied."""
    x, first, second = normal(rng, 2, 3, 16, 16), normal(rng, 64, 3, 3, 3), normal(rng, 64, 64, 3, 3)
    expected = reference(np.maximum(reference(x, first, 1, 1), 0), second, 1, 1)
    operands = pf.tensor(x), pf.tensor(first), pf.tensor(second)
    for _ in range(3):
        inner = pf.relu(ops.conv2d(operands[0], operands[1], padding=1))
        result = ops.conv2d(inner, operands[2], padding=1)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [4, 7, 8])
def test_small_images_of_a_batch_go_through_convolutions_together(size: int, rng: np.random.Generator) -> None:
    """With channels innermost between the two, and planes around them; the residual lies in planes as well."""
    x, first, second = normal(rng, 8, 48, size, size), normal(rng, 160, 48, 3, 3), normal(rng, 48, 160, 3, 3)
    expected = np.maximum(reference(np.maximum(reference(x, first, 1, 1), 0), second, 1, 1) + x, 0)
    operands = pf.tensor(x), pf.tensor(first), pf.tensor(second)
    for _ in range(5):  # weights are kept packed when they are read again
        inner = pf.relu(ops.conv2d(operands[0], operands[1], padding=1))
        result = pf.relu(ops.conv2d(inner, operands[2], padding=1) + operands[0])
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-3)


def test_what_follows_a_convolution_is_part_of_its_kernel(rng: np.random.Generator) -> None:
    x, w = pf.tensor(normal(rng, 1, 32, 12, 12)), pf.tensor(normal(rng, 32, 32, 3, 3))
    mean, scale, bias = (pf.tensor(normal(rng, 32, 1, 1)) for _ in range(3))

    def conv() -> pf.Tensor:  # made anew each time: what a name still holds is kept, and so not fused
        return ops.conv2d(x, w, None, 1, 1)

    def kernels(result: pf.Tensor) -> tuple[str, ...]:
        return pf.compile_graph(result).kernels

    # No call within an assertion, which keeps the values of all its parts.
    found = kernels(pf.relu((conv() - mean) * scale + bias + x))
    assert found == ("conv2d+sub+mul+add+add+relu",)
    # What an epilogue does not have stays apart: a reversed difference, a sum after the rectifier, a vector by column.
    found = kernels(mean - conv())
    assert found == ("conv2d", "sub")
    found = kernels(pf.relu(conv()) + x)
    assert found == ("conv2d+relu", "add")
    columns = pf.tensor(normal(rng, 12))
    found = kernels(conv() * columns)
    assert found == ("conv2d", "mul")
    held = conv()
    found = kernels(pf.relu(held))
    assert found == ("conv2d", "relu")


def test_intermediate_results_that_are_asked_for_are_as_without_fusion(rng: np.random.Generator) -> None:
    x, w = pf.tensor(normal(rng, 1, 32, 12, 12)), pf.tensor(normal(rng, 32, 32, 3, 3))
    conv = ops.conv2d(x, w, None, 1, 1)
    positive = pf.relu(conv)
    both = pf.relu(ops.conv2d(positive, w, None, 1, 1))
    pf.eval(both, conv)
    np.testing.assert_array_equal(positive.numpy(), np.maximum(conv.numpy(), 0))
    again = pf.relu(ops.conv2d(pf.tensor(positive.numpy()), w, None, 1, 1))
    np.testing.assert_allclose(both.numpy(), again.numpy(), rtol=1e-5, atol=1e-4)


def test_nan_passes_the_rectifier(rng: np.random.Generator) -> None:
    x = normal(rng, 1, 32, 8, 8)
    x[0, 3, 4, 4] = np.nan
    w = pf.tensor(normal(rng, 32, 32, 1, 1))
    result = pf.relu(ops.conv2d(pf.tensor(x), w)).numpy()
    assert np.isnan(result[0, :, 4, 4]).all() and np.isnan(result).sum() == 32


@pytest.mark.parametrize("window", [1, 3])
def test_packed_weights_go_when_the_weights_change(window: int, rng: np.random.Generator) -> None:
    x, start = pf.tensor(normal(rng, 1, 32, 10, 10)), normal(rng, 32, 32, window, window)
    w = pf.tensor(start)
    for _ in range(6):
        before = ops.conv2d(x, w, None, 1, window // 2).numpy()
    for factor in (2.0, 0.5, 4.0):
        w.mul_(factor)
        pf.eval(w)
        for _ in range(6):
            after = ops.conv2d(x, w, None, 1, window // 2).numpy()
            np.testing.assert_allclose(after, before * factor, rtol=1e-4, atol=1e-3)
        before = after
    del w  # its memory is another weight's next
    other = pf.tensor(-start)
    for _ in range(6):
        result = ops.conv2d(x, other, None, 1, window // 2).numpy()
        np.testing.assert_allclose(result, -before / 4, rtol=1e-4, atol=1e-3)


def test_windows_of_one_buffer_are_weights_of_their_own(rng: np.random.Generator) -> None:
    both = normal(rng, 64, 32, 1, 1)
    x, shared = pf.tensor(normal(rng, 1, 32, 9, 9)), pf.tensor(both)
    for _ in range(3):
        halves = [ops.conv2d(x, shared[i : i + 32]).numpy() for i in (0, 32)]
    whole = ops.conv2d(x, pf.tensor(both)).numpy()
    np.testing.assert_allclose(np.concatenate(halves, 1), whole, rtol=1e-5, atol=1e-5)


PROGRAM = """
import json, sys
import numpy as np
import pyflame as pf
from pyflame import ops
rng = np.random.default_rng(4)
report = {}
cases = ((1, 64, 28, 64, 3, 1), (2, 64, 14, 128, 1, 1), (1, 3, 56, 32, 7, 2), (1, 128, 14, 64, 3, 2))
for n, c, size, o, k, stride in cases:
    x, w = rng.standard_normal((n, c, size, size)).astype("f"), rng.standard_normal((o, c, k, k)).astype("f")
    exact = ops.conv2d(pf.tensor(x.astype("d")), pf.tensor(w.astype("d")), None, stride, k // 2).numpy()
    found = [ops.conv2d(pf.tensor(x), pf.tensor(w), None, stride, k // 2).numpy() for _ in range(2)]
    assert (found[0] == found[1]).all()
    report[f"{n} {c} {size} {o} {k} {stride}"] = float(np.sqrt(((found[0] - exact) ** 2).mean() / (exact**2).mean()))
for name, value in (("infinity", np.inf), ("nan", np.nan), ("large", 1e38), ("small", 1e-38), ("denormal", 1e-41)):
    x, w = rng.standard_normal((1, 32, 12, 12)).astype("f"), rng.standard_normal((32, 32, 3, 3)).astype("f")
    x[0, 5, 6, 6] = value
    if name in ("small", "denormal"):
        x[0, :, 5:8, 5:8], x[0, 5, 6, 6] = 0, value
    exact = ops.conv2d(pf.tensor(x.astype("d")), pf.tensor(w.astype("d")), None, 1, 1).numpy()
    with np.errstate(all="ignore"):
        found, exact = ops.conv2d(pf.tensor(x), pf.tensor(w), None, 1, 1).numpy(), exact.astype("f")
        same = np.array_equal(np.isfinite(found), np.isfinite(exact))
        finite = np.isfinite(exact)
        scale = 2e-5 * np.abs(exact[finite]) + (1e-44 if name in ("small", "denormal") else 1e-4)
        if name in ("small", "denormal"):
            finite[...], finite[0, :, 6, 6] = False, True
            scale = 2e-5 * np.abs(exact[finite]) + 1e-44
        report[name] = [bool(same), bool((np.abs(found[finite] - exact[finite]) <= scale).all())]
report["digest"] = __import__("hashlib").sha256(found.tobytes()).hexdigest()
print(json.dumps(report))
"""
# Root mean square errors of PyTorch 2.13 (oneDNN) relative to the root mean square of the result.
TORCH_ERRORS = {
    "1 64 28 64 3 1": 2.16e-7,
    "2 64 14 128 1 1": 1.44e-7,
    "1 3 56 32 7 2": 2.13e-7,
    "1 128 14 64 3 2": 2.14e-7,
}


def run(**environment: str) -> dict[str, Any]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYFLAME_")} | environment
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
    if "this machine lacks it" in done.stderr:
        pytest.skip(f"the machine lacks {environment['PYFLAME_CPU_TIER']}")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("tier", TIERS)
def test_errors_and_special_values_on_every_tier(tier: str, record_property: Any) -> None:
    report = run(PYFLAME_CPU_TIER=tier)
    record_property("errors", {name: report[name] for name in TORCH_ERRORS})
    for name, stored in TORCH_ERRORS.items():
        assert report[name] <= 2 * stored, (name, report[name])
    for name in ("infinity", "nan", "large", "small", "denormal"):
        assert report[name] == [True, True], name


def test_convolutions_do_not_depend_on_threads() -> None:
    reports = [run(PYFLAME_NUM_THREADS=threads) for threads in ("1", "2", "7")]
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.torch
def test_errors_of_pytorch_are_those_written_down() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    for sizes, stored in TORCH_ERRORS.items():
        n, c, size, o, k, stride = map(int, sizes.split())
        x, w = rng.standard_normal((n, c, size, size)).astype("f"), rng.standard_normal((o, c, k, k)).astype("f")
        conv = torch.nn.functional.conv2d
        exact = conv(torch.from_numpy(x).double(), torch.from_numpy(w).double(), None, stride, k // 2).numpy()
        found = conv(torch.from_numpy(x), torch.from_numpy(w), None, stride, k // 2).numpy()
        assert np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()) == pytest.approx(stored, rel=0.3)
