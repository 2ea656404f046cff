"""Plugins: discovery without imports, transactions, order, quarantine."""

import os
import statistics
import subprocess
import sys
import textwrap

import pytest

import pyflame as pf
from pyflame import backends, extend, optimize
from pyflame.extend import Plugin, PluginError, PluginManager, registry
from pyflame.io.formats import FORMATS


def state():
    """Every registry, with its order."""
    return (
        extend.list_custom_ops(),
        [extend.get_custom_op(name) for name in extend.list_custom_ops()],
        dict(backends.registry._factories.entries),
        dict(optimize.passes._registry),
        dict(FORMATS),
        *(dict(table.entries) for table in (registry.models, registry.integrations, registry.commands)),
    )


@pytest.fixture
def manager():
    before = state()
    yield PluginManager()
    extend.clear_custom_ops()
    assert state()[2:] == before[2:]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Installs distributions into a directory on the path: metadata and modules, as pip lays them out."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def install(name, code="", *, entry=None, keywords="", metadata=None, entries=None, version="1.0"):
        module = name.replace("-", "_")
        made.append(module)
        if code is not None:
            (tmp_path / f"{module}.py").write_text("from pyflame.extend import Plugin\n" + textwrap.dedent(code))
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {name} of a test\n"
        (info / "METADATA").write_text(
            text + (f"Keywords: {keywords}\n" if keywords else "") if metadata is None else metadata
        )
        target = f"{module}:P" if entry is None else entry
        (info / "entry_points.txt").write_text(
            f"[pyflame.plugins]\n{name} = {target}\n" if entries is None else entries
        )
        return tmp_path

    yield install
    for module in made:
        sys.modules.pop(module, None)


def everything(name="t-all", **more):
    members = {
        "name": name,
        "version": "2.1",
        "description": "one of each",
        "get_custom_ops": lambda self: {
            "t_square": lambda x: x * x,
            "t_cube": {"forward_fn": lambda x: x**3, "backward_fn": lambda g, x: g * 3 * x * x},
        },
        "get_models": lambda self: {"t-model": dict},
        "get_backends": lambda self: {"t-backend": backends.registry._reference},
        "get_integrations": lambda self: {"t-board": print},
        "get_cli": lambda self: {"t-command": lambda parsers: None},
    }
    return type("Everything", (Plugin,), members | more)


def test_load_registers_and_unload_restores_exactly(manager):
    extend.register_custom_op("t_before", lambda x: x)
    before = state()

    def setup(self):
        extend.register_pass("t-pass", lambda g: g)
        extend.register_integration("t-second", self)
        extend.register_serializer("t-format", ".tfmt", lambda obj, file: None, lambda file: None)
        extend.register_custom_op("t_before", lambda x: x + 1, override=True)
        extend.register_backend("t-other", backends.registry._reference)
        extend.register_custom_op("t_temporary", lambda x: x)
        extend.unregister_custom_op("t_temporary")
        backends.unregister("reference")

    manager.register(everything(setup=setup))
    plugin = manager.load("t-all")
    assert manager.load("t-all") is plugin is manager.get("t-all")
    assert extend.get_custom_op("t_square")(pf.tensor([3.0])).tolist() == [9.0]
    assert backends.is_available("t-backend") and not backends.is_available("reference")
    assert registry.models.get("t-model") is dict and "t-command" in registry.commands.entries
    assert extend.get_custom_op("t_before")(pf.ones(1)).tolist() == [2.0]
    (row,) = [row for row in manager.list() if row.name == "t-all"]
    assert (row.version, row.description, row.state) == ("2.1", "one of each", "loaded")
    manager.unload("t-all")
    assert state() == before
    with pytest.raises(PluginError, match="t-all is not loaded"):
        manager.get("t-all")
    manager.load("t-all")
    manager.unload("t-all")
    assert state() == before


@pytest.mark.parametrize("where", ["setup", "get_custom_ops", "get_cli"])
def test_a_failing_load_leaves_nothing(manager, where):
    before = state()

    def fail(self):
        extend.register_pass("t-pass", lambda g: g)
        raise OSError("no such board")

    manager.register(everything(**{where: fail}))
    with pytest.raises(PluginError, match=r"t-all failed to load \(OSError: no such board\)"):
        manager.load("t-all")
    assert state() == before
    (row,) = [row for row in manager.list() if row.name == "t-all"]
    assert row.state == "broken" and "no such board" in row.traceback and "test_plugins.py" in row.traceback


def test_clashing_names_are_an_error_naming_both(manager):
    manager.register(everything())
    manager.register(everything("t-same", get_custom_ops=lambda self: {}, get_backends=lambda self: {}))
    manager.load("t-all")
    middle = state()
    with pytest.raises(
        PluginError, match=r"two models are named 't-model': plugin t-all has the name, plugin t-same asks"
    ):
        manager.load("t-same")
    assert state() == middle
    manager.unload("t-all")
    with pytest.raises(ValueError, match="two plugins are named 't-all'"):
        manager.register(type("Other", (Plugin,), {"name": "t-all"}))


def test_dependencies_come_first_and_go_last(manager):
    order = []

    def make(name, *dependencies, fails=False):
        def setup(self):
            order.append(name)
            extend.register_integration(name, self)
            if fails:
                raise ValueError("late")

        manager.register(type(name, (Plugin,), {"name": name, "dependencies": dependencies, "setup": setup}))

    make("c", "b", "a")
    make("b", "a")
    make("a")
    make("bad", "a", fails=True)
    make("needs-bad", "b", "bad")
    make("x", "y")
    make("y", "z")
    make("z", "x")
    make("alone", "nowhere")
    manager.load("c")
    assert order == ["a", "b", "c"]
    for name in ("a", "b"):
        with pytest.raises(PluginError, match=f"{name} cannot be unloaded: .*c.* depends on it"):
            manager.unload(name)
    for name in ("c", "b", "a"):
        manager.unload(name)
    before = state()
    with pytest.raises(PluginError, match="needs-bad needs bad, which cannot be loaded"):
        manager.load("needs-bad")
    assert state() == before and not [row for row in manager.list() if row.state == "loaded"]
    with pytest.raises(PluginError, match="plugins depend on each other: x -> y -> z -> x"):
        manager.load("x")
    with pytest.raises(
        PluginError, match="alone needs nowhere, which cannot be loaded: .*no plugin or module 'nowhere'"
    ):
        manager.load("alone")


def test_teardown_that_raises_still_unloads(manager):
    before = state()

    def teardown(self):
        raise OSError("stuck")

    manager.register(everything(teardown=teardown))
    manager.load("t-all")
    with pytest.raises(PluginError, match="t-all is unloaded, but its teardown raised: stuck"):
        manager.unload("t-all")
    assert state() == before


def test_versions_and_capabilities(manager):
    for api, fits in [(">=1,<2", True), (">=1.0", True), ("==1", True), (">=2", False), ("<1", False), ("!=1", False)]:
        manager = PluginManager()
        manager.register(type("A", (Plugin,), {"name": "t-api", "api": api}))
        if fits:
            manager.load("t-api")
        else:
            with pytest.raises(PluginError, match=r"t-api needs plugin api .*, this is 1\.0: update"):
                manager.load("t-api")
    manager.register(type("B", (Plugin,), {"name": "t-odd", "api": "one"}))
    with pytest.raises(PluginError, match="t-odd states api 'one': expected clauses such as"):
        manager.load("t-odd")
    manager.register(type("C", (Plugin,), {"name": "t-more", "requires": ("custom_ops", "teleport")}))
    with pytest.raises(PluginError, match="t-more requires teleport, which this pyflame-core has not"):
        manager.load("t-more")


def test_register_wants_a_concrete_plugin(manager):
    with pytest.raises(TypeError, match=r"is no concrete subclass .* \(it has no name\)"):
        manager.register(type("Nameless", (Plugin,), {}))
    with pytest.raises(TypeError, match="is no concrete subclass"):
        manager.register(int)


def test_installed_plugins_are_found_without_import_and_loaded_by_name(manager, site):
    site(
        "t-good",
        'class P(Plugin):\n    name = "t-good"\n    version = "9"\n',
        keywords="pyflame-plugin-api>=1,<2,other",
    )
    (row,) = [row for row in manager.list() if row.name == "t-good"]
    assert (row.state, row.version, row.description) == ("found", "1.0", "t-good of a test")
    assert "t_good" not in sys.modules
    plugin = manager.load("t-good")
    assert manager.load("t_good:P") is plugin and manager.load("t_good") is plugin
    (row,) = [row for row in manager.list() if row.name == "t-good"]
    assert row.state == "loaded" and row.version == "9" and row.distribution == "t-good"
    manager.unload("t-good")


def test_module_and_class_names(manager, site):
    site(
        "t-mod",
        'class Base(Plugin):\n    pass\nclass One(Base):\n    name = "t-one"\nclass Two(Base):\n    name = "t-two"\n',
        entries="",
    )
    assert manager.load("t_mod:One").name == "t-one"
    with pytest.raises(PluginError, match=r"module t_mod defines One, Two: name one plugin as module:Class"):
        manager.load("t_mod")
    with pytest.raises(PluginError, match="module t_mod has no Three"):
        manager.load("t_mod:Three")
    with pytest.raises(PluginError, match="there is no plugin"):
        manager.load("no such name")
    manager.unload("t-one")


def test_api_is_checked_before_the_code_is_imported(manager, site):
    site("t-future", 'raise AssertionError("imported")', keywords="a,pyflame-plugin-api>=2,<3,b")
    with pytest.raises(PluginError, match=r"t-future needs plugin api >=2,<3, this is 1\.0: update pyflame-core"):
        manager.load("t-future")
    assert "t_future" not in sys.modules


def test_environment(manager, site, monkeypatch):
    site("t-env", 'class P(Plugin):\n    name = "t-env"\n')
    monkeypatch.setenv("PYFLAME_ALLOWED_PLUGIN_PREFIXES", "acme_, other")
    with pytest.raises(
        PluginError, match="t-env is in module t_env: PYFLAME_ALLOWED_PLUGIN_PREFIXES allows acme_, other"
    ):
        manager.load("t-env")
    with pytest.raises(PluginError, match="PYFLAME_ALLOWED_PLUGIN_PREFIXES"):
        PluginManager().load("t_env:P")
    assert "t_env" not in sys.modules
    monkeypatch.setenv("PYFLAME_ALLOWED_PLUGIN_PREFIXES", "t_env")
    monkeypatch.setenv("PYFLAME_DISABLE_ENV_PLUGINS", "1")
    manager = PluginManager()
    assert "t-env" not in [row.name for row in manager.list()]
    assert manager.load("t_env:P").name == "t-env"  # what is asked for by name still works
    manager.unload("t-env")


def test_environment_loads_at_import(site):
    path = site(
        "t-start",
        'class P(Plugin):\n    name = "t-start"\n    def get_custom_ops(self):\n        return {"t_s": abs}\n',
    )

    def run(**env):
        code = "import pyflame as pf; print([p.name for p in pf.extend.list_plugins() if p.state == 'loaded'])"
        paths = os.pathsep.join([str(path), *sys.path])
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": paths, **env},
            capture_output=True,
            text=True,
            check=True,
        )

    assert run(PYFLAME_PLUGINS="t-start").stdout.strip() == "['t-start']"
    assert run(PYFLAME_PLUGINS="t-start", PYFLAME_DISABLE_ENV_PLUGINS="1").stdout.strip() == "[]"
    missing = run(PYFLAME_PLUGINS="gone, t-start")
    assert missing.stdout.strip() == "['t-start']" and "RuntimeWarning: PYFLAME_PLUGINS: [plugin]" in missing.stderr


BROKEN = {
    "syntax": ("def (", {}, "SyntaxError"),
    "raises": ("1 / 0", {}, "ZeroDivisionError"),
    "missing": ("import nowhere_at_all", {}, "nowhere_at_all"),
    "exits": ("raise SystemExit(3)", {}, "SystemExit"),
    "no-class": ("", {}, "AttributeError"),
    "not-plugin": ("P = 3", {}, "no concrete subclass"),
    "abstract": ("class P(Plugin):\n    pass", {}, "it has no name"),
    "renamed": ('class P(Plugin):\n    name = "other"', {}, "its plugin other: use one name"),
    "init": (
        'class P(Plugin):\n    name = "NAME"\n    def __init__(self):\n        raise KeyError("init")',
        {},
        "init",
    ),
    "setup": ('class P(Plugin):\n    name = "NAME"\n    def setup(self):\n        raise OSError("setup")', {}, "setup"),
    "needs": ('class P(Plugin):\n    name = "NAME"\n    dependencies = ("absent",)', {}, "needs absent"),
    "itself": ('class P(Plugin):\n    name = "NAME"\n    dependencies = ("NAME",)', {}, "depend on each other"),
    "deps-text": ('class P(Plugin):\n    name = "NAME"\n    dependencies = "abc"', {}, "expected a tuple of names"),
    "api": ('class P(Plugin):\n    name = "NAME"\n    api = ">=7"', {}, "needs plugin api >=7"),
    "api-metadata": ("", {"keywords": "pyflame-plugin-api<1"}, "needs plugin api <1"),
    "requires": ('class P(Plugin):\n    name = "NAME"\n    requires = ("magic",)', {}, "requires magic"),
    "no-module": (None, {}, "ModuleNotFoundError"),
    "target": ("", {"entry": "not a target!"}, "expected 'module:Class'"),
    "takes-matmul": (
        'class P(Plugin):\n    name = "NAME"\n    def get_custom_ops(self):\n        return {"matmul": abs}',
        {},
        "an operation of this name exists",
    ),
    "takes-cpu": (
        'class P(Plugin):\n    name = "NAME"\n    def get_backends(self):\n        return {"cpu": abs}',
        {},
        "'cpu'",
    ),
    "damaged": ("", {"entries": "[pyflame.plugins]\nno equals sign\n"}, "cannot be read"),
    "bad-offer": (
        'class P(Plugin):\n    name = "NAME"\n    def get_models(self):\n        return 3',
        {},
        "AttributeError",
    ),
    "imports-old": ("from pyflame import never_was", {}, "never_was"),
    "recursion": ("def f():\n    f()\nf()", {}, "RecursionError"),
    "teardown": (
        'class P(Plugin):\n    name = "NAME"\n    def teardown(self):\n        raise OSError("down")',
        {},
        "down",
    ),
}


def install_broken(site, count=50):
    names = {}
    for k in range(count):
        kind = list(BROKEN)[k % len(BROKEN)]
        code, options, expected = BROKEN[kind]
        name = f"broken-{kind}-{k}"
        path = site(name, None if code is None else code.replace("NAME", name), **options)
        names[name] = expected
    return path, names


def test_fifty_broken_plugins_are_each_explained(manager, site):
    _, names = install_broken(site)
    before = state()
    rows = {row.name: row for row in manager.diagnose()}
    for name, expected in names.items():
        row = rows[name]
        assert row.state == "broken" and expected in row.error, (name, row)
        assert row.distribution == name
        raised = expected in ("ZeroDivisionError", "SyntaxError", "nowhere_at_all", "RecursionError", "init", "setup")
        if raised:
            assert "Traceback (most recent call last)" in row.traceback and expected in row.traceback
    assert state() == before
    assert not [row for row in manager.list() if row.state == "loaded"]


def test_import_is_as_fast_with_fifty_broken_plugins(site):
    path, _ = install_broken(site)
    code = (
        "import sys, time; t = time.process_time(); import pyflame; t = time.process_time() - t; "
        "assert 'importlib.metadata' not in sys.modules and 'pyflame.extend' not in sys.modules; print(t)"
    )

    def seconds(*paths):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *(p for p in sys.path if p != str(path))])}
        return float(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)

    pairs = [(seconds(), seconds(str(path))) for _ in range(5)]
    extra = statistics.median(b - a for a, b in pairs)
    print(f"import takes {1e3 * extra:+.2f} ms with 50 broken plugins")
    assert extra < 0.05  # 5 ms on a quiet machine


def test_two_distributions_with_one_plugin_name(manager, site):
    site("t-first", "", entries="[pyflame.plugins]\nt-twice = t_first:P\n")
    site("t-second", "", entries="[pyflame.plugins]\nt-twice = t_second:P\n")
    with pytest.raises(PluginError, match="two plugins are named t-twice: .* and .*; uninstall one"):
        manager.load("t-twice")


def test_module_functions_share_one_manager():
    cls = everything("t-shared")
    assert extend.register_plugin(cls) is cls
    try:
        assert extend.load_plugin("t-shared") is extend.get_plugin("t-shared")
        assert extend.get_plugin("t-shared").get_info() == {
            "name": "t-shared",
            "version": "2.1",
            "description": "one of each",
            "dependencies": [],
        }
        assert "t-shared" in [row.name for row in extend.list_plugins()]
        assert isinstance(extend.discover_plugins(), list)
    finally:
        extend.unload_plugin("t-shared")
        extend.plugins.manager._registered.pop("t-shared")
