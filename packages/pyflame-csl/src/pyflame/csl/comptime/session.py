"""One compilation: its files, module instances, limits and findings."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ..diagnostics import Diagnostic
from ..syntax import ast
from ..syntax.parser import parse_source
from ..syntax.source import Source, Span
from . import builtins as _builtins, dsds as _dsds, ids as _ids, layout as _layout  # noqa: F401  (fill the registry)
from .effects import Effect, ExportSymbol
from .evaluator import Evaluator
from .faults import Fault, Report
from .layout import Layout
from .modules import Instance, SourceFile
from .sharing import Family, Members, Record
from .values import FunctionRef, Storage, Value, key_of

LIBRARY = Path(__file__).parent.parent / "lib"
STEP_LIMIT = 20_000_000
MAX_IMPORT_DEPTH = 40
MAX_FILE_BYTES = 8 << 20
_FRAMES = 20_000  # Python frames; bounded by the heights of trees and the depth of comptime calls


@lru_cache(maxsize=64)
def parsed(data: bytes, path: str) -> tuple[ast.Module, tuple[Diagnostic, ...]]:
    """The tree of a file and what is wrong with it; libraries and unchanged files are parsed once for all sessions."""
    module, diagnostics = parse_source(Source(data, path))
    return module, tuple(diagnostics)


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for walking trees inside of comptime calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Session:
    """State that all parts of one compilation share."""

    def __init__(
        self,
        arch: str,
        import_paths: tuple[Path, ...] = (),
        library: Path = LIBRARY,
        step_limit: int = STEP_LIMIT,
        tolerant: bool = False,
    ) -> None:
        self.arch = arch
        self.memcpy = True  # whether the runtime of the host's commands is there, and keeps queues for itself
        self.tolerant = tolerant  # a parameter without a value is no error: what depends on it is left out
        self.import_paths = import_paths
        self.library = library
        self.report = Report()
        self.evaluator = Evaluator(self)
        self.effects: list[Effect] | None = None
        self.record: Record | None = None
        self.running = False  # comptime code inside of run-time code, for which variables may have changed
        self.layout: Layout | None = None
        self.rectangle: tuple[int, int] | None = None
        self.streams: dict[str, int] = {}
        self.files: dict[str, SourceFile] = {}
        self.numbers: dict[int, int] = {}
        self.sources: list[Source] = []
        self._instances: dict[Hashable, Instance] = {}
        self._families: dict[Hashable, Family] = {}
        self.members: Members = {}
        self._addressed: dict[int, set[str]] = {}  # bodies live as long as the files
        self._steps_left = step_limit
        self._step_limit = step_limit

    @contextmanager
    def inside(self, running: bool) -> Iterator[None]:
        """Evaluate comptime code that stands in run-time code, or outside of it again."""
        before, self.running = self.running, running
        try:
            yield
        finally:
            self.running = before

    def step(self, node: ast.Node, scope: object) -> None:
        """Count one step of comptime code."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise Fault(
                "step-limit",
                scope.span(node),  # type: ignore[attr-defined]
                f"comptime code has not ended after {self._step_limit} steps",
                "look for a loop without end",
            )

    def addressed_names(self, body: ast.Block) -> set[str]:
        """Names of which `&` takes the address, or that of a part of them."""
        found = self._addressed.get(id(body))
        if found is None:
            found = self._addressed[id(body)] = set()
            for node in ast.walk(body):
                if isinstance(node, ast.Unary) and node.op == "&":
                    root = node.operand
                    while isinstance(root, ast.Index | ast.Member):
                        root = root.object
                    if isinstance(root, ast.Name):
                        found.add(root.id)
        return found

    def family(self, file: SourceFile, site: tuple[Hashable, ...]) -> Family:
        """What the instances of a file at an import site share."""
        key = (file.source.path, site)
        found = self._families.get(key)
        if found is None:
            found = self._families[key] = Family()
        return found

    def file_number(self, source: Source) -> int:
        """The number of a file in the compiled program."""
        found = self.numbers.get(id(source))
        if found is None:
            found = self.numbers[id(source)] = len(self.sources)
            self.sources.append(source)
        return found

    def open(self, path: str, span: Span | None) -> SourceFile:
        """A file, parsed once."""
        found = self.files.get(path)
        if found is None:
            try:
                data = Path(path).read_bytes()
            except (OSError, ValueError) as error:
                raise Fault("import-not-found", span, f"{path!r} cannot be read: {error}") from None
            if len(data) > MAX_FILE_BYTES:
                raise Fault("import-not-found", span, f"{path!r} has {len(data)} bytes, more than a CSL file has")
            found = self.add(data, path)
        return found

    def add(self, data: bytes, path: str) -> SourceFile:
        """Parse a text and keep it under its path."""
        module, diagnostics = parsed(data, path)
        for diagnostic in diagnostics:
            self.report.add(diagnostic)
        source = module.source
        library = Path(path).is_relative_to(self.library)
        found = self.files[path] = SourceFile(module, library)
        for first, second in found.duplicates:
            span = source.span(second.name.start, second.name.end)
            line = source.line_of(first.start)
            self.report.error("duplicate-name", span, f"{second.name.id!r} is declared twice, first in line {line}")
        return found

    def resolve(self, path: str, importer: Instance, span: Span) -> str:
        """The file that an import path means: a library, beside the importing file, or on an import path."""
        if "\0" in path:
            raise Fault("import-not-found", span, "a path cannot contain NUL")
        if path.startswith("<") and path.endswith(">"):
            found = self.library / f"{path[1:-1]}.csl"
            if ".." in found.parts or len(path) > 200 or not found.is_file():
                known = sorted(f"<{f.relative_to(self.library).with_suffix('')}>" for f in self.library.rglob("*.csl"))
                raise Fault("import-not-found", span, f"there is no library {path}", f"known are {', '.join(known)}")
            return str(found)
        places = [Path(importer.source.path).parent, *self.import_paths]
        for place in places:
            try:
                if (place / path).is_file():
                    return str(place / path)
            except OSError as error:  # a name that is too long
                raise Fault("import-not-found", span, f"{path[:60]!r} is no path: {error.strerror}") from None
        tried = ", ".join(str(place) for place in places)
        raise Fault("import-not-found", span, f"{path!r} is in none of {tried}", "add its folder with --import-path")

    def import_module(self, path: str, params: dict[str, Value], importer: Instance, node: ast.BuiltinCall) -> Instance:
        """The instance that an import expression means, ready for use."""
        span = importer.span(node)
        resolved = self.resolve(path, importer, importer.span(node.args[0]))
        place: tuple[Hashable, ...] = (importer.source.path, node.start)
        if self.evaluator.depth:  # one site may import several times then
            place += tuple((name, key_of(value)) for name, value in sorted(params.items()))
        site = (*importer.site, place)
        if len(site) > MAX_IMPORT_DEPTH:
            raise Fault("import-depth", span, f"imports nest deeper than {MAX_IMPORT_DEPTH}", "break the import cycle")
        instance = self.instance(resolved, params, site, span)
        importer.children[instance] = None
        return instance

    def instance(self, path: str, params: dict[str, Value], site: tuple[Hashable, ...], span: Span | None) -> Instance:
        """The module instance of a site with a parameter binding."""
        key = (path, site, tuple((name, key_of(value)) for name, value in sorted(params.items())))
        found = self._instances.get(key)
        if found is None:
            found = self._instances[key] = Instance(self, self.open(path, span), params, site)
            for name in params:
                if name not in found.file.params:
                    self.report.warning("unknown-param", span, f"{path} declares no parameter {name!r}")
            self.members[found.family] = found
            self.prepare(found)
        elif self.members.get(found.family) is not found:
            waiting = [found]
            while waiting:
                member = waiting.pop()
                self.members[member.family] = member
                waiting.extend(member.children)
        return found

    def prepare(self, instance: Instance) -> None:
        """Evaluate imports and comptime blocks of an instance."""
        outer, self.effects = self.effects, instance.effects
        record, self.record = self.record, None
        try:
            for name in instance.file.eager:
                self.attempt(lambda name=name: instance.get(name))
            with self.inside(running=False):
                for block in instance.file.comptime:
                    self.attempt(lambda block=block: self.evaluator.block(block.body, instance.scope))
            for name, decl in instance.file.decls.items():
                if isinstance(decl, ast.VarDecl | ast.FnDecl) and decl.export:
                    self.attempt(lambda name=name: self._export(instance, name))
        finally:
            self.effects, self.record = outer, record

    def _export(self, instance: Instance, name: str) -> None:
        span = instance.span(instance.file.decls[name].name)
        found = instance.get(name)
        target: Storage | FunctionRef | None = None
        if isinstance(found, Value) and isinstance(found.data, FunctionRef):
            target = found.data
        else:
            target = instance.storage_of(name)
        if target is None:
            raise Fault("type-mismatch", span, f"{name!r} cannot be exported: it has no place in memory")
        instance.effects.append(ExportSymbol(name, target, span, direct=isinstance(target, Storage)))

    def attempt(self, action: object) -> None:
        """Run an action; an error in it is reported and goes no further."""
        try:
            action()  # type: ignore[operator]
        except Fault as fault:
            self.report.fault(fault)
