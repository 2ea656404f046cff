"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import pyflame as pf

# Other distributions, where they are installed, test their own.
OTHERS = ("nn", "optim", "data", "datasets", "metrics", "training", "distributed", "models", "hub", "onnx", "csl")


def module_names():
    for module in pkgutil.walk_packages([str(Path(pf.__file__).parent)], "pyflame."):
        if module.name.split(".")[1] not in OTHERS and not module.name.endswith("._core"):
            yield module.name


@pytest.mark.parametrize("name", list(module_names()))
def test_docstrings_show_what_happens(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0
