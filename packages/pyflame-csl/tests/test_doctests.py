"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import pyflame.csl

NAMES = [
    "pyflame.csl",
    *(module.name for module in pkgutil.walk_packages(pyflame.csl.__path__, "pyflame.csl.")),
]


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_show_what_happens(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
