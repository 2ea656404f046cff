from pathlib import Path

import pytest

from union_tree import make_tree


def write(root: Path, file: str) -> None:
    path = root / "packages" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_tree_holds_every_part(tmp_path: Path) -> None:
    write(tmp_path, "pyflame-core/src/pyflame/__init__.py")
    write(tmp_path, "pyflame-core/src/pyflame/graph/ir.py")
    write(tmp_path, "pyflame-nn/src/pyflame/nn/linear.py")
    target = tmp_path / "build/pyflame"
    for _ in range(2):
        assert make_tree(tmp_path, target) == ["__init__.py", "graph", "nn"]
    assert (target / "nn/linear.py").is_file() and (target / "graph/ir.py").is_file()


def test_two_owners_of_one_name_are_caught(tmp_path: Path) -> None:
    write(tmp_path, "pyflame-core/src/pyflame/nn/a.py")
    write(tmp_path, "pyflame-nn/src/pyflame/nn/b.py")
    with pytest.raises(FileExistsError, match="pyflame-core.*pyflame-nn"):
        make_tree(tmp_path, tmp_path / "build/pyflame")
