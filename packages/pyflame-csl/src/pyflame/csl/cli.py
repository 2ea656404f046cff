"""`pyflame csl`: check, format, compile and run CSL programs."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .check import check
from .diagnostics import CSLError, Diagnostic, has_errors, render
from .sim import Simulator
from .sim.wafer_map import map_page
from .syntax.format import format


def add(commands: Any) -> None:
    """Add the subcommand and its own subcommands."""
    parser = commands.add_parser("csl", help="check, format, compile and run CSL programs")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    checker = action(actions, "check", run_check, "list what is wrong with files; exit code 1 if there are errors")
    checker.add_argument("--json", action="store_true", help="print the findings as JSON")
    checker.add_argument("--time", action="store_true", help="print how many milliseconds each file took")
    formatter = action(actions, "fmt", run_format, "format files in place; with - standard input to standard output")
    formatter.add_argument("--check", action="store_true", help="change nothing; exit code 1 if a file would change")
    formatter.add_argument("--diff", action="store_true", help="change nothing, print what would change")
    # No prefix, so that all flags are left to cslc.
    text = "compile a layout file, with the flags of cslc"
    compiler = actions.add_parser("compile", help=text, add_help=False, prefix_chars="\0")
    compiler.add_argument("flags", nargs="*", help="as cslc takes them")
    compiler.set_defaults(run=run_compile)
    runner = actions.add_parser("run", help="run a program's own script, with cslc and cs_python at hand")
    runner.add_argument("path", type=Path, help="a script, or a folder with commands_ARCH.sh or commands.sh")
    runner.add_argument("--arch", choices=("wse2", "wse3"), default="wse3", help="which commands_ARCH.sh (wse3)")
    runner.add_argument("--mode", choices=("functional", "cycle"), help="how the simulator counts cycles")
    order = runner.add_mutually_exclusive_group()
    order.add_argument("--sched-seed", type=int, metavar="N", help="another order of tasks that the language allows")
    order.add_argument(
        "--seeds", type=several, metavar="N", help="run once per order, for N orders, and compare results"
    )
    runner.add_argument("--strict", action="store_true", help="warnings of the simulator end the run")
    runner.set_defaults(run=run_program)
    mapper = actions.add_parser("map", help="draw a program as one HTML page: code classes, memory, routes per color")
    mapper.add_argument("program", type=Path, help="a folder that cslc wrote, or a layout file")
    mapper.add_argument("-o", "--output", type=Path, default=Path("map.html"), help="where the page goes (map.html)")
    mapper.add_argument("--arch", choices=("wse2", "wse3"), default="wse3", help="for a layout file (wse3)")
    mapper.add_argument(
        "--launch", metavar="NAME", help="also run this exported function, and put its trace into the page"
    )
    mapper.set_defaults(run=run_map)


def run_map(options: argparse.Namespace) -> int:
    simulator = Simulator(options.program, options.arch, mode="cycle", trace=bool(options.launch))
    if options.launch:
        simulator.load()
        simulator.run()
        simulator.launch(options.launch)
        simulator.stop()
    options.output.write_text(map_page(simulator.program, simulator.trace()), encoding="utf-8")
    print(f"wrote {options.output}")
    return 0


def action(actions: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
    parser = actions.add_parser(name, help=text)
    parser.add_argument("paths", nargs="+", type=Path, help="files, or folders for all .csl files below them")
    parser.set_defaults(run=run)
    return parser


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of a command line."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.csl"))
        else:
            yield path


def run_check(options: argparse.Namespace) -> int:
    count, times, found = 0, [], list[Diagnostic]()
    for path in files(options.paths):
        begin = time.perf_counter()
        found += check(path)
        times.append((time.perf_counter() - begin) * 1e3)
        if options.time:
            print(f"{times[-1]:8.2f} ms  {path}")
        count += 1
    if options.json:
        print(json.dumps([as_json(diagnostic) for diagnostic in found], indent=2))
    else:
        for diagnostic in found:
            print(render(diagnostic))
        print(f"{count} files, {len(found)} findings")
        if options.time and times:
            print(f"median {sorted(times)[len(times) // 2]:.2f} ms, longest {max(times):.2f} ms")
    return int(has_errors(found))


def run_compile(options: argparse.Namespace) -> int:
    from .cslc import main

    return main(options.flags)


def run_program(options: argparse.Namespace) -> int:
    from .commands import run_script, run_seeds, script_of

    given = {"mode": options.mode, "sched_seed": options.sched_seed, "strict": options.strict}
    given = {name: value for name, value in given.items() if value}
    script = script_of(options.path, options.arch)
    if not options.seeds:
        return run_script(script, given)
    code, found = run_seeds(script, options.seeds, given)
    print(*found, sep="\n", end="\n" if found else "")
    if not code:
        print(f"{options.seeds} seeds, {len(found)} results differ")
    return code or int(bool(found))


def several(text: str) -> int:
    """The number of runs to compare, at least two."""
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("it takes two runs to compare")
    return number


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data; lines and characters count from 0, in UTF-16 units."""
    span = diagnostic.span
    place = {} if span is None else {"path": span.path, "bytes": [span.start, span.end], "range": span.utf16}
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        **place,
    }


def run_format(options: argparse.Namespace) -> int:
    changed = broken = 0
    for path in files(options.paths):
        piped = str(path) == "-"
        try:
            before = sys.stdin.read() if piped else path.read_bytes().decode()
            after = format(before, str(path))
        except (CSLError, UnicodeDecodeError) as error:
            problems = [*map(render, error.diagnostics)] if isinstance(error, CSLError) else [f"{path}: {error}"]
            print(*problems, sep="\n", file=sys.stderr)
            broken += 1
            continue
        changed += after != before
        if options.diff:
            old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
            sys.stdout.writelines(difflib.unified_diff(old, new, str(path), str(path)))
        elif options.check:
            if after != before:
                print(path)
        elif piped:
            sys.stdout.write(after)
        elif after != before:
            path.write_text(after, encoding="utf-8", newline="")
            print(f"formatted {path}")
    return int(bool(broken or (changed and options.check)))
