"""What every test here starts from."""

import pytest

import pyflame as pf


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights and random numbers in every run: a bound on a mean holds always or never."""
    pf.manual_seed(0)
