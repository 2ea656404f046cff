"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import pyflame as pf

PARTS = ("nn", "optim", "data", "training")  # other distributions test their own


def module_names():
    for module in pkgutil.walk_packages(pf.__path__, "pyflame."):
        if module.name.split(".")[1] not in PARTS and not module.name.endswith("._core"):
            yield module.name


@pytest.mark.parametrize("name", list(module_names()))
def test_docstrings_show_what_happens(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0
