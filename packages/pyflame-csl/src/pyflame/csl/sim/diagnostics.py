"""What the simulator says about a program that runs: a code, where in the source, on which PE, at which cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..diagnostics import CSLError, Severity

# Stable names, each with a test program that gives it. The second value says whether the run can go on.
CODES = {
    "deadlock": ("the host waits, and no event is left that could end it", Severity.ERROR),
    "cycle-limit": ("the host has waited longer than it was allowed to", Severity.ERROR),
    "out-of-bounds": ("an access outside the memory of a PE", Severity.ERROR),
    "misaligned": ("an access of two bytes or more at an odd address", Severity.ERROR),
    "dsd-past-array": ("a DSD that reaches past the array it starts in", Severity.WARNING),
    "copy-past-array": ("the host copies more than the array holds", Severity.WARNING),
    "uninitialized-read": ("a value is used that nothing has written", Severity.WARNING),
    "uninitialized-queue": ("a queue is used that @initialize_queue does not name", Severity.ERROR),
    "no-route": ("a wavelet comes to a router that has no route for its color", Severity.ERROR),
    "route-off-fabric": ("a wavelet leaves the rectangle of the program", Severity.ERROR),
    "router-register": ("an address that is no register of the router", Severity.ERROR),
    "dsr-reuse": ("a DSR is loaded while an operation uses it", Severity.ERROR),
    "dsr-direction": ("a fabric DSD in a DSR of the wrong file", Severity.ERROR),
    "dsr-not-loaded": ("a DSR is used before it is loaded", Severity.ERROR),
    "dsd-direction": ("a fabin DSD as destination or a fabout DSD as source", Severity.ERROR),
    "bad-dsd": ("a value that is no usable DSD", Severity.ERROR),
    "microthread-reuse": ("an operation is started on a microthread that still runs", Severity.ERROR),
    "memory-race": (
        "memory is used while an asynchronous operation still uses it, and one of them writes",
        Severity.WARNING,
    ),
    "extent-mismatch": ("operands of one operation have different extents", Severity.WARNING),
    "seed-dependent": ("the host gets other words when ready tasks run in another order", Severity.ERROR),
    "leftover-wavelets": ("wavelets that nobody has taken when the program stops", Severity.WARNING),
    "division-by-zero": ("an integer is divided by zero", Severity.ERROR),
    "unbound-task": ("a task id is activated to which no task is bound", Severity.ERROR),
    "bad-id": ("a color, queue, task or microthread that does not exist", Severity.ERROR),
    "call-depth": ("calls nested too deep", Severity.ERROR),
    "map-waits": ("the function of @map waits for the fabric", Severity.ERROR),
    "map-arguments": ("@map with more arguments than can be passed", Severity.ERROR),
    "assertion": ("@assert of a condition that does not hold", Severity.ERROR),
    "trap": ("the program stops itself", Severity.ERROR),
}


@dataclass(frozen=True, slots=True)
class RunDiagnostic:
    """One finding at run time.

    Attributes:
        code: a key of `CODES`.
        severity: an ERROR ends the run.
        message: what happened, with the values, and what to do.
        file: source file, empty where there is none.
        line: line from 1, 0 where there is none.
        column: column from 1, 0 where there is none.
        pe: (x, y) in the rectangle, or None if it is about all of it.
        cycle: when.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    pe: tuple[int, int] | None
    cycle: int

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " if self.line else ""
        pe = f"PE ({self.pe[0]}, {self.pe[1]}), " if self.pe else ""
        return f"{where}{self.severity.value}: {pe}cycle {self.cycle}: {self.message} [{self.code}]"


class SimulationError(CSLError):
    """The simulated program cannot go on; `run_diagnostics` says why, the text lists them."""

    def __init__(self, diagnostics: Sequence[RunDiagnostic]) -> None:
        super().__init__([])
        self.run_diagnostics = list(diagnostics)
        self.args = ("\n".join(map(str, diagnostics)),)


def decoded(rows: Sequence[tuple[str, str, int, int, int, int, int, int]], files: Sequence[str]) -> list[RunDiagnostic]:
    """The diagnostics in the rows that the compiled simulator returns."""
    found = []
    for code, message, file, line, column, x, y, cycle in rows:
        name = files[file] if line and 0 <= file < len(files) else ""
        pe = (x, y) if x >= 0 else None
        found.append(RunDiagnostic(code, CODES[code][1], message, name, line, column, pe, cycle))
    return found
