"""The command `pyflame`: one file per subcommand, and those of other distributions by entry points.

A subcommand is a function that receives argparse's subparsers, adds its parser and sets `run`, a function of the parsed
options that returns the exit code. Modules here import nothing heavy before `run`.
"""

from .run import main as main
