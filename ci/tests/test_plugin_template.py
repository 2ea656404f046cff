"""A project made from the plugin template: built, installed with core alone, tested, uninstalled without a trace."""

import re
import subprocess
from pathlib import Path

import pytest

from local_index import WHEELHOUSE, make_environment, pip, site_packages
from new_plugin import new_plugin

NAME, DISTRIBUTION = "acme-wafer", "pyflame-plugin-acme-wafer"
PYTEST = ("pytest", "iniconfig", "packaging", "pluggy", "pygments")

LOAD_AND_UNLOAD = """
import sys
import pyflame as pf
from pyflame import extend
(row,) = extend.list_plugins()
assert (row.name, row.state, row.version) == ("acme-wafer", "found", "0.1.0"), row
assert row.distribution == "pyflame-plugin-acme-wafer", row
assert "pyflame_plugin_acme_wafer" not in sys.modules
plugin = extend.load_plugin("acme-wafer")
assert type(plugin).__name__ == "AcmeWaferPlugin"
assert extend.list_custom_ops() == ["acme_wafer_swish", "acme_wafer_relu6"]
assert extend.get_custom_op("acme_wafer_relu6")(pf.tensor([-1.0, 9.0])).tolist() == [0.0, 6.0]
extend.unload_plugin("acme-wafer")
assert extend.list_custom_ops() == []
assert [row.state for row in extend.list_plugins()] == ["found"]
assert [row.error for row in extend.diagnose() if row.state == "broken"] == []
"""
GONE = """
import importlib.util
from pyflame import extend
assert extend.list_plugins() == []
assert importlib.util.find_spec("pyflame_plugin_acme_wafer") is None
"""


def run(python: Path, *arguments: str | Path, folder: Path) -> str:
    command = [python, "-W", "error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(environment: Path) -> set[Path]:
    """What is installed, without the caches Python writes beside modules it imports."""
    return {path for path in environment.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugin") / "project"
    new_plugin(NAME, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(project: Path) -> Path:
    pip("wheel", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", project / "dist", project)
    (made,) = (project / "dist").iterdir()
    return made


def test_template_makes_a_plugin_that_installs_works_and_leaves_nothing(
    tmp_path: Path, project: Path, wheel: Path
) -> None:
    assert wheel.name == "pyflame_plugin_acme_wafer-0.1.0-py3-none-any.whl"
    environment = tmp_path / "env"
    python = make_environment(environment, shared=("numpy", *PYTEST))
    pip("install", "--no-index", "--find-links", WHEELHOUSE, "pyflame-core", python=python)
    before = files(environment)
    pip("install", "--no-index", wheel, python=python)
    pip("check", python=python)
    run(python, "-c", LOAD_AND_UNLOAD, folder=tmp_path)
    (shown,) = re.findall(r"^```python\n(.*?)^```", (project / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert run(python, "-c", shown, folder=tmp_path).startswith("tensor([")
    run(python, "-m", "pytest", "-p", "no:cacheprovider", "tests", folder=project)
    command = python.parent / "pyflame"
    done = subprocess.run([command, "acme-wafer", "7"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == ["acme_wafer_swish 6.9936", "acme_wafer_relu6 6.0000"]
    pip("uninstall", "--yes", DISTRIBUTION, python=python)
    assert files(environment) == before
    assert not (site_packages(python) / "pyflame_plugin_acme_wafer").exists()
    run(python, "-c", GONE, folder=tmp_path)
