import subprocess
import sys
from pathlib import Path

import pytest

from new_plugin import TEMPLATE, main, rename, sources, spelling


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        (
            'example = "pyflame_plugin_example.plugin:ExamplePlugin"',
            'acme-x2 = "pyflame_plugin_acme_x2.plugin:AcmeX2Plugin"',
        ),
        ('version("pyflame-plugin-example"), "example_swish"', 'version("pyflame-plugin-acme-x2"), "acme_x2_swish"'),
        ('{"example-csv": CsvLog}', '{"acme-x2-csv": CsvLog}'),
        ("nothing of it", "nothing of it"),
    ],
)
def test_name_is_spelled_as_its_place_asks(text: str, renamed: str) -> None:
    assert rename(text, spelling("acme-x2")) == renamed


def test_project_is_the_template_under_another_name(tmp_path: Path) -> None:
    project = tmp_path / "deep" / "project"
    assert main(["acme-wafer", str(project)]) == 0
    made = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    template = {path.relative_to(TEMPLATE).as_posix() for path in sources(TEMPLATE)}
    assert made == {rename(path, spelling("acme-wafer")) for path in template}
    assert {"pyproject.toml", "README.md", "src/pyflame_plugin_acme_wafer/plugin.py", "tests/test_plugin.py"} <= made
    for path in made:
        text = (project / path).read_text()
        assert "example" not in text.lower() and "Make it yours" not in text, path
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_what_tools_left_in_the_template_is_not_copied(tmp_path: Path) -> None:
    for made in ("__pycache__/ops.pyc", ".ruff_cache/x", "src/a.egg-info/PKG-INFO", "dist/a.whl", "src/a.py"):
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).touch()
    assert list(sources(tmp_path)) == [tmp_path / "src/a.py"]


@pytest.mark.parametrize("name", ["Acme", "acme_wafer", "acme--wafer", "2acme", "", "acme/wafer"])
def test_odd_names_are_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, str(tmp_path / "project")])
    assert "names no plugin: expected lower-case words joined by dashes" in capsys.readouterr().err
    assert not (tmp_path / "project").exists()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit):
        main(["acme", str(tmp_path)])
    assert "is there already: name a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def make_with(tool: str, template: Path, name: str, folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    if tool == "copier":
        return run("copier", "copy", "--quiet", "--data", f"name={name}", template, folder), folder
    command = ("cookiecutter", "--no-input", "--output-dir", folder, template, f"name={name}")
    return run(*command), folder / f"pyflame-plugin-{name}"


@pytest.mark.parametrize("tool", ["copier", "cookiecutter"])
def test_copier_and_cookiecutter_make_the_same_project(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(tool)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # cookiecutter keeps copies of templates there
    assert main(["--for", tool, str(tmp_path / "template")]) == 0
    assert main(["acme-x2y", str(tmp_path / "expected")]) == 0
    done, made = make_with(tool, tmp_path / "template", "acme-x2y", tmp_path / "made")
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(made) == contents(tmp_path / "expected")
    refused, made = make_with(tool, tmp_path / "template", "Acme_x2", tmp_path / "refused")
    assert refused.returncode != 0
    assert "expected lower-case words joined by dashes" in refused.stdout + refused.stderr
    assert not made.exists() or not contents(made)


def test_a_plugin_has_a_name_and_a_template_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([str(tmp_path / "x")], ["acme", str(tmp_path / "x"), "--for", "copier"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "a name and a folder make a plugin" in capsys.readouterr().err
