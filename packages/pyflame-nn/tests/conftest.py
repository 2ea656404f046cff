"""What every test here starts from."""

import pytest
from hypothesis import HealthCheck, settings

import pyflame as pf

# A busy machine is not an error: tests have no time limit for an example.
settings.register_profile("pyflame", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pyflame")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights and random numbers in every run: a bound on a mean holds always or never."""
    pf.manual_seed(0)
