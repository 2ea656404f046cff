"""Make a plugin project from docs/examples/plugin-template: `new_plugin.py acme ../pyflame-plugin-acme`.

The name replaces the word `example` in every spelling: `acme-wafer` in texts, `acme_wafer` in identifiers, `AcmeWafer`
in the class. `new_plugin.py --for copier FOLDER` (or cookiecutter) writes the same template for that tool.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

TEMPLATE = Path(__file__).resolve().parent.parent / "docs" / "examples" / "plugin-template"

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SPELLINGS = re.compile(r"(?P<snake>_example|example_)|(?P<camel>Example)|example")
MADE_BY_TOOLS = re.compile(r"__pycache__|\..*_cache|dist|build|.*\.egg-info")
WRONG_NAME = "expected lower-case words joined by dashes, such as acme-wafer"
CHECK_NAME = f"""import re
import sys

if not re.fullmatch("{NAME.pattern}", "{{{{ cookiecutter.name }}}}"):
    sys.exit("name: {WRONG_NAME}")
"""
HOW_TO_COPY = re.compile(r"^## Make it yours\n.*?(?=^## )", re.MULTILINE | re.DOTALL)


class Spelling(NamedTuple):
    """The name of a plugin in texts, in identifiers and in the name of a class."""

    dashed: str
    snake: str
    camel: str


def spelling(name: str) -> Spelling:
    """Return the spellings of a plugin's name."""
    return Spelling(name, name.replace("-", "_"), "".join(word.capitalize() for word in name.split("-")))


def rename(text: str, name: Spelling) -> str:
    """Return `text` with `name` in the place of the template's."""

    def spelled(match: re.Match[str]) -> str:
        if match["snake"]:
            return match["snake"].replace("example", name.snake)
        return name.camel if match["camel"] else name.dashed

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
        raise ValueError(f"{name!r} names no plugin: {WRONG_NAME}")
    require_new(target)
    write(spelling(name), target)


def new_template(tool: str, target: Path) -> None:
    """Write the template for `tool`, copier or cookiecutter, into the folder `target`.

    Raises:
        FileExistsError: there is something in the folder.
    """
    require_new(target)
    before = "cookiecutter.__" if tool == "cookiecutter" else ""  # a name it never asks for begins with __
    name = "cookiecutter.name" if tool == "cookiecutter" else "name"
    folder = f"pyflame-plugin-{{{{ {name} }}}}" if tool == "cookiecutter" else "template"
    write(
        Spelling(*(f"{{{{ {variable} }}}}" for variable in (name, f"{before}snake", f"{before}camel"))), target / folder
    )
    snake, camel = f"{{{{ {name}.replace('-', '_') }}}}", f"{{{{ {name}.split('-') | map('capitalize') | join }}}}"
    if tool == "cookiecutter":
        asked = {"name": "acme-wafer", "__snake": snake, "__camel": camel}
        (target / "cookiecutter.json").write_text(json.dumps(asked, indent=2) + "\n")
        (target / "hooks").mkdir()
        (target / "hooks" / "pre_gen_project.py").write_text(CHECK_NAME)
        return
    rule = f"{{% if not (name | regex_search('^({NAME.pattern})$')) %}}{WRONG_NAME}{{% endif %}}"
    settings = {
        "_subdirectory": folder,
        "_templates_suffix": "",
        "name": {"type": "str", "help": "name of the plugin, such as acme-wafer", "validator": rule},
        "snake": {"type": "str", "default": snake, "when": False},
        "camel": {"type": "str", "default": camel, "when": False},
    }
    (target / "copier.yml").write_text(json.dumps(settings, indent=2) + "\n")  # JSON is YAML


def require_new(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} is there already: name a new folder")


def write(name: Spelling, target: Path) -> None:
    """Write the template into `target`, its name spelled as `name`."""
    for path in sources(TEMPLATE):
        made = target / rename(path.relative_to(TEMPLATE).as_posix(), name)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(rename(HOW_TO_COPY.sub("", path.read_text()), name))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="of the plugin, such as acme or acme-wafer; not with --for")
    parser.add_argument("target", type=Path, help="folder to make")
    parser.add_argument("--for", dest="tool", choices=("copier", "cookiecutter"), help="write a template for this tool")
    options = parser.parse_args(arguments)
    if (options.name is None) != (options.tool is not None):
        parser.error("a name and a folder make a plugin; --for and a folder make a template")
    try:
        if options.tool:
            new_template(options.tool, options.target)
        else:
            new_plugin(options.name, options.target)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    print(f"{options.target}: " + (f"for {options.tool}" if options.tool else "its README.md says how to go on"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
