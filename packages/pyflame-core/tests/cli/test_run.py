"""Exit codes, streams, and what goes wrong around a command."""

import os
import signal
import subprocess
import sys
from functools import partial
from importlib.metadata import entry_points

import pytest

from pyflame.cli import main
from pyflame.cli.run import BUILT_IN

COMMAND = [sys.executable, "-m", "pyflame"]


def test_the_console_script_is_main():
    (script,) = entry_points(group="console_scripts", name="pyflame")
    assert script.load() is main


def test_help_lists_the_commands_on_stdout(process):
    done = process("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n    {name} " in done.stdout for name in BUILT_IN)


@pytest.mark.parametrize("line", ["", "nonsense", "info --nonsense", "graph", "plugins", "plugins nonsense"])
def test_wrong_usage_exits_with_2_and_says_so_on_stderr(pyflame, line):
    done = pyflame(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: pyflame" in done.stderr


def test_wrong_usage_of_the_process_exits_with_2(process):
    done = process("nonsense")
    assert (done.returncode, done.stdout) == (2, "")


def test_failure_exits_with_1_and_one_line_on_stderr(process, pyflame):
    done = process("inspect", "missing.safetensors")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pyflame inspect: error: missing.safetensors: No such file or directory\n"
    assert "Traceback" in pyflame("--traceback", "inspect", "missing.safetensors").stderr


def test_version_imports_no_sibling_and_nothing_that_comes_late():
    program = "import sys; from pyflame.cli import main; main(['version']); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    families = {name.split(".")[1] for name in modules if name.startswith("pyflame.")}
    assert not families & {"nn", "optim", "data", "training", "graph", "optimize", "layout", "io", "testing", "hooks"}


def test_a_closed_pipe_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, "info"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_a_failure(unbuffered):
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "info"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, env=env)
    assert done.returncode == 1
    assert "No space left" in done.stderr and "Traceback" not in done.stderr


def test_interruption_ends_with_130_and_no_traceback(install):
    source = """
import sys, time
def add(commands):
    commands.add_parser("wait").set_defaults(run=run)
def run(options):
    print("ready", flush=True)
    time.sleep(60)
"""
    env = os.environ | install("wait-plugin", source, cli=[("wait", "wait_plugin:add")])
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # jobs in the background inherit to ignore it
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*COMMAND, "wait"], text=True, env=env, preexec_fn=heed, **pipes)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "pyflame: interrupted\n")


def test_a_legacy_encoding_shows_what_it_can(pyflame, tmp_path):
    import pyflame as pf

    pf.save({"größe": pf.ones(1)}, tmp_path / "x.safetensors")
    done = pyflame("inspect", "x.safetensors", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"gr\xf6\xdfe" in done.stdout


def coloured(**environment):
    """What `pyflame plugins list` and `pyflame info` write to a terminal."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")} | environment
    subprocess.run([*COMMAND, "info"], stdout=follower, check=True, env=env, timeout=120)
    os.close(follower)
    text = os.read(leader, 1 << 16).decode()
    os.close(leader)
    return text


def test_colour_is_for_terminals_that_want_it(pyflame):
    assert "\x1b[1m" in coloured(TERM="xterm")
    assert "\x1b" not in coloured(TERM="xterm", NO_COLOR="1")
    assert "\x1b" not in coloured(TERM="dumb")
    assert "\x1b" not in pyflame("info").stdout
