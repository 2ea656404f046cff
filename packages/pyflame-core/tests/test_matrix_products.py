"""Matrix products on every tier of instructions that the machine has: exactness, special values, threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import pyflame as pf

TIERS = ("baseline", "avx2", "avx512", "amx")
IMPORTS = """
import sys, json
import numpy as np
import pyflame as pf
"""


def run(program: str, **environment: str) -> Any:
    """What the program prints as JSON, in a process of its own: the tier is fixed when pyflame is first used."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYFLAME_")} | environment
    done = subprocess.run([sys.executable, "-c", IMPORTS + program], env=env, capture_output=True, text=True)
    if "this machine lacks it" in done.stderr:
        pytest.skip(f"the machine lacks {environment['PYFLAME_CPU_TIER']}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ERRORS = """
rng = np.random.default_rng(0)
report = {}
for m, n, k in ((256, 256, 256), (512, 96, 1024), (100, 70, 333), (8, 512, 512), (40, 512, 512), (1, 300, 700)):
    a, b = rng.standard_normal((m, k)).astype("f"), rng.standard_normal((k, n)).astype("f")
    exact = a.astype("d") @ b.astype("d")
    for name, left, right in (
        ("nn", pf.tensor(a), pf.tensor(b)),
        ("tn", pf.tensor(a.T.copy()).T, pf.tensor(b)),
        ("nt", pf.tensor(a), pf.tensor(b.T.copy()).T),
        ("tt", pf.tensor(a.T.copy()).T, pf.tensor(b.T.copy()).T),
    ):
        error = (left @ right).numpy() - exact
        report[f"{name} {m} {n} {k}"] = float(np.sqrt((error**2).mean()) / np.sqrt((exact**2).mean()))
print(json.dumps(report))
"""
# Root mean square errors of PyTorch 2.13 (MKL) on the same matrices, relative to the root mean square of the result.
TORCH_ERRORS = {
    "256 256 256": 2.87e-7,
    "512 96 1024": 2.89e-7,
    "100 70 333": 3.24e-7,
    "8 512 512": 2.94e-7,
    "40 512 512": 2.88e-7,
    "1 300 700": 2.63e-7,
}


@pytest.mark.parametrize("tier", TIERS)
def test_errors_of_products_are_within_twice_those_of_pytorch(tier: str, record_property: Any) -> None:
    errors = run(ERRORS, PYFLAME_CPU_TIER=tier)
    record_property("errors", errors)
    for name, error in errors.items():
        assert error <= 2 * TORCH_ERRORS[name.split(" ", 1)[1]], (name, error)


EXACT = """
rng = np.random.default_rng(3)
wrong = []
for m in (8, 40, 96):
    a = rng.standard_normal((m, 128)).astype("f")
    b = np.zeros((128, 320), "f")
    b[rng.integers(0, 128, 320), np.arange(320)] = 2.0 ** rng.integers(-9, 9, 320) * rng.choice([-1, 1], 320)
    expected = a.astype("d") @ b.astype("d")
    for left in (pf.tensor(a), pf.tensor(a.T.copy()).T):
        for right in (pf.tensor(b), pf.tensor(b.T.copy()).T):
            wrong.append(int(((left @ right).numpy() != expected).sum()))
print(json.dumps(wrong))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_sums_of_one_product_by_a_power_of_two_are_exact(tier: str) -> None:
    """Whatever parts a number is split into, they are all of it."""
    assert not any(run(EXACT, PYFLAME_CPU_TIER=tier))


BIAS = """
rng = np.random.default_rng(5)
a, b = (np.abs(rng.standard_normal((256, 256))).astype("f") for _ in range(2))
exact = a.astype("d") @ b.astype("d")
rights = (pf.tensor(b), pf.tensor(b.T.copy()).T)
print(json.dumps([float((((pf.tensor(a) @ right).numpy() - exact) / exact).mean()) for right in rights]))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_errors_of_positive_sums_have_no_direction(tier: str) -> None:
    for error in run(BIAS, PYFLAME_CPU_TIER=tier):
        assert abs(error) < 1e-8


SPECIAL = """
rng = np.random.default_rng(1)
def product(change, scale=1.0, dtype=pf.float32):
    a = rng.standard_normal((96, 128)).astype("f") * np.float32(scale)
    b = rng.standard_normal((128, 64)).astype("f")
    change(a, b)
    with np.errstate(all="ignore"):
        left, right = pf.tensor(a).to(dtype), pf.tensor(b).to(dtype)
        left64, right64 = left.to(pf.float64).numpy(), right.to(pf.float64).numpy()
        exact, bound = left64 @ right64, np.abs(left64) @ np.abs(right64)
    return (left @ right).to(pf.float32).numpy(), exact, bound

def put(row, column, value, left=True):
    def change(a, b):
        (a if left else b)[row, column] = value
    return change

def tiny(a, b):
    a[40], b[:, 7] = 2.0**-75, 2.0**-70

def largest(a, b):
    a[3], b[:, 5] = 0, 0
    a[3, 0], b[0, 5] = np.finfo("f").max, 1

def overflow(a, b):
    a[50], b[:, 9] = 2.0**100, 2.0**100

def denormal(a, b):
    a[33] = 0
    a[33, 12] = 2.0**-140
    b[12] = 1

def denormal_then_large_k(a, b):
    a[70, :64], a[70, 64:] = 2.0**-75, 0
    b[:64] = 2.0**-70

cases = {
    "infinity": product(put(5, 6, np.inf)), "minus infinity": product(put(64, 3, -np.inf, False)),
    "nan": product(put(90, 127, np.nan)), "nan right": product(put(127, 63, np.nan, False)),
    "tiny": product(tiny), "largest": product(largest), "overflow": product(overflow), "denormal": product(denormal),
    "denormal sums": product(denormal_then_large_k), "small": product(lambda a, b: None, 2.0**-100),
    "large": product(lambda a, b: None, 2.0**120), "half denormal": product(denormal, dtype=pf.bfloat16),
    "half infinity": product(put(5, 6, np.inf), dtype=pf.bfloat16), "half tiny": product(tiny, dtype=pf.bfloat16),
}
report = {}
for name, (result, exact, bound) in cases.items():
    with np.errstate(all="ignore"):
        rounded = exact.astype("f")
        finite = np.isfinite(rounded)
        same_kind = np.array_equal(result[~finite], rounded[~finite], equal_nan=True)
        # Of the sum of absolute products: what rounding may do, whatever cancels. A denormal result has a coarser step.
        step = 2.0**-133 if "half" in name else 2.0**-149
        error = (np.abs(result[finite].astype("d") - exact[finite]) - step) / np.maximum(bound[finite], 1e-300)
    report[name] = [bool(same_kind), float(error.max())]
print(json.dumps(report))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_special_values_come_out_as_arithmetic_says(tier: str) -> None:
    for name, (same_kind, error) in run(SPECIAL, PYFLAME_CPU_TIER=tier).items():
        assert same_kind, name
        assert error < (4e-3 if name.startswith("half") else 1e-6), (name, error)


FEW = """
import hashlib
rng = np.random.default_rng(6)
digest, worst = hashlib.sha256(), 0.0
sizes = [(m, 26, 1030) for m in range(1, 18)]
others = [(9, 3, 1537), (200, 5, 511), (70, 12, 64), (1, 1000, 600), (3, 1500, 70), (90, 7, 900), (8, 500, 513)]
others += [(1, 1, 5000), (20, 530, 1030), (28, 270, 1030)]
for m, n, k in [*sizes, *others]:
    for dtype in ("f", "d"):
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((n, k)).astype(dtype)
        exact, bound = a.astype("d") @ b.T.astype("d"), np.abs(a).astype("d") @ np.abs(b.T).astype("d")
        wide = np.zeros((m, k + 5), dtype)
        wide[:, 2:-3] = a
        for left in (pf.tensor(a), pf.tensor(wide)[:, 2:-3], pf.tensor(a.T.copy()).T):
            for right in (pf.tensor(b).T, pf.tensor(b.T.copy()), pf.tensor(np.pad(b.T, 2))[2:-2, 2:-2]):
                result = (left @ right).numpy()
                worst = max(worst, float((np.abs(result - exact) / bound).max() / np.finfo(dtype).eps))
                digest.update(result.tobytes())
print(json.dumps([worst, digest.hexdigest()]))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_few_rows_times_a_matrix_of_any_order(tier: str) -> None:
    """Sums run over several blocks of the inner size; rows, columns and the last block fill no tile."""
    results = [run(FEW, PYFLAME_CPU_TIER=tier, PYFLAME_NUM_THREADS=threads) for threads in ("1", "7")]
    assert results[0] == results[1]
    assert results[0][0] < 16


THREADS = """
import hashlib
rng = np.random.default_rng(2)
digest = hashlib.sha256()
for m, n, k in ((700, 300, 900), (64, 2048, 256), (1500, 96, 64), (300, 1100, 1300), (70, 90, 4500), (1030, 1056, 96)):
    a, b = rng.standard_normal((m, k)).astype("f"), rng.standard_normal((k, n)).astype("f")
    a[m // 2, 3] = 2.0**-120
    for dtype in (pf.float32, pf.bfloat16):
        digest.update((pf.tensor(a).to(dtype) @ pf.tensor(b).to(dtype)).to(pf.float32).numpy().tobytes())
    bias, residual = (pf.tensor(rng.standard_normal(shape).astype("f")) for shape in ((n,), (m, n)))
    digest.update(pf.relu(pf.tensor(a) @ pf.tensor(b) + bias + residual).numpy().tobytes())
print(json.dumps(digest.hexdigest()))
"""


@pytest.mark.parametrize("tier", ("avx512", "amx"))
def test_products_do_not_depend_on_threads(tier: str) -> None:
    digests = {run(THREADS, PYFLAME_CPU_TIER=tier, PYFLAME_NUM_THREADS=threads) for threads in ("1", "2", "7")}
    assert len(digests) == 1


DEEP = """
rng = np.random.default_rng(4)
report = {}
for m, n, k in ((70, 90, 4500), (33, 17, 2049), (300, 64, 2048)):
    a, b = (pf.tensor(rng.standard_normal(shape).astype("f")).to(pf.bfloat16) for shape in ((m, k), (n, k)))
    a64, b64 = (t.to(pf.float64).numpy() for t in (a, b))
    for name, left, right in (("nt", a, b.T), ("tn", a.T.contiguous().T, b.T.contiguous())):
        result, exact = (left @ right).to(pf.float64).numpy(), a64 @ b64.T
        report[f"{name} {m} {n} {k}"] = float((np.abs(result - exact) - 2.0**-8 * np.abs(exact)).max())
print(json.dumps(report))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_long_sums_of_halves_are_rounded_once(tier: str) -> None:
    for name, beyond in run(DEEP, PYFLAME_CPU_TIER=tier).items():
        assert beyond < 1e-3, (name, beyond)  # what float sums of thousands of products may lose besides


INTEGERS = """
rng = np.random.default_rng(5)
wrong = []
for m, n, k, low, high in (
    (70, 90, 700, -255, 256), (33, 40, 300, -40000, 40000), (64, 64, 64, -(2**31), 2**31), (100, 33, 1100, 0, 2),
    (3, 500, 260, -128, 128), (600, 1100, 40, -256, 257), (128, 128, 600, -1000, 1000), (40, 50, 1100, -(2**22), 2**22),
    (40, 50, 300, -(2**23), 2**23), (40, 50, 70, 2**23 - 9, 2**23 + 1), (40, 50, 70, -(2**47), 2**47),
    (40, 50, 70, -(2**63), 2**63 - 1)
):
    wide = [rng.integers(low, high, shape, dtype=np.int64) for shape in ((m, k), (k, n))]
    for dtype in (np.int32, np.int64):
        a, b = (values.astype(dtype) for values in wide)
        exact = (a.astype(np.int64) @ b.astype(np.int64)).astype(dtype)
        for left, right in ((pf.tensor(a), pf.tensor(b)), (pf.tensor(a.T.copy()).T, pf.tensor(b.T.copy()).T)):
            if not np.array_equal((left @ right).numpy(), exact):
                wrong.append([m, n, k, dtype.__name__])
for dtype in (np.int32, np.int64):
    a = np.full((64, 64), np.iinfo(dtype).min, dtype)
    wrong += [] if not (pf.tensor(a) @ pf.tensor(a)).numpy().any() else ["least"]
print(json.dumps(wrong))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_products_of_integers_are_exact(tier: str) -> None:
    assert run(INTEGERS, PYFLAME_CPU_TIER=tier) == []


PRECISION = """
rng = np.random.default_rng(3)
a, b = (rng.standard_normal((256, 256)).astype("f") for _ in range(2))
exact = a.astype("d") @ b.astype("d")
errors = []
for precision in ("highest", "high", "medium"):
    pf.set_float32_matmul_precision(precision)
    errors.append(float(np.abs((pf.tensor(a) @ pf.tensor(b)).numpy() - exact).max()))
print(json.dumps([pf.runtime_info()["amx_fp32"], errors]))
"""


def test_precision_is_traded_on_the_tile_unit_only() -> None:
    state, (highest, high, medium) = run(PRECISION, PYFLAME_CPU_TIER="amx")
    assert state == "on"
    assert highest < 1e-4 and highest < high < 5e-3 and 2e-2 < medium < 1
    state, errors = run(PRECISION, PYFLAME_CPU_TIER="amx", PYFLAME_AMX_FP32="0")
    assert state == "off: PYFLAME_AMX_FP32=0" and max(errors) == min(errors) < 1e-4
    state, errors = run(PRECISION, PYFLAME_CPU_TIER="baseline")
    assert state == "off: the cpu tier is not amx" and max(errors) == min(errors) < 1e-4


def test_a_wrong_precision_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"\[set_float32_matmul_precision\] precision is 'low': expected one of highest"
    ):
        pf.set_float32_matmul_precision("low")
    assert pf.get_float32_matmul_precision() == "highest"


@pytest.mark.torch
def test_pytorch_is_not_nearer_than_written_down() -> None:
    """Its errors depend on the machine and the number of threads; smaller ones would make the limit above too wide."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for sizes, stored in TORCH_ERRORS.items():
        m, n, k = map(int, sizes.split())
        a, b = rng.standard_normal((m, k)).astype("f"), rng.standard_normal((k, n)).astype("f")
        exact = a.astype("d") @ b.astype("d")
        error = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy() - exact
        assert stored <= 1.15 * np.sqrt((error**2).mean()) / np.sqrt((exact**2).mean())
