from pathlib import Path

import pytest

from check_layers import BELOW, check, main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "packages/pyflame-core/src/cpp"
    for folder in BELOW:
        (source / folder).mkdir(parents=True)
        (source / folder / "a.h").write_text("#pragma once\n")
    return source


def problems(source: Path, file: str, text: str) -> list[str]:
    (source / file).write_text(text)
    return check(source.parents[3])


@pytest.mark.parametrize(
    ("file", "include"),
    [
        ("base/x.cpp", "cpu/a.h"),
        ("cpu/x.cpp", "graph/a.h"),
        ("graph/x.h", "cpu/a.h"),
        ("graph/x.h", "../ops/a.h"),
        ("ops/x.cpp", "autograd/a.h"),
        ("autograd/x.cpp", "passes/a.h"),
        ("passes/x.cpp", "autograd/a.h"),
        ("runtime/x.cpp", "bindings/a.h"),
    ],
)
def test_include_to_the_right_is_caught(source: Path, file: str, include: str) -> None:
    (problem,) = problems(source, file, f'// first\n#include "{include}"\n')
    assert f"{file}:2" in problem


@pytest.mark.parametrize("include", ["<Python.h>", "<pybind11/pybind11.h>", '"pybind11/numpy.h"'])
def test_python_in_kernels_is_caught(source: Path, include: str) -> None:
    assert len(problems(source, "cpu/x.cpp", f"#  include {include}\n")) == 1


def test_missing_file_is_caught(source: Path) -> None:
    assert "no such file" in problems(source, "cpu/x.cpp", '#include "base/b.h"\n')[0]


def test_unknown_folder_is_caught(source: Path) -> None:
    (source / "helpers").mkdir()
    assert "no place" in check(source.parents[3])[0]


def test_order_passes(source: Path) -> None:
    for folder, below in BELOW.items():
        lines = [f'#include "{other}/a.h"' for other in sorted(below)]
        assert problems(source, f"{folder}/x.cpp", "\n".join(['#include "a.h"', "#include <vector>", *lines])) == []


def test_main_fails_on_a_problem(source: Path) -> None:
    assert main(["--root", str(source.parents[3])]) == 0
    problems(source, "base/x.cpp", '#include "ops/a.h"')
    assert main(["--root", str(source.parents[3])]) == 1
