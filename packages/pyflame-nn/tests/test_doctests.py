"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

PARTS = ("nn", "optim", "data", "datasets", "metrics", "training", "models", "hub")


def module_names():
    for part in PARTS:
        package = importlib.import_module(f"pyflame.{part}")
        yield package.__name__
        yield from (module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))


@pytest.mark.parametrize("name", list(module_names()))
def test_docstrings_show_what_happens(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
