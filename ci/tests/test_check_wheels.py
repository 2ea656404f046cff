import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import check_wheels
from check_wheels import check_contents, check_overlap

PARTS = {"nn": "pyflame-nn", "csl": "pyflame-csl"}
CORE = ["pyflame/__init__.py", "pyflame/py.typed", "pyflame/_core.so"]
NN = ["pyflame/nn/__init__.py", "pyflame/nn/py.typed"]


def make_wheel(folder: Path, name: str, files: Sequence[str]) -> Path:
    stem = f"{name.replace('-', '_')}-0.1.0"
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in [*files, f"{stem}.dist-info/RECORD"]:
            archive.writestr(file, "")
    return wheel


@pytest.mark.parametrize(("name", "files"), [("pyflame-core", CORE), ("pyflame-nn", NN), ("pyflame", [])])
def test_good_wheel_passes(tmp_path: Path, name: str, files: list[str]) -> None:
    assert check_contents(name, make_wheel(tmp_path, name, files), PARTS) == []


@pytest.mark.parametrize(
    ("name", "files", "message"),
    [
        ("pyflame-core", CORE[1:], "lacks pyflame/__init__.py"),
        ("pyflame-core", [CORE[0]], "lacks pyflame/py.typed"),
        ("pyflame-core", [*CORE, "pyflame/nn/a.py"], "belongs to pyflame-nn"),
        ("pyflame-core", [*CORE, "pyflame/cpp/a.cpp"], "stray file"),
        ("pyflame-core", [*CORE, "tests/test_a.py"], "stray file"),
        ("pyflame-core", [*CORE, "pyflame/__pycache__/a.py"], "stray file"),
        ("pyflame-nn", [*NN, "pyflame/__init__.py"], "only pyflame-core"),
        ("pyflame-nn", [*NN, "pyflame/csl/__init__.py", "pyflame/csl/py.typed"], "not to pyflame-nn"),
        ("pyflame-nn", NN[:1], "lacks pyflame/nn/py.typed"),
        ("pyflame", ["pyflame/nn/a.py"], "holds no module"),
    ],
)
def test_bad_wheel_is_caught(tmp_path: Path, name: str, files: list[str], message: str) -> None:
    (problem,) = check_contents(name, make_wheel(tmp_path, name, files), PARTS)
    assert message in problem


def test_large_core_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_wheels, "CORE_LIMIT", 10)
    (problem,) = check_contents("pyflame-core", make_wheel(tmp_path, "pyflame-core", CORE), PARTS)
    assert "the limit is 10" in problem


def test_file_in_two_wheels_is_caught(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, "pyflame-core", CORE), make_wheel(tmp_path, "pyflame-nn", [*NN, CORE[1]])]
    (problem,) = check_overlap(wheels)
    assert problem.startswith("pyflame/py.typed is in pyflame_core")


def test_what_a_part_requires_is_found_through_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, requirements in {"pyflame-a": ["numpy>=2.0"], "pyflame-b": ["pyflame-a~=0.1.0", "graphs>=1,<2"]}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(f"[project]\nname = {name!r}\ndependencies = {requirements}\n")
    foreign = {"numpy": None, "graphs": ["wire>=3", 'pretty; extra == "show"'], "wire": []}
    monkeypatch.setattr(check_wheels, "packages", lambda: sorted(tmp_path.iterdir()))
    monkeypatch.setattr("check_wheels.metadata.requires", foreign.__getitem__)
    assert check_wheels.third_party("pyflame-a") == ["numpy"]
    assert check_wheels.third_party("pyflame-b") == ["graphs", "numpy", "wire"]
