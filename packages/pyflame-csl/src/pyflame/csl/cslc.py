"""The command cslc: compiles a CSL program into a folder that host scripts read."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .compiler import compile_program
from .diagnostics import render
from .host.artifacts import write_artifacts
from .host.flags import USAGE, UsageError, parse_flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile; return 0, 1 where the program has errors, or 2 for a command line that cannot be used."""
    try:
        flags = parse_flags(sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        print(f"cslc: {error}\n{USAGE}", file=sys.stderr)
        return 2
    for warning in flags.warnings:
        print(f"cslc: warning: {warning}", file=sys.stderr)
    program, findings = compile_program(
        flags.layout,
        arch=flags.arch,
        params=flags.params,
        colors=flags.colors,
        fabric_dims=flags.fabric_dims,
        fabric_offsets=flags.fabric_offsets,
        import_paths=flags.import_paths,
        memcpy=flags.memcpy,
    )
    for found in findings:
        print(render(found), file=sys.stderr)
    if program is None:
        return 1
    write_artifacts(flags.output, program)
    if flags.verbose:
        print(f"{flags.output}: {program.width} x {program.height} PEs, {len(program.classes)} kinds of code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
