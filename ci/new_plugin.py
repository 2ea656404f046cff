"""Make a plugin project from docs/examples/plugin-template: `new_plugin.py acme ../pyflame-plugin-acme`.

The name replaces the word `example` in every spelling: `acme-wafer` in texts, `acme_wafer` in identifiers, `AcmeWafer`
in the class.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "docs" / "examples" / "plugin-template"

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SPELLINGS = re.compile(r"(?P<snake>_example|example_)|(?P<camel>Example)|example")
MADE_BY_TOOLS = re.compile(r"__pycache__|\..*_cache|dist|build|.*\.egg-info")
HOW_TO_COPY = re.compile(r"^## Make it yours\n.*?(?=^## )", re.MULTILINE | re.DOTALL)


def rename(text: str, name: str) -> str:
    """Return `text` with `name` in the place of the template's."""

    def spelled(match: re.Match[str]) -> str:
        if match["snake"]:
            return match["snake"].replace("example", name.replace("-", "_"))
        return "".join(word.capitalize() for word in name.split("-")) if match["camel"] else name

    return SPELLINGS.sub(spelled, text)


def sources(folder: Path) -> Iterator[Path]:
    """Yield the files of the template."""
    for path in sorted(folder.iterdir()):
        if MADE_BY_TOOLS.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from sources(path)
        else:
            yield path


def new_plugin(name: str, target: Path) -> None:
    """Write the project of plugin `name` into the folder `target`.

    Raises:
        ValueError: the name is not made of lower-case words joined by dashes.
        FileExistsError: there is something in the folder.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} names no plugin: expected lower-case words joined by dashes, such as acme-wafer")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} is there already: name a new folder")
    for path in sources(TEMPLATE):
        made = target / rename(path.relative_to(TEMPLATE).as_posix(), name)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(rename(HOW_TO_COPY.sub("", path.read_text()), name))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the plugin, such as acme or acme-wafer")
    parser.add_argument("target", type=Path, help="folder to make")
    options = parser.parse_args(arguments)
    try:
        new_plugin(options.name, options.target)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    print(f"{options.target}: its README.md says how to install and test it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
