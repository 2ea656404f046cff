"""Running the command: as another process where the environment or the process matters, else in this one."""

import json
import os
import subprocess
import sys

import pytest

from pyflame.cli import main


@pytest.fixture
def process(tmp_path):
    """Run `pyflame` as another process, in an empty folder."""

    def run(*arguments, **environment):
        command = [sys.executable, "-m", "pyflame", *map(str, arguments)]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYFLAME_")} | environment
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=120)

    return run


@pytest.fixture
def pyflame(process, capsys, tmp_path, monkeypatch):
    """Run `pyflame` in an empty folder; with variables, as another process."""

    def run(*arguments, **environment):
        if environment:
            return process(*arguments, **environment)
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run


@pytest.fixture
def json_of(pyflame):
    """The JSON a subcommand prints."""

    def run(*arguments, code=0, **environment):
        done = pyflame(*arguments, "--json", **environment)
        assert (done.returncode, done.stderr) == (code, ""), done
        return json.loads(done.stdout)

    return run


@pytest.fixture
def install(tmp_path):
    """Install a distribution made of one module and entry points; the variable that makes Python find it."""

    def make(name, source, **groups):
        site = tmp_path / "site"
        module = name.replace("-", "_")
        metadata = site / f"{module}-1.2.dist-info"
        metadata.mkdir(parents=True)
        if source:
            (site / f"{module}.py").write_text(source)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = [f"[pyflame.{group}]\n{key} = {target}\n" for group, points in groups.items() for key, target in points]
        (metadata / "entry_points.txt").write_text("\n".join(lines))
        return {"PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}

    return make
