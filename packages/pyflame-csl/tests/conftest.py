"""Where the public examples are, and how long the fuzz tests run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from pyflame.csl.compiler import compile_program
from pyflame.csl.diagnostics import Diagnostic
from pyflame.csl.ir import Program

# A busy machine is not an error: tests have no time limit for an example.
settings.register_profile("pyflame", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pyflame")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutations", type=int, default=500, help="how many damaged programs test_fuzz.py makes")


@pytest.fixture(scope="session")
def examples() -> Path:
    """A clone of the public CSL examples."""
    folder = os.environ.get("CSL_EXAMPLES_DIR")
    if not folder:
        pytest.skip("CSL_EXAMPLES_DIR does not name a clone of the public CSL examples")
    return Path(folder)


class Built:
    """A small program made from the text of its PE code, and what its compilation says."""

    def __init__(self, program: Program | None, found: list[Diagnostic]) -> None:
        self.program = program
        self.found = found

    @property
    def codes(self) -> list[str]:
        return [diagnostic.code for diagnostic in self.found]

    def values(self, name: str) -> list[Any]:
        """The initial values of a variable, read from the memory image."""
        assert self.program is not None, "\n".join(map(str, self.found))
        tile = self.program.classes[0]
        symbol = next(entry for entry in tile.symbols if entry.name == name)
        kinds = {"bool": "?", "f16": "f2", "f32": "f4"} | {f"{s}{8 * n}": f"{s}{n}" for s in "iu" for n in (1, 2, 4, 8)}
        content = tile.memory[symbol.address : symbol.address + symbol.bytes]
        return np.frombuffer(content, "<" + kinds[symbol.scalar]).tolist()


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """Compile PE code for a rectangle; `layout` is further text of the layout block, `files` other files by name."""

    def make(
        pe: str,
        arch: str = "wse3",
        size: tuple[int, int] = (1, 1),
        layout: str = "",
        params: str = ".{}",
        head: str = "",
        files: dict[str, str] | None = None,
        **options: Any,
    ) -> Built:
        width, height = size
        (tmp_path / "pe.csl").write_text(pe)
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text)
        (tmp_path / "layout.csl").write_text(
            f"{head}\nlayout {{\n  @set_rectangle({width}, {height});\n"
            f"  for (@range(i16, {width})) |x| {{\n    for (@range(i16, {height})) |y| {{\n"
            f'      @set_tile_code(x, y, "pe.csl", {params});\n    }}\n  }}\n{layout}\n}}\n'
        )
        return Built(*compile_program(tmp_path / "layout.csl", arch, **options))

    return make
