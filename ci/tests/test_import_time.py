import subprocess
import sys
from statistics import median

LIMIT = 0.060  # seconds beside `import numpy`, on a quiet machine
SLACK = 3  # a busy one may be slower, a dependency that crept in is slower still
RUNS = 9

PROGRAM = """
import time
start = time.process_time()  # other programs on the machine do not count
import {module}
print(time.process_time() - start)
"""


def seconds(module: str) -> float:
    command = [sys.executable, "-c", PROGRAM.format(module=module)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_import_costs_little_more_than_numpy() -> None:
    pairs = [(seconds("numpy"), seconds("pyflame")) for _ in range(RUNS + 1)][1:]  # the first fills the disk cache
    numpy, pyflame = (median(column) for column in zip(*pairs, strict=True))
    extra = median(ours - theirs for theirs, ours in pairs)
    print(
        f"\nimport numpy {numpy * 1e3:.0f} ms, import pyflame {pyflame * 1e3:.0f} ms,"
        f" difference {extra * 1e3:.0f} ms, aim {LIMIT * 1e3:.0f} ms"
    )
    assert extra < LIMIT * SLACK


def test_import_brings_numpy_and_core_only() -> None:
    code = "import sys, numpy; before = set(sys.modules); import pyflame; print(*set(sys.modules) - before)"
    added = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    tops = {name.partition(".")[0] for name in added} - sys.stdlib_module_names
    assert tops <= {"numpy", "pyflame"}, tops
    parts = {".".join(name.split(".")[:2]) for name in added} & {"pyflame.nn", "pyflame.optim", "pyflame.data"}
    assert not parts
