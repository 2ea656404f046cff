"""What a simulator can be made of: a compiled program, a folder that cslc wrote, or a layout file."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from ..compiler import compile_program
from ..diagnostics import CSLError, has_errors
from ..host.artifacts import read_program
from ..ir import Program


def program_of(
    source: Program | str | PathLike[str],
    target: str = "wse3",
    fabric_dims: tuple[int, int] = (0, 0),
    params: Mapping[str, object] | None = None,
) -> Program:
    """The program that `source` stands for; `target`, `fabric_dims` and `params` are for layout files.

    Raises:
        CSLError: the layout does not compile.
        FileNotFoundError: the folder holds no compiled program.
    """
    if isinstance(source, Program):
        return source
    if Path(source).is_dir():
        return read_program(source)
    program, found = compile_program(Path(source), target, params, fabric_dims=fabric_dims)
    if program is None or has_errors(found):
        raise CSLError(found)
    return program
