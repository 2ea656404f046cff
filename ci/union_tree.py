"""Link the sources of all distributions into one tree, so that type checkers see one package `pyflame`.

Type checkers find editable parts beside a regular package badly or not at all; a plain folder they understand.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def make_tree(root: Path, target: Path) -> list[str]:
    """Replace `target` by links to the entries of every `packages/*/src/pyflame`; return their names.

    Raises:
        FileExistsError: two distributions ship the same name.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    owners: dict[str, Path] = {}
    for source in sorted(root.glob("packages/*/src/pyflame")):
        for entry in sorted(source.iterdir()):
            if entry.name == "__pycache__":
                continue
            if entry.name in owners:
                raise FileExistsError(f"pyflame/{entry.name} is in {owners[entry.name].parent} and in {entry.parent}")
            owners[entry.name] = entry
            (target / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    return sorted(owners)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help="top of the repository")
    root = parser.parse_args(arguments).root
    names = make_tree(root, root / "build" / "typecheck" / "pyflame")
    print(f"union_tree: {len(names)} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
