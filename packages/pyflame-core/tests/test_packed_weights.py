"""Weights kept in the order kernels read them: the same results, counted, gone with what they were made from."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json
import numpy as np
import pyflame as pf

rng = np.random.default_rng(0)
report = {}
for name, dtype, shape in (
    ("float32", pf.float32, (70, 600, 90)),
    ("bfloat16", pf.bfloat16, (20, 2100, 70)),
    ("rows", pf.float32, (96, 128, 128)),
):
    m, k, n = shape
    x = pf.tensor(rng.standard_normal((m, k)).astype("f")).to(dtype)
    w = pf.tensor(rng.standard_normal((n, k)).astype("f")).to(dtype)
    pf.eval(x, w)
    before = pf.memory_stats()["packed_bytes"]
    results = [(x @ w.T).to(pf.float32).numpy() for _ in range(8)]
    kept = pf.memory_stats()["packed_bytes"] - before
    same = all(np.array_equal(results[0], later) for later in results)
    w.mul_(2)
    pf.eval(w)
    doubled = (x @ w.T).to(pf.float32).numpy()
    twice = np.array_equal(doubled, 2 * results[0])
    after_update = pf.memory_stats()["packed_bytes"] - before
    for _ in range(8):
        pf.eval(x @ w.T)
    del w
    report[name] = [bool(same), bool(twice), kept, after_update, pf.memory_stats()["packed_bytes"] - before]
print(json.dumps(report))
"""


@pytest.mark.parametrize("tier", ("baseline", "avx2", "avx512", "amx"))
def test_packed_weights_change_no_result_and_go_with_their_contents(tier: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYFLAME_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env | {"PYFLAME_CPU_TIER": tier}, capture_output=True, text=True
    )
    if "this machine lacks it" in done.stderr:
        pytest.skip(f"the machine lacks {tier}")
    assert done.returncode == 0, done.stderr
    for name, (same, twice, kept, after_update, after_deletion) in json.loads(done.stdout).items():
        assert same and twice, name
        assert (kept > 0) == (tier == "amx"), name
        assert after_update == 0 and after_deletion == 0, name
