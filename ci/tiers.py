"""Run tests once with the kernels of each instruction set that this machine has.

python ci/tiers.py packages/pyflame-core/tests/test_contract.py -n 2
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

TIERS = ("baseline", "neon", "avx2", "avx512", "amx")


def runs_here(tier: str) -> bool:
    code = "import pyflame as pf; (pf.ones(2) + 1).numpy()"
    done = subprocess.run([sys.executable, "-c", code], env=with_tier(tier), capture_output=True, text=True)
    if done.returncode and "PYFLAME_CPU_TIER" not in done.stderr:
        raise RuntimeError(f"the tier {tier} cannot be tried:\n{done.stderr}")
    return done.returncode == 0


def with_tier(tier: str) -> dict[str, str]:
    return {**os.environ, "PYFLAME_CPU_TIER": tier}


def main(pytest: Sequence[str]) -> int:
    failed = []
    for tier in TIERS:
        if not runs_here(tier):
            print(f"\n{tier}: not on this machine")
            continue
        print(f"\n{tier}", flush=True)
        if subprocess.run([sys.executable, "-m", "pytest", "-q", *pytest], env=with_tier(tier)).returncode:
            failed.append(tier)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
