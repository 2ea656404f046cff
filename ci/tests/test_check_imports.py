from pathlib import Path

import pytest

from check_imports import check, main

PROJECT = '[project]\nname = "{name}"\nversion = "0"\ndependencies = ["numpy>=2", "pyflame-core~=0.1"]\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("pyflame-core", "pyflame-nn", "pyflame-csl"):
        (tmp_path / "packages" / name / "src/pyflame").mkdir(parents=True)
        (tmp_path / "packages" / name / "pyproject.toml").write_text(PROJECT.format(name=name))
    table = '_PARTS = {"nn": "pyflame-nn", "optim": "pyflame-nn", "csl": "pyflame-csl"}\n'
    (tmp_path / "packages/pyflame-core/src/pyflame/__init__.py").write_text(table)
    return tmp_path


def rules(tree: Path, path: str, text: str) -> list[int]:
    file = tree / "packages" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return [problem.rule for problem in check(tree)]


CORE = "pyflame-core/src/pyflame/_tensor.py"
NN = "pyflame-nn/src/pyflame/nn/linear.py"
CSL = "pyflame-csl/src/pyflame/csl/place.py"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (CORE, "from pyflame import nn"),
        (CORE, "from .nn import Linear"),
        (CORE, "from . import optim"),
        (CORE, "import pyflame as pf\ndef f(): return pf.nn.Linear"),
        (CORE, "import importlib\ndef f(): return importlib.import_module('pyflame.nn')"),
        (NN, "import pyflame.csl.place"),
        (NN, "from ..csl import place"),
        (CSL, "from pyflame.nn import Linear"),
    ],
)
def test_imports_against_the_arrows_are_caught(tree: Path, path: str, text: str) -> None:
    assert rules(tree, path, text) == [1]


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        (NN, "from pyflame._tensor import Tensor", 2),
        (NN, "from pyflame import _core", 2),
        (NN, "import pyflame._core", 2),
        (NN, "from .._core import apply", 2),
        (NN, "import pyflame\npyflame._core.apply()", 2),
        (NN, "def f(tensor): return tensor._node", 2),
        (CSL, "def f(tensor): return tensor._node", 3),
    ],
)
def test_private_names_of_others_are_caught(tree: Path, path: str, text: str, rule: int) -> None:
    assert rules(tree, path, text) == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "import torch",
        "try:\n    import torch\nexcept ImportError:\n    torch = None",
        "class A:\n    import torch",
        "def f():\n    import torch",
        "def f():\n    from sklearn.datasets import load_digits",
    ],
)
def test_undeclared_imports_are_caught(tree: Path, text: str) -> None:
    assert rules(tree, NN, text) == [4]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (CORE, "from . import _core\nfrom .graph import Graph\nimport numpy as np, json"),
        (CORE, "def f(tensor): return tensor._node"),
        ("pyflame-core/src/pyflame/_names.py", "PARTS = ['pyflame.nn']"),
        (NN, "from pyflame import Tensor\nimport pyflame as pf\npf.Tensor, pf.__version__, pf.optim"),
        (NN, "from . import functional as F\nfrom .. import Tensor\nfrom pyflame.optim._groups import x"),
        (NN, "class A:\n    def f(self, other): self._x = 1; return other._x"),
        (NN, "import sys\nsys._getframe()"),
        (NN, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        (NN, "def f():\n    try:\n        import torch\n    except ModuleNotFoundError:\n        raise"),
        (CSL, "from pyflame.graph import Graph\nfrom pyflame import Tensor"),
    ],
)
def test_allowed_imports_pass(tree: Path, path: str, text: str) -> None:
    assert rules(tree, path, text) == []


def test_core_may_name_its_parts_for_type_checkers_only_at_the_root(tree: Path) -> None:
    block = "import typing\nif typing.TYPE_CHECKING:\n    from . import nn as nn\n"
    root = tree / "packages/pyflame-core/src/pyflame/__init__.py"
    assert rules(tree, "pyflame-core/src/pyflame/__init__.py", root.read_text() + block) == []
    assert rules(tree, "pyflame-core/src/pyflame/graph/__init__.py", block.replace(". import", ".. import")) == [1]


def test_unknown_distribution_is_caught(tree: Path) -> None:
    (tree / "packages/pyflame-extra/src").mkdir(parents=True)
    (tree / "packages/pyflame-extra/pyproject.toml").write_text(PROJECT.format(name="pyflame-extra"))
    assert rules(tree, "pyflame-extra/src/a.py", "") == [1]


def test_main_prints_where_and_fails(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tree, NN, "\nimport torch")
    assert main(["--root", str(tree)]) == 1
    assert "linear.py:2: rule 4: torch" in capsys.readouterr().out
