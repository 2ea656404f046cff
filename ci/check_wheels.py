"""Check what the wheels of the wheelhouse hold, and that each part works when installed alone with what it requires.

The file lists are disjoint; `pyflame/__init__.py` is in core's wheel only; a part ships the sub-packages that core's
`_PARTS` says it ships, each with a `py.typed`; nothing else is packed; core's wheel stays small.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path, PurePosixPath

from check_imports import ROOT, read_parts
from local_index import INDEX, WHEELHOUSE, find_wheel, make_environment, packages, pip

CORE_LIMIT = 5_000_000  # bytes
SHIPPED = {".py", ".pyi", ".typed", ".so", ".pyd", ".h", ".cmake", ".csl", ".json", ".html", ".npz"}
SCRIPTS = PurePosixPath("pyflame/csl/bin")  # commands, whose names have no suffix


def contents(wheel: Path) -> list[str]:
    """Return the files of a wheel without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        files = [name for name in archive.namelist() if not name.endswith("/")]
    return [name for name in files if not name.split("/")[0].endswith(".dist-info")]


def sub_packages(files: Sequence[str]) -> list[str]:
    """Return the sub-packages of pyflame among `files`."""
    return sorted({name.split("/")[1] for name in files if name.startswith("pyflame/") and name.count("/") > 1})


def check_contents(name: str, wheel: Path, parts: dict[str, str]) -> list[str]:
    """Return what is wrong with the file list of the wheel of distribution `name`."""
    files = contents(wheel)
    problems = []
    for file in files:
        path = PurePosixPath(file)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        shipped = path.suffix in SHIPPED or path.parent == SCRIPTS
        if path.parts[0] != "pyflame" or not shipped or hidden or "tests" in path.parts:
            problems.append(f"{wheel.name}: stray file {file}")
    found = sub_packages(files)
    if name == "pyflame":
        problems += [f"{wheel.name}: {file}: the meta package holds no module" for file in files]
    elif name == "pyflame-core":
        needed = ("pyflame/__init__.py", "pyflame/py.typed")
        problems += [f"{wheel.name}: lacks {file}" for file in needed if file not in files]
        problems += [f"{wheel.name}: pyflame/{part} belongs to {parts[part]}" for part in found if part in parts]
        if wheel.stat().st_size > CORE_LIMIT:
            problems.append(f"{wheel.name}: {wheel.stat().st_size} bytes, the limit is {CORE_LIMIT}")
    else:
        loose = [file for file in files if file.startswith("pyflame/") and file.count("/") == 1]
        problems += [f"{wheel.name}: {file}: only pyflame-core ships files of pyflame itself" for file in loose]
        for part in found:
            if parts.get(part) != name:
                problems.append(f"{wheel.name}: core's _PARTS gives pyflame/{part} to {parts.get(part)}, not to {name}")
            problems += [
                f"{wheel.name}: lacks {file}"
                for file in (f"pyflame/{part}/__init__.py", f"pyflame/{part}/py.typed")
                if file not in files
            ]
    return problems


def check_overlap(wheels: Sequence[Path]) -> list[str]:
    """Return the files that more than one wheel installs: pip lets the last one win without a word."""
    owners: dict[str, Path] = {}
    problems = []
    for wheel in wheels:
        for file in contents(wheel):
            if file in owners:
                problems.append(f"{file} is in {owners[file].name} and in {wheel.name}")
            owners[file] = wheel
    return problems


def third_party(name: str) -> list[str]:
    """Return the foreign distributions that distribution `name` requires, and those that they require."""
    own = {package.name: package for package in packages()}
    found: list[str] = []
    waiting = [name]
    for current in waiting:  # grows
        if current in own:
            project = tomllib.loads((own[current] / "pyproject.toml").read_text())["project"]
            requirements = project.get("dependencies", [])
        else:
            found.append(current)
            requirements = [text for text in metadata.requires(current) or [] if "extra ==" not in text]
        names = (re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in requirements)
        waiting += [required for required in names if required not in waiting]
    return found


def check_installed(name: str, wheel: Path) -> list[str]:
    """Install one distribution from the local index alone, then import each of its sub-packages in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder, "env"), shared=third_party(name))
        pip("install", "--index-url", INDEX.as_uri(), name, python=python)
        own = [] if name == "pyflame-core" else sub_packages(contents(wheel))
        lines = ["import pyflame; print(pyflame.__version__)", *(f"import pyflame.{part}" for part in own)]
        problems = []
        for line in lines:
            run = subprocess.run([python, "-W", "error", "-c", line], capture_output=True, text=True, cwd=folder)
            if run.returncode:
                problems.append(f"{wheel.name}, installed alone: {line}\n{run.stderr}")
        return problems


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-install", action="store_true", help="look at the contents only")
    options = parser.parse_args(arguments)
    parts = read_parts(ROOT)
    wheels = {package.name: find_wheel(package.name) for package in packages()}
    found = {name: wheel for name, wheel in wheels.items() if wheel}
    problems = [f"no wheel of {name} in {WHEELHOUSE}" for name in wheels if name not in found]
    for name, wheel in found.items():
        problems += check_contents(name, wheel, parts)
        print(f"{wheel.stat().st_size:9,} bytes  {wheel.name}")
    problems += check_overlap(list(found.values()))
    if not problems and not options.no_install:
        for name, wheel in found.items():
            problems += check_installed(name, wheel)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"check_wheels: {len(found)} wheels, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
