"""The SDK libraries are in the layout that the formatter makes."""

from pathlib import Path

import pytest

import pyflame.csl

FOLDER = Path(pyflame.csl.__file__).with_name("lib")
FILES = sorted(FOLDER.rglob("*.csl"))


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(FOLDER).as_posix() for path in FILES])
def test_is_formatted(path):
    text = path.read_text()
    assert pyflame.csl.format(text, str(path)) == text
