import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import local_index
from local_index import build, check, digest, find_wheel, install, is_installed, make_environment, pip, write_index

# A build backend of ten lines: what is tested is when it is called.
BACKEND = """
import pathlib
import zipfile

def build_wheel(folder):
    name = pathlib.Path("name.txt").read_text() + "-py3-none-any.whl"
    zipfile.ZipFile(pathlib.Path(folder, name), "w").close()
    return name
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ten_line_backend.py").write_text(BACKEND)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ten_line_backend", raising=False)
    package = tmp_path / "packages/pyflame-x"
    (package / "src").mkdir(parents=True)
    (package / "pyproject.toml").write_text('[build-system]\nbuild-backend = "ten_line_backend"\n')
    (package / "name.txt").write_text("pyflame_x-1.0")
    (package / "src/a.py").write_text("a = 1\n")
    return package


def test_build_only_when_contents_change(package: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    assert build(package, house)
    assert not build(package, house)
    (package / "src/a.py").touch()
    (package / "src/__pycache__").mkdir()
    (package / "src/__pycache__/a.pyc").write_text("")
    (package / "build").mkdir()
    (package / "build/a.o").write_text("")
    assert not build(package, house)
    (package / "src/a.py").write_text("a = 2\n")
    assert build(package, house)


def test_build_replaces_the_wheel_of_another_version(package: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    build(package, house)
    (package / "name.txt").write_text("pyflame_x-1.1")
    build(package, house)
    assert [wheel.name for wheel in house.glob("*.whl")] == ["pyflame_x-1.1-py3-none-any.whl"]


def test_build_again_when_the_wheel_is_gone(package: Path, tmp_path: Path) -> None:
    build(package, tmp_path)
    wheel = find_wheel("pyflame-x", tmp_path)
    assert wheel is not None
    wheel.unlink()
    assert build(package, tmp_path)


def test_digest_sees_renamed_files(package: Path) -> None:
    before = digest(package)
    (package / "src/a.py").rename(package / "src/b.py")
    assert digest(package) != before


def make_wheel(folder: Path, text: str, requires: str = "") -> Path:
    """Write a real wheel of one module."""
    info = "pyflame_trial-1.0.dist-info"
    metadata = "Metadata-Version: 2.1\nName: pyflame-trial\nVersion: 1.0\n" + requires
    wheel_tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"trial_module.py": text, f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel_tag}
    record = ""
    for name, content in files.items():
        code = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={code},{len(content)}\n"
    folder.mkdir(exist_ok=True)
    wheel = folder / "pyflame_trial-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(name, content)
    return wheel


def test_local_index_serves_the_wheel_to_an_empty_environment(tmp_path: Path) -> None:
    make_wheel(tmp_path / "house", "value = 1\n")
    write_index(tmp_path / "house", tmp_path / "index")
    python = make_environment(tmp_path / "env", shared=())
    pip("install", "--index-url", (tmp_path / "index").as_uri(), "pyflame-trial", python=python)
    subprocess.run([python, "-c", "import trial_module"], check=True, cwd=tmp_path)


def test_install_reinstalls_a_changed_wheel_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`install` works on the environment it runs in: here a folder on sys.path that stands for it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    calls = []

    def pip_into_site(command: str, *arguments: str | Path) -> None:
        calls.append(command)
        if command == "install":
            pip("install", "--target", site, "--upgrade", *arguments)

    monkeypatch.setattr(local_index, "pip", pip_into_site)
    monkeypatch.setattr(local_index, "check", lambda names: calls.append(f"check {names}"))
    wheel = make_wheel(tmp_path / "house", "value = 1\n")
    assert not is_installed(wheel)
    assert install(["pyflame-trial"], tmp_path / "house") == [wheel]
    assert install(["pyflame-trial"], tmp_path / "house") == []
    assert install(["pyflame-trial"], make_wheel(tmp_path / "house", "value = 2\n").parent) == [wheel]
    assert (site / "trial_module.py").read_text() == "value = 2\n"
    assert calls == ["install", "check ['pyflame-trial']"] * 2


def test_requirements_of_what_was_installed_are_checked_and_no_others(tmp_path: Path) -> None:
    python = make_environment(tmp_path / "env", shared=())
    wheel = make_wheel(tmp_path / "house", "value = 1\n", requires="Requires-Dist: not-there>=2\n")
    pip("install", "--no-index", "--no-deps", wheel, python=python)
    check(["pyflame-other"], python)
    with pytest.raises(RuntimeError, match="pyflame-trial 1.0 requires not-there"):
        check(["pyflame-trial"], python)


def test_install_of_a_missing_wheel_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make wheelhouse"):
        install(["pyflame-trial"], tmp_path)
