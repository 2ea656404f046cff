"""Every code is reached by its example, and its correction runs."""

import importlib.util
import os
from pathlib import Path

import pytest

import pyflame as pf
from pyflame._error_kinds import KINDS

BY_CODE = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)


def execute(source):
    exec(source, {"pf": pf, "os": os, "Path": Path, "importlib": importlib})


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYFLAME_OPT_LEVEL", "2")  # an example changes it


@BY_CODE
def test_the_example_raises_its_kind(kind):
    with pytest.raises(Exception) as caught:
        execute(kind.example)
    assert pf.errors.code_of(caught.value) == kind.code, caught.value
    assert type(caught.value).__name__ in kind.raised


@BY_CODE
def test_the_correction_runs(kind):
    execute(kind.corrected)


@BY_CODE
def test_explain_shows_the_whole_kind(kind):
    text = pf.errors.explain(kind.code)
    assert text.startswith(f"{kind.code}: {kind.title}\n") and f"docs/errors/{kind.code}.md" in text
    assert all(line in text for line in (kind.example + "\n" + kind.corrected).splitlines())


def test_codes_are_numbered_once_and_without_gaps():
    codes = [kind.code for kind in KINDS]
    assert sorted(codes) == [f"PF{k:04}" for k in range(1, len(codes) + 1)]


def test_errors_of_the_core_carry_their_code_and_keep_their_class():
    with pytest.raises(RuntimeError) as caught:
        pf.ones(2, 3) @ pf.ones(4, 5)
    assert (type(caught.value), caught.value.code) == (RuntimeError, "PF0019")
    assert pf.errors.explain(caught.value) == pf.errors.explain("pf0019")
    with pytest.raises(IndexError) as caught:
        pf.ones(3).index_select(0, pf.tensor([9])).eval()
    assert (type(caught.value), caught.value.code) == (IndexError, "PF0017")


def test_classes_defined_here_carry_their_code_wherever_they_are_raised():
    with pytest.raises(pf.GraphError) as caught:
        pf.Graph().node(3)
    assert caught.value.code == "PF0003"
    with pytest.raises(pf.TraceError) as caught:
        pf.trace(bool, pf.ones(1))
    assert caught.value.code == "PF0001"


def test_errors_of_others_have_no_code():
    assert pf.errors.code_of(ValueError("something else")) is None
    with pytest.raises(ValueError, match="not raised by PyFlame"):
        pf.errors.explain(ValueError("something else"))
    with pytest.raises(ValueError, match="no code 'PF9999'"):
        pf.errors.explain("PF9999")


@pytest.mark.parametrize(
    "error", [RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, MemoryError, pf.GraphError]
)
def test_every_class_that_checks_raise_has_a_kind(error):
    assert pf.errors.code_of(error("[op] facts: what is wrong")) is not None
