"""The Python blocks of the README files run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PARTS = ("pyflame", "pyflame-core", "pyflame-nn")  # those of parts that need more are run by their own tests
PAGES = [ROOT / "README.md", *(ROOT / "packages" / part / "README.md" for part in PARTS)]
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_block_runs(block, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README", "exec"), {"__name__": "readme"})
