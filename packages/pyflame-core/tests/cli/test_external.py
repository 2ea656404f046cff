"""Subcommands of other distributions: found by entry points, and kept apart when they are broken."""

from importlib.metadata import entry_points

import pytest

from pyflame.cli.external import KNOWN

INSTALLED = entry_points(group="pyflame.cli").names
OTHERS = {entry.dist.name for entry in entry_points(group="pyflame.cli") if entry.dist}  # beside what a test installs

GREET = """
def add(commands):
    parser = commands.add_parser("greet")
    parser.add_argument("name")
    parser.set_defaults(run=run)
def run(options):
    print("hello", options.name)
    return 1 if options.name == "nobody" else None
"""


def test_a_subcommand_of_another_distribution_runs(pyflame, install):
    env = install("greeting", GREET, cli=[("greet", "greeting:add")])
    done = pyflame("greet", "you", **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello you\n", "")
    assert pyflame("greet", "nobody", **env).returncode == 1
    assert pyflame("greet", **env).returncode == 2
    assert "greet" in pyflame("--help", **env).stdout


def test_help_does_not_import_subcommands(pyflame, install):
    env = install("loud", "raise SystemExit('imported')", cli=[("loud", "loud:add")])
    done = pyflame("--help", **env)
    assert done.returncode == 0 and "from loud" in done.stdout


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in INSTALLED])
def test_a_known_subcommand_that_is_not_installed_names_its_distribution(pyflame, name):
    done = pyflame(name, "--option", "argument")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"pyflame: {name} is not installed: pip install {KNOWN[name]}\n"


@pytest.mark.parametrize(
    "source, problem",
    [
        ("raise RuntimeError('no')", "RuntimeError('no')"),
        ("add = 3", "int"),
        ("def add(commands): 1 / 0", "ZeroDivisionError"),
        ("def add(commands): pass", "adds no subcommand 'bad'"),
    ],
)
def test_a_broken_subcommand_breaks_itself_only(pyflame, install, source, problem):
    env = install("bad-one", source, cli=[("bad", "bad_one:add")])
    broken = pyflame("bad", **env)
    assert (broken.returncode, broken.stdout) == (1, "")
    assert problem in broken.stderr and "bad-one" in broken.stderr
    assert pyflame("version", **env).returncode == 0


def test_two_owners_of_a_name_are_named(pyflame, install):
    install("one", GREET, cli=[("greet", "one:add")])
    env = install("two", GREET, cli=[("greet", "two:add")])
    done = pyflame("greet", "you", **env)
    assert done.returncode == 1
    assert "'greet' is claimed by one and two" in done.stderr or "'greet' is claimed by two and one" in done.stderr


def test_a_built_in_name_cannot_be_taken(pyflame, install):
    env = install("thief", GREET, cli=[("info", "thief:add")])
    done = pyflame("info", **env)
    assert done.returncode == 1 and "'info' is claimed by pyflame-core and thief" in done.stderr


def test_plugins_doctor_shows_the_traceback_and_a_repair(pyflame, json_of, install):
    install("greeting", GREET, cli=[("greet", "greeting:add")])
    env = install("bad-one", "raise RuntimeError('no')", cli=[("bad", "bad_one:add")], plugins=[("p", "bad_one:P")])
    shown = pyflame("plugins", "doctor", **env)
    assert shown.returncode == 1
    assert "RuntimeError: no" in shown.stdout and "repair: update or uninstall bad-one" in shown.stdout
    found = json_of("plugins", "doctor", code=1, **env)["plugins"]
    own = [row for row in found if row["distribution"] not in OTHERS]
    assert {(row["group"], row["name"]): bool(row["problem"]) for row in own} == {
        ("pyflame.cli", "greet"): False,
        ("pyflame.cli", "bad"): True,
        ("pyflame.plugins", "p"): True,
    }


def test_plugins_list_imports_nothing(json_of, install):
    env = install("bad-one", "raise RuntimeError('no')", cli=[("bad", "bad_one:add")])
    rows = json_of("plugins", "list", **env)["plugins"]
    assert [row for row in rows if row["distribution"] not in OTHERS] == [
        {
            "name": "bad",
            "group": "pyflame.cli",
            "distribution": "bad-one",
            "version": "1.2",
            "target": "bad_one:add",
            "state": "found",
        }
    ]


PLUGIN = """
from pyflame.extend import Plugin
class Greeter(Plugin):
    name = "greeter"
    version = "3.0"
    def setup(self): pass
    def get_cli(self): return {"greet": add}
"""


def test_plugins_load_shows_the_plugin_or_what_is_wrong(pyflame, json_of, install):
    env = install("greeting", PLUGIN + GREET, plugins=[("greeter", "greeting:Greeter"), ("gone", "greeting:Gone")])
    assert json_of("plugins", "load", "greeter", **env)["plugin"]["version"] == "3.0"
    broken = pyflame("plugins", "load", "gone", **env)
    assert (broken.returncode, broken.stdout) == (1, "")
    assert broken.stderr.startswith("pyflame plugins: error: [plugin] gone failed to load")


def test_a_loaded_plugin_adds_its_subcommands(pyflame, install):
    env = install("greeting", PLUGIN + GREET, plugins=[("greeter", "greeting:Greeter")])
    done = pyflame("greet", "you", PYFLAME_PLUGINS="greeter", **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello you\n", "")
    assert pyflame("greet", "you", **env).returncode == 2
