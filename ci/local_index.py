"""Build the wheelhouse, its package index, and install from them.

`build` makes a wheel of every package whose files changed since its last wheel. `install` puts wheels into the
environment that runs it, leaving alone what is already there. Neither asks a public index for one of our names.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHEELHOUSE = ROOT / "build" / "wheelhouse"
EDITABLES = ROOT / "build" / "editables"
INDEX = ROOT / "build" / "index"

NOT_SOURCES = {"build", "dist", "tests", "changelog.d", "CHANGELOG.md", ".clang-format", "__pycache__"}
WRITTEN_BY_PIP = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}


def packages(root: Path = ROOT) -> list[Path]:
    """Return the folder of every distribution, sorted by name."""
    return sorted(path.parent for path in (root / "packages").glob("*/pyproject.toml"))


def sources(package: Path) -> Iterator[Path]:
    """Yield the files a wheel of `package` depends on, in a fixed order."""
    for entry in sorted(package.iterdir()):
        if entry.name in NOT_SOURCES or entry.suffix in {".so", ".pyd"}:
            continue
        if entry.is_dir():
            yield from sources(entry)
        else:
            yield entry


def digest(package: Path) -> str:
    """Return a hash of this interpreter's tag and the names and contents of the package's files."""
    total = hashlib.sha256(sys.implementation.cache_tag.encode())
    for path in sources(package):
        content = path.read_bytes()
        total.update(f"\0{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def build(package: Path, target: Path, *, editable: bool = False) -> bool:
    """Build the wheel of `package` into `target` unless the one there is current; return whether it was built.

    Contents are compared, not times: a fresh checkout or a switched branch builds only what differs.
    """
    stamp = target / f"{package.name}.digest"
    current = digest(package)
    if stamp.is_file() and stamp.read_text() == current and find_wheel(package.name, target):
        return False
    target.mkdir(parents=True, exist_ok=True)
    backend_name = tomllib.loads((package / "pyproject.toml").read_text())["build-system"]["build-backend"]
    backend = importlib.import_module(backend_name)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(package):
        name = (backend.build_editable if editable else backend.build_wheel)(folder)
        stamp.unlink(missing_ok=True)
        for old in wheels(package.name, target):
            old.unlink()
        shutil.move(Path(folder, name), target / name)
    stamp.write_text(current)
    return True


def wheels(name: str, folder: Path) -> list[Path]:
    """Return the wheels of distribution `name` in `folder`."""
    return sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))


def find_wheel(name: str, folder: Path = WHEELHOUSE) -> Path | None:
    """Return the wheel of distribution `name` in `folder`; None if there is none."""
    return next(iter(wheels(name, folder)), None)


def write_index(wheelhouse: Path = WHEELHOUSE, index: Path = INDEX) -> None:
    """Write a simple index of the wheelhouse, to be used alone as `pip --index-url`."""
    shutil.rmtree(index, ignore_errors=True)
    for wheel in sorted(wheelhouse.glob("*.whl")):
        page = index / wheel.name.split("-")[0].replace("_", "-") / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        sha = hashlib.sha256(wheel.read_bytes()).hexdigest()
        page.write_text(f'<!DOCTYPE html><a href="{wheel.as_uri()}#sha256={sha}">{wheel.name}</a>\n')


def pip_environment() -> dict[str, str]:
    """Return this environment without anything that would name a further index to pip."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def pip(*arguments: str | Path, python: Path | None = None) -> None:
    """Run pip on `python` (this interpreter if not given) without any index but those in `arguments`."""
    chosen = ["--python", str(python)] if python else []
    command = [sys.executable, "-m", "pip", "--quiet", *chosen, *map(str, arguments)]
    subprocess.run(command, check=True, env=pip_environment())


def check(names: Sequence[str], python: Path | None = None) -> None:
    """Check the requirements of the distributions `names`; what else is installed may have its own conflicts.

    Raises:
        RuntimeError: some of them are not met.
    """
    command = [sys.executable, "-m", "pip", *(["--python", str(python)] if python else []), "check"]
    found = subprocess.run(command, capture_output=True, text=True, env=pip_environment()).stdout.splitlines()
    if unmet := [line for line in found if line.partition(" ")[0] in names]:
        raise RuntimeError("\n".join(unmet))


def recorded(lines: Sequence[str]) -> Mapping[str, str]:
    """Return file -> hash from the lines of a RECORD, without what differs between a wheel and its installation."""
    rows = (row for row in csv.reader(lines) if row and row[1] and not row[0].startswith(".."))
    return {row[0]: row[1] for row in rows if Path(row[0]).name not in WRITTEN_BY_PIP}


def is_installed(wheel: Path) -> bool:
    """Return whether this environment holds exactly the files of `wheel`."""
    name = wheel.name.split("-")[0]
    try:
        installed = metadata.distribution(name).read_text("RECORD") or ""
    except metadata.PackageNotFoundError:
        return False
    with zipfile.ZipFile(wheel) as archive:
        record = next(entry for entry in archive.namelist() if entry.endswith(".dist-info/RECORD"))
        return recorded(archive.read(record).decode().splitlines()) == recorded(installed.splitlines())


def install(names: Sequence[str], wheelhouse: Path = WHEELHOUSE) -> list[Path]:
    """Install the wheels of the distributions `names` here, where they differ; return those installed.

    Raises:
        FileNotFoundError: the wheelhouse has no wheel of a name.
        RuntimeError: a wheel's requirements are not met.
    """
    changed = []
    for name in names:
        wheel = find_wheel(name, wheelhouse)
        if wheel is None:
            raise FileNotFoundError(f"no wheel of {name} in {wheelhouse}: run make wheelhouse")
        if not is_installed(wheel):
            changed.append(wheel)
    if changed:
        pip("install", "--no-index", "--no-deps", "--force-reinstall", *changed)
        check(names)
    return changed


def make_environment(path: Path, shared: Sequence[str] = ("numpy",)) -> Path:
    """Make a virtual environment that sees the `shared` distributions of this one; return its interpreter.

    Only their files are linked in, so nothing else of this environment leaks into an install test.
    """
    venv.create(path, with_pip=False)
    binary = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    links = path / "shared"
    links.mkdir()
    for name in shared:
        for top in {Path(file).parts[0] for file in metadata.files(name) or [] if Path(file).parts[0] != ".."}:
            (links / top).symlink_to(str(metadata.distribution(name).locate_file(top)))
    (site_packages(binary) / "shared.pth").write_text(f"{links}\n")
    return binary


def site_packages(python: Path) -> Path:
    """Return the folder that `python` installs packages into."""
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", query], check=True, capture_output=True, text=True).stdout.strip())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="bring wheelhouse and index up to date; needs the build tools")
    builder.add_argument("--editable", action="store_true", help="build editable wheels, into build/editables")
    installer = commands.add_parser("install", help="install distributions from the wheelhouse, where they differ")
    installer.add_argument("names", nargs="+", metavar="distribution")
    options = parser.parse_args(arguments)
    if options.command == "build":
        target = EDITABLES if options.editable else WHEELHOUSE
        built = [package.name for package in packages() if build(package, target, editable=options.editable)]
        if built and not options.editable:
            write_index()
        if built:
            print("built", *built)
    else:
        for wheel in install(options.names):
            print("installed", wheel.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
