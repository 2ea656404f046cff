import pytest

from pyflame.csl.host.options import VARIABLE, as_text, simulator_options


def test_options_survive_as_text(monkeypatch):
    options = {"mode": "cycle", "sched_seed": 3, "strict": True}
    monkeypatch.setenv(VARIABLE, as_text(options))
    assert simulator_options() == options
    monkeypatch.delenv(VARIABLE)
    assert simulator_options() == {}


def test_an_unknown_option_is_told(monkeypatch):
    monkeypatch.setenv(VARIABLE, "speed=9")
    with pytest.raises(ValueError, match="'speed'.*sched_seed"):
        simulator_options()
