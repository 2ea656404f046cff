"""Check which way the arrows point between distributions, by walking the syntax trees of their sources.

1. A distribution imports only those it may depend on.
2. Across distributions only public names are used, and nobody but core touches `pyflame._core`.
3. pyflame-csl, -onnx and -tools reach no private part of a graph: they see the exported IR alone.
4. What is imported at the top of a module is a declared dependency; anything else is imported inside the function
   that needs it, in a `try` that turns its absence into an install line.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "pyflame-core": set[str](),
    "pyflame-nn": {"pyflame-core"},
    "pyflame-csl": {"pyflame-core"},
    "pyflame-tools": {"pyflame-core", "pyflame-nn"},
    "pyflame-onnx": {"pyflame-core", "pyflame-nn"},
    "pyflame-serve": {"pyflame-core", "pyflame-nn"},
    "pyflame-integrations": {"pyflame-core", "pyflame-nn", "pyflame-tools"},
    "pyflame-lsp": {"pyflame-core", "pyflame-csl", "pyflame-tools"},
}
SEES_ONLY_THE_IR = {"pyflame-csl", "pyflame-onnx", "pyflame-tools"}
# import name -> distribution, where they differ by more than case and dashes
IMPORTED_AS = {"google": "protobuf", "sklearn": "scikit_learn", "yaml": "pyyaml", "PIL": "pillow"}
# Documented although they start with an underscore.
PUBLIC_UNDERSCORES = {"_version", "_replace", "_asdict", "_fields", "_make", "_getframe", "_exit"}


@dataclass(frozen=True)
class Problem:
    """One broken rule, with where it is."""

    path: Path
    line: int
    rule: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: rule {self.rule}: {self.message}"


def read_parts(root: Path) -> dict[str, str]:
    """Return sub-package -> distribution, from the `_PARTS` table of core's `__init__.py`."""
    tree = ast.parse((root / "packages/pyflame-core/src/pyflame/__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_PARTS":
            table: dict[str, str] = ast.literal_eval(node.value)
            return table
    raise ValueError("packages/pyflame-core/src/pyflame/__init__.py has no _PARTS table")


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_definitions(tree: ast.AST) -> Iterator[str]:
    """Yield the private names a module defines: functions, classes, variables, attributes, slots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value  # __slots__, object.__setattr__(self, "_name", ...)


def catches_absence(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in {"ImportError", "ModuleNotFoundError"} for kind in kinds)


class Visitor(ast.NodeVisitor):
    """Collect the problems of one module."""

    def __init__(
        self, path: Path, module: str, owner: str, parts: dict[str, str], declared: set[str], own_names: set[str]
    ) -> None:
        self.path, self.owner, self.parts, self.declared, self.own_names = path, owner, parts, declared, own_names
        self.package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        self.problems: list[Problem] = []
        self.aliases: set[str] = set()  # names the module pyflame has here
        self.modules: set[str] = set()  # names of other imported modules
        self.in_function = self.in_try = self.type_checking = 0

    def report(self, node: ast.AST, rule: int, message: str) -> None:
        self.problems.append(Problem(self.path, getattr(node, "lineno", 0), rule, message))

    def owner_of(self, dotted: str) -> str:
        names = dotted.split(".")
        return self.parts.get(names[1], "pyflame-core") if len(names) > 1 else "pyflame-core"

    def check_ours(self, node: ast.AST, dotted: str) -> None:
        owner = self.owner_of(dotted)
        if owner == self.owner:
            return
        # The root package names its parts for type checkers; nothing is imported.
        names_part = self.owner == "pyflame-core" and self.package == ["pyflame"] and self.type_checking
        if owner not in MAY_IMPORT[self.owner] and not names_part:
            self.report(node, 1, f"{self.owner} may not import {dotted} of {owner}")
        elif any(map(is_private, dotted.split("."))):
            self.report(node, 2, f"{dotted} is private to {owner}")

    def check_theirs(self, node: ast.AST, dotted: str) -> None:
        top = dotted.split(".")[0]
        if top in sys.stdlib_module_names or IMPORTED_AS.get(top, top).lower() in self.declared or self.type_checking:
            return
        if not self.in_function:
            self.report(node, 4, f"{top} is not a dependency of {self.owner}: import it where it is needed")
        elif not self.in_try:
            self.report(node, 4, f"{top} is optional: import it in a try that raises with the install line")

    def check(self, node: ast.AST, dotted: str) -> None:
        if dotted.split(".")[0] == "pyflame":
            self.check_ours(node, dotted)
        else:
            self.check_theirs(node, dotted)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.check(node, alias.name)
            bound = alias.asname or alias.name.split(".")[0]
            if bound == "pyflame" or alias.name == "pyflame":
                self.aliases.add(bound)
            else:
                self.modules.add(bound)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self.package[: len(self.package) - node.level + 1] if node.level else []
        dotted = ".".join([*base, *([node.module] if node.module else [])])
        if dotted.split(".")[0] != "pyflame":
            self.check_theirs(node, dotted)
            return
        for alias in node.names:
            self.check_ours(node, dotted if alias.name == "*" else f"{dotted}.{alias.name}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        value = node.value
        if isinstance(value, ast.Name) and value.id in self.aliases:
            self.check_ours(node, f"pyflame.{node.attr}")
        elif (
            self.owner != "pyflame-core"
            and is_private(node.attr)
            and node.attr not in self.own_names | PUBLIC_UNDERSCORES
            and not (isinstance(value, ast.Name) and value.id in self.modules)
        ):
            rule = 3 if self.owner in SEES_ONLY_THE_IR else 2
            self.report(node, rule, f".{node.attr} is not defined in {self.owner}: it is private to somebody else")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
            target = str(node.args[0].value)
            self.check(node, target if not target.startswith(".") else ".".join(self.package) + target)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        self.in_function += 1
        self.generic_visit(node)
        self.in_function -= 1

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_Try(self, node: ast.Try) -> None:
        guarded = any(map(catches_absence, node.handlers))
        self.in_try += guarded
        for child in node.body:
            self.visit(child)
        self.in_try -= guarded
        for other in [*node.handlers, *node.orelse, *node.finalbody]:
            self.visit(other)

    def visit_If(self, node: ast.If) -> None:
        name = node.test.attr if isinstance(node.test, ast.Attribute) else getattr(node.test, "id", "")
        checking = name == "TYPE_CHECKING"
        self.type_checking += checking
        for child in node.body:
            self.visit(child)
        self.type_checking -= checking
        for other in node.orelse:
            self.visit(other)


def check_package(package: Path, parts: dict[str, str]) -> list[Problem]:
    """Return the broken rules of one distribution's sources."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    declared = {
        re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower().replace("-", "_")
        for text in project.get("dependencies", [])
    }
    owner = project["name"]
    source = package / "src"
    trees = {path: ast.parse(path.read_text(), str(path)) for path in sorted(source.rglob("*.py"))}
    if trees and owner not in MAY_IMPORT:
        return [Problem(package, 0, 1, f"{owner} has no row in ci/check_imports.py, MAY_IMPORT")]
    own_names = {name for tree in trees.values() for name in private_definitions(tree) if is_private(name)}
    problems = []
    for path, tree in trees.items():
        module = ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
        visitor = Visitor(path, module, owner, parts, declared, own_names)
        visitor.visit(tree)
        problems += visitor.problems
    return problems


def check(root: Path = ROOT) -> list[Problem]:
    """Return the broken rules of every distribution under `root`."""
    parts = read_parts(root)
    found = (check_package(path.parent, parts) for path in sorted((root / "packages").glob("*/pyproject.toml")))
    return [problem for problems in found for problem in problems]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help="top of the repository")
    problems = check(parser.parse_args(arguments).root)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"check_imports: {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
