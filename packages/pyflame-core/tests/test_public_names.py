"""The public list: every name resolves, and names imported late are declared to type checkers too."""

import ast
import subprocess
import sys
from pathlib import Path

import pyflame as pf


def test_every_name_in_dir_resolves():
    for name in dir(pf):
        assert getattr(pf, name) is not None or name == "newaxis"


def test_late_names_are_those_type_checkers_see():
    tree = ast.parse(Path(pf.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    declared = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert declared == {(module, name) for module, names in pf._LATE.items() for name in names.split()}


def test_importing_does_not_import_what_comes_late():
    program = "import sys, pyflame; print(*(m for m in sys.modules if m.startswith('pyflame.')))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    late = {f"pyflame.{module}" for module in ("graph", "optimize", "layout", "io", "testing")}
    assert not late & set(shown)
