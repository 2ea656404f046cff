"""Options of the long-running tests, and the size of the op contract in the summary."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import pyflame as pf

# A busy machine is not an error: tests have no time limit for an example.
settings.register_profile("pyflame", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pyflame")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers in every run: a bound holds always or never."""
    pf.manual_seed(0)


@pytest.fixture
def compiled_reason() -> Callable[..., str]:
    """The reason why a function is not replayed; its result is right all the same."""

    def reason_of(function: Callable[..., Any], *args: Any) -> str:
        compiled = pf.compile(function)
        for _ in range(3):
            compiled(*args)
        assert compiled.replays == 0
        (reason,) = compiled.fallback_reasons
        return str(reason)

    return reason_of


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--graphs", type=int, default=2000, help="how many random graphs test_random_graphs.py runs")
    parser.addoption("--first-graph", type=int, default=0, help="the seed of the first of them")
    parser.addoption("--mutations", type=int, default=100, help="how many damaged files test_fuzz.py makes of a kind")
    parser.addoption(
        "--raise-contract-counts", action="store_true", help="store the present numbers of ops and samples"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    if not any("test_contract.py" in report.nodeid for report in reports):
        return
    from pyflame.testing.contract import counts

    found = counts()
    terminalreporter.write_line(f"op contract: {found['ops']} ops, {found['samples']} samples")
