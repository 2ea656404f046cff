"""The Python blocks of the README run."""

import re
from pathlib import Path

import pytest

from pyflame.csl.host.options import KINDS

PAGE = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_block_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README", "exec"), {"__name__": "readme"})


def test_the_options_of_the_simulator_are_listed():
    assert re.findall(r"^\| `(\w+)=", PAGE.read_text(), re.MULTILINE) == list(KINDS)
