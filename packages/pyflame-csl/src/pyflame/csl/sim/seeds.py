"""Whether a program's results depend on the order in which ready tasks run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ir import Program
from .copies import HostCopy, differing
from .diagnostics import RunDiagnostic
from .programs import program_of
from .simulate import simulate


def check_seeds(
    program: Program | str | PathLike[str],
    inputs: Mapping[str, NDArray[Any]],
    *,
    seeds: int = 20,
    function: str | None = None,
    outputs: Iterable[str] | None = None,
    **options: Any,
) -> list[RunDiagnostic]:
    """Run a program once per scheduler seed and say which results differ.

    Args:
        program, inputs, function, outputs, options: as for `simulate`; inputs of (height, width, elements).
        seeds: how many orders of the tasks to try, the documented one first.

    Returns:
        For each output that differs a finding `seed-dependent` with the first PE and element.

    Raises:
        ValueError: fewer than two seeds, or what `simulate` refuses.
        SimulationError: the program cannot go on with some seed.

    Example:
        >>> from pyflame.csl.ir import NO_REG, Export, Function, Instr, Program, Span, TileClass
        >>> code = (Instr("unblock_cmd_stream"), Instr("ret", a=NO_REG))
        >>> nothing = TileClass("nothing", b"", (), (Function("main", (), "void", 1, code, (Span(),) * 2),), (),
        ...                     (Export("main", "fn() void", function=0),))
        >>> import pyflame as pf
        >>> pf.csl.check_seeds(Program("wse3", 1, 1, (nothing,), ((0,),), (({},),), ()), {}, seeds=3)
        []
    """
    if seeds < 2:
        raise ValueError(f"[csl] {seeds} seeds: it takes two to compare")
    compiled = program_of(program)
    area = (0, 0, compiled.width, compiled.height)
    names = None if outputs is None else list(outputs)
    runs: dict[int, list[HostCopy]] = {}
    for seed in range(seeds):
        found = simulate(compiled, inputs, function=function, outputs=names, sched_seed=seed, **options)
        runs[seed] = [
            HostCopy(name, area, 0, np.ascontiguousarray(array.reshape(area[2] * area[3], -1)))
            for name, array in found.items()
        ]
    return differing(runs)
