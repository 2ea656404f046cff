"""Check a release tag `pyflame-x-vN` against version and changelog, and with --build make the artifacts it stands for.

Prints the changelog section. Nothing here publishes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local_index import find_wheel

ROOT = Path(__file__).resolve().parent.parent
TAG = re.compile(r"(?P<name>pyflame(?:-[a-z]+)?)-v(?P<version>[0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)")


class ReleaseError(Exception):
    """A tag that must not be released, with what to do about it."""


@dataclass(frozen=True)
class Release:
    """What a tag stands for."""

    name: str
    version: str
    package: Path
    notes: str


def section(changelog: str, version: str) -> str:
    """Return the text under the heading of `version`; empty if there is none."""
    match = re.search(rf"^## {re.escape(version)} .*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return match[1].strip() if match else ""


def read_release(tag: str, root: Path = ROOT) -> Release:
    """Return the release that `tag` names.

    Raises:
        ReleaseError: the tag has another form, names no package, or disagrees with the version or the changelog.
    """
    match = TAG.fullmatch(tag)
    if not match:
        raise ReleaseError(f"{tag}: not of the form pyflame-x-v1.2.3")
    name, version = match["name"], match["version"]
    package = root / "packages" / name
    if not (package / "pyproject.toml").is_file():
        raise ReleaseError(f"{tag}: there is no packages/{name}")
    declared = tomllib.loads((package / "pyproject.toml").read_text())["project"]["version"]
    if declared != version:
        raise ReleaseError(f"{tag}: packages/{name}/pyproject.toml says {declared}")
    fold = f"towncrier build --config pyproject.toml --dir packages/{name} --name {name} --version {version}"
    pending = sorted(path.name for path in (package / "changelog.d").glob("*.md"))
    if pending:
        raise ReleaseError(f"{tag}: changelog.d still holds {', '.join(pending)}: run {fold}")
    notes = section((package / "CHANGELOG.md").read_text(), version)
    if not notes:
        raise ReleaseError(f"{tag}: CHANGELOG.md has no section {version}: run {fold}")
    return Release(name, version, package, notes)


def build(release: Release, target: Path) -> None:
    """Build all wheels, check them and their installation, and copy the one released to `target`."""
    subprocess.run([sys.executable, ROOT / "ci/local_index.py", "build"], check=True)
    subprocess.run([sys.executable, ROOT / "ci/check_wheels.py"], check=True)
    wheel = find_wheel(release.name)
    if wheel is None or wheel.name.split("-")[1] != release.version:
        raise ReleaseError(f"{release.name} {release.version}: the wheelhouse holds {wheel}")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(wheel, target)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag", help="for example pyflame-core-v0.1.0")
    parser.add_argument("--root", type=Path, default=ROOT, help="top of the repository")
    parser.add_argument("--build", type=Path, metavar="FOLDER", help="also build, check, and put the wheel here")
    options = parser.parse_args(arguments)
    try:
        release = read_release(options.tag, options.root)
        if options.build:
            build(release, options.build)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print(release.notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
