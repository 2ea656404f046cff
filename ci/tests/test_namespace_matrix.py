"""Core and nn in one namespace: as wheels and editable, installed in both orders, and one of them taken away again."""

import itertools
import subprocess
from pathlib import Path

import pytest

from local_index import EDITABLES, WHEELHOUSE, find_wheel, make_environment, pip, site_packages

CORE, NN = "pyflame-core", "pyflame-nn"
FOLDERS = {"wheel": WHEELHOUSE, "editable": EDITABLES}
MISSING = "pyflame.nn is not installed: pip install pyflame-nn"

WHOLE = """
import importlib.util, sys
import pyflame as pf
assert "pyflame.nn" not in sys.modules
assert {"nn", "optim", "data", "training"} <= set(dir(pf)), dir(pf)
assert not {"csl", "onnx"} & set(dir(pf)), dir(pf)
assert importlib.util.find_spec("pyflame.nn") is not None
assert importlib.util.find_spec("pyflame.onnx") is None
assert pf.nn is sys.modules["pyflame.nn"]
from pyflame import optim
import pyflame.data, pyflame.training
assert optim is pf.optim
assert pf.__version__
"""
CORE_ALONE = f"""
import importlib.util
import pyflame as pf
assert pf.Tensor
assert "nn" not in dir(pf)
assert importlib.util.find_spec("pyflame.nn") is None
for attempt in ("pf.nn", "from pyflame import nn"):
    try:
        exec(attempt)
    except ModuleNotFoundError as error:
        assert str(error) == {MISSING!r}, error
        assert error.name == "pyflame.nn"
    else:
        raise AssertionError(attempt)
try:
    pf.no_such_name
except AttributeError as error:
    assert "no_such_name" in str(error)
"""
NN_ALONE = """
try:
    import pyflame.nn
except ImportError as error:
    assert "Tensor" in str(error) or "pyflame" in str(error), error
else:
    raise AssertionError("pyflame.nn imported without core")
"""


def wheel(name: str, kind: str) -> Path:
    found = find_wheel(name, FOLDERS[kind])
    assert found, f"no {kind} wheel of {name}: run make wheelhouse editables"
    return found


def check(python: Path, code: str) -> None:
    run = subprocess.run([python, "-W", "error", "-c", code], capture_output=True, text=True, cwd=python.parent)
    assert run.returncode == 0, run.stderr


def install(python: Path, *wheels: Path) -> None:
    for path in wheels:  # one by one: the order is what is tested
        pip("install", "--no-index", "--no-deps", path, python=python)


@pytest.mark.parametrize("first", [CORE, NN])
@pytest.mark.parametrize(("core", "nn"), list(itertools.product(FOLDERS, FOLDERS)))
def test_parts_share_the_namespace(tmp_path: Path, core: str, nn: str, first: str) -> None:
    python = make_environment(tmp_path / "env")
    both = [wheel(CORE, core), wheel(NN, nn)]
    install(python, *(both if first == CORE else reversed(both)))
    check(python, WHOLE)
    pip("check", python=python)
    removed, rest = (NN, CORE_ALONE) if first == CORE else (CORE, NN_ALONE)
    pip("uninstall", "--yes", removed, python=python)
    check(python, rest)
    install(python, *(path for path in both if path.name.startswith(f"{removed.replace('-', '_')}-")))
    check(python, WHOLE)


@pytest.mark.parametrize("core", FOLDERS)
def test_what_a_part_lacks_is_not_blamed_on_the_part(tmp_path: Path, core: str) -> None:
    python = make_environment(tmp_path / "env")
    install(python, wheel(CORE, core))
    broken = site_packages(python) / "pyflame" / "nn"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("import module_that_nobody_has\n")
    check(
        python,
        "import pyflame as pf\n"
        "try:\n    pf.nn\n"
        "except ModuleNotFoundError as error:\n    assert error.name == 'module_that_nobody_has', error\n"
        "else:\n    raise AssertionError",
    )
