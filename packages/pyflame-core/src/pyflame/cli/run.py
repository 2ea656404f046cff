"""From command line to exit code."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from ..errors import code_of
from . import convert, doctor, external, graph, info, inspect, plugins, version

BUILT_IN = {
    module.__name__.rpartition(".")[2]: module.add
    for module in (info, version, doctor, plugins, inspect, convert, graph)
}
SUCCESS, FAILURE, USAGE = 0, 1, 2
INTERRUPTED, BROKEN_PIPE = 130, 141  # what a shell reports for SIGINT and SIGPIPE
EPILOG = "Exit codes: 0 success, 1 failure, 2 wrong usage. Results go to stdout, everything else to stderr."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command `pyflame`.

    Args:
        arguments: the command line without the program's name, by default that of the process.

    Returns:
        The exit code: 0 for success, 1 for failure, 2 for wrong usage.

    Example:
        >>> from pyflame.cli import main
        >>> main(["version"])  # doctest: +ELLIPSIS
        pyflame-core ...
        0
    """
    for stream in (sys.stdout, sys.stderr):  # what a legacy encoding cannot show must not end in a traceback
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = dispatch(sys.argv[1:] if arguments is None else arguments)
        if sys.stdout is not None:  # closed by the caller
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("pyflame: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return BROKEN_PIPE
    except OSError as error:  # of the flush: a full disk
        drop_output()
        return failed("pyflame", error, False)
    return code


def drop_output() -> None:
    """Send what is still to be written nowhere: the flush at exit would fail again, and change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def dispatch(arguments: Sequence[str]) -> int:
    name = next((word for word in arguments if not word.startswith("-")), None)
    parser = argparse.ArgumentParser("pyflame", description="Tools around PyFlame.", epilog=EPILOG)
    parser.add_argument("--traceback", action="store_true", help="show where an error comes from")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for add in BUILT_IN.values():
        add(commands)
    if (code := external.add(commands, name, BUILT_IN)) is not None:
        return code
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:  # help, or a wrong command line
        return stopped.code if isinstance(stopped.code, int) else SUCCESS
    try:
        return options.run(options) or SUCCESS
    except BrokenPipeError:
        raise
    except Exception as error:
        return failed(f"pyflame {name}", error, options.traceback)


def failed(command: str, error: Exception, show_traceback: bool) -> int:
    code = code_of(error)
    print(f"{command}: error: {message(error)}{f' ({code})' if code else ''}", file=sys.stderr)
    if show_traceback:
        traceback.print_exception(error)
    elif not isinstance(error, (OSError, RuntimeError, ValueError, TypeError, ImportError)):
        print(f"{command}: this should not happen; `pyflame --traceback ...` shows where it does", file=sys.stderr)
    return FAILURE


def message(error: Any) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
