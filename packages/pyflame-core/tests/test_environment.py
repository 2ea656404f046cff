"""The PYFLAME_ variables do what their table says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyflame._environment import ENVIRONMENT, cache_dir, optimization_level


def run(code, **environment):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYFLAME_")} | environment
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_log_level_is_that_of_the_logger():
    show = "import pyflame, logging; print(logging.getLogger('pyflame').getEffectiveLevel())"
    assert (run(show), run(show, PYFLAME_LOG_LEVEL="debug")) == ("30", "10")


@pytest.mark.parametrize("name, value", [("OPT_LEVEL", "4"), ("LOG_LEVEL", "loud"), ("GRAPH_LIMIT", "0")])
def test_a_wrong_value_is_told_at_import(name, value):
    assert f"[config] PYFLAME_{name} is {value.upper()!r}: expected" in run(
        "import pyflame", **{f"PYFLAME_{name}": value}
    )


def test_the_level_chooses_the_passes(monkeypatch):
    from pyflame.optimize import default_passes

    monkeypatch.delenv("PYFLAME_OPT_LEVEL", raising=False)
    assert optimization_level() == 2 and default_passes() == default_passes(2)
    monkeypatch.setenv("PYFLAME_OPT_LEVEL", "0")
    assert default_passes() == []


def test_a_profile_of_the_process_is_a_chrome_trace(tmp_path):
    program = "import pyflame as pf\nwith pf.record_function('mine'): print((pf.ones(3) @ pf.ones(3)).item())"
    assert run(program, PYFLAME_PROFILE=str(tmp_path / "trace.json")) == "3.0"
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["ph"] for event in events} == {"X"} and all(event["dur"] >= 0 for event in events)
    names = [event["name"] for event in events]
    assert "mine" in names and len(names) > 1


def test_caches_stand_where_they_are_told_to(monkeypatch):
    monkeypatch.setenv("PYFLAME_CACHE_DIR", "/somewhere")
    assert cache_dir() == Path("/somewhere")
    monkeypatch.delenv("PYFLAME_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert sys.platform != "linux" or cache_dir() == Path("/caches/pyflame")


def test_every_variable_has_a_meaning():
    assert all(name.startswith("PYFLAME_") and meaning for name, meaning in ENVIRONMENT.items())
