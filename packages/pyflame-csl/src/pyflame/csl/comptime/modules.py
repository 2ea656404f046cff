"""Files, and module instances: one per import site and parameter binding; globals are evaluated when asked for."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from ..syntax import ast
from ..syntax.source import Source, Span
from . import types as t
from .coerce import coerce
from .faults import Fault
from .scope import Scope
from .sharing import MAX_CANDIDATES, Record, shareable, verified
from .values import FunctionRef, Storage, Value, copied

if TYPE_CHECKING:
    from .effects import Effect
    from .session import Session

Global = ast.VarDecl | ast.ParamDecl | ast.FnDecl | ast.TaskDecl


class SourceFile:
    """A parsed file and an index of what it declares."""

    def __init__(self, module: ast.Module, library: bool) -> None:
        self.module = module
        self.source: Source = module.source
        self.library = library
        self.decls: dict[str, Global] = {}
        self.order: dict[str, int] = {}
        self.duplicates: list[tuple[Global, Global]] = []
        self.comptime: list[ast.ComptimeBlock] = []
        self.layout: ast.LayoutBlock | None = None
        self.params: dict[str, ast.ParamDecl] = {}
        self.eager: list[str] = []
        self.importing: set[str] = set()
        for item in module.items:
            if isinstance(item, ast.ComptimeBlock):
                self.comptime.append(item)
            elif isinstance(item, ast.LayoutBlock):
                self.layout = item
            elif not isinstance(item, ast.ErrorNode):
                self._declare(item)

    def _declare(self, item: Global) -> None:
        name = item.name.id
        if name in self.decls:
            self.duplicates.append((self.decls[name], item))
            return
        self.decls[name] = item
        self.order[name] = len(self.order)
        if isinstance(item, ast.ParamDecl):
            self.params[name] = item
        elif isinstance(item, ast.VarDecl):
            if _imports(item):
                self.importing.add(name)
            if item.export or name in self.importing:
                self.eager.append(name)


def _imports(item: ast.VarDecl) -> bool:
    return item.value is not None and any(
        isinstance(node, ast.BuiltinCall) and node.name in {"import_module", "allocate_fifo"}
        for node in ast.walk(item.value)
    )


class _Poisoned:
    """A global whose evaluation failed; the error is reported already."""


_EVALUATING = object()
_POISONED = _Poisoned()


class Instance:
    """A module: a file with values for its parameters.

    `site` is the chain of import expressions that led here, so that two imports of one file have separate state.
    """

    def __init__(
        self, session: Session, file: SourceFile, params: dict[str, Value], site: tuple[Hashable, ...]
    ) -> None:
        self.session = session
        self.file = file
        self.source = file.source
        self.params = params
        self.site = site
        self.family = session.family(file, site)
        self.values: dict[str, Any] = {}
        self.scope = Scope(self)
        self.children: dict[Instance, None] = {}
        self.effects: list[Effect] = []
        self.signatures: dict[int, tuple[tuple[t.Type, ...], t.Type] | None] = {}
        self.storages: dict[str, Storage] = {}
        self.lowered: dict[Hashable, Any] = {}
        self.compared: dict[tuple[Instance, str], bool] = {}  # names that mean the same as in another instance
        self.prepared = False

    def __repr__(self) -> str:
        return f"Instance({self.source.path})"

    def get(self, name: str, use: Span | None = None) -> Value | Storage | None:
        """The global `name`, evaluated; None if there is none."""
        found = self.values.get(name)
        if found is None:
            decl = self.file.decls.get(name)
            if decl is None:
                return None
            found = self._evaluate(name, decl)
        if found is _EVALUATING:
            chain = [key for key, state in self.values.items() if state is _EVALUATING]
            chain = chain[chain.index(name) :]
            raise Fault(
                "global-cycle",
                use or self.span(self.file.decls[name]),
                f"the value of {name!r} depends on itself: {' -> '.join([*chain, name])}",
            )
        if found is _POISONED:
            fault = Fault("unknown-name", use, f"{name!r} could not be evaluated")
            fault.reported = True
            raise fault
        record = self.session.record
        if record is not None:
            record.reads.setdefault((self, name), found)
        return found

    def span(self, node: ast.Node) -> Span:
        return Span(self.source, node.start, node.end)

    def _evaluate(self, name: str, decl: Global) -> Value | Storage:
        if isinstance(decl, ast.FnDecl | ast.TaskDecl):
            found: Value | Storage = self._function(decl)
            self.values[name] = found
            return found
        self.values[name] = _EVALUATING
        outer, self.session.effects = self.session.effects, None
        record, self.session.record = self.session.record, None
        try:
            with self.session.inside(running=False):
                found = self._param(name, decl) if isinstance(decl, ast.ParamDecl) else self._shared(name, decl)
        except Fault as fault:
            self.values[name] = _POISONED
            self.session.report.fault(fault)
            raise
        finally:
            self.session.effects, self.session.record = outer, record
        self.values[name] = found
        return found

    def _shared(self, name: str, decl: ast.VarDecl) -> Value | Storage:
        """A global: that of another instance if all it depends on is the same here."""
        candidates = self.family.globals.setdefault(name, [])
        for record, found in candidates:
            if verified(record, self.session.members):
                return found
        self.session.record = record = Record()
        found = self._variable(name, decl)
        if name not in self.file.importing and len(candidates) < MAX_CANDIDATES and shareable(found):
            candidates.append((record, found))
        return found

    def _function(self, decl: ast.FnDecl | ast.TaskDecl) -> Value:
        signature = self.session.evaluator.signature(FunctionRef(decl, self))
        task = isinstance(decl, ast.TaskDecl)
        if signature is None:
            return Value(t.FUNCTION, FunctionRef(decl, self))
        return Value(t.function(signature[0], signature[1], task), FunctionRef(decl, self))

    def _param(self, name: str, decl: ast.ParamDecl) -> Value | Storage:
        evaluator = self.session.evaluator
        type_ = evaluator.type(decl.type, self.scope) if decl.type else t.ANY
        given = self.params.get(name)
        if given is None:
            if decl.default is None or (self.session.tolerant and isinstance(decl.default, ast.VoidLiteral)):
                fault = Fault(
                    "missing-param",
                    self.span(decl.name),
                    f"parameter {name!r} of {self.source.path} has no value",
                    "give it where the file is imported or set as tile code, or with --params for a layout",
                )
                fault.reported = self.session.tolerant
                raise fault
            given = evaluator.value(decl.default, self.scope, type_)
        return self._bind(name, coerce(given, type_, self.span(decl.name)), decl)

    def _variable(self, name: str, decl: ast.VarDecl) -> Value | Storage:
        evaluator = self.session.evaluator
        type_ = evaluator.type(decl.type, self.scope) if decl.type else t.ANY
        value = None
        if decl.value is not None and not isinstance(decl.value, ast.UndefinedLiteral):
            value = coerce(evaluator.value(decl.value, self.scope, type_), type_, self.span(decl.value))
            type_ = value.type
        elif type_ == t.ANY:
            raise Fault("type-mismatch", self.span(decl.name), f"{name!r} has neither type nor value")
        elif not decl.mutable:
            raise Fault("comptime-required", self.span(decl.name), f"constant {name!r} has no value")
        if not decl.mutable and not decl.export:
            assert value is not None
            return self._bind(name, value, decl)
        if type_ in (t.COMPTIME_INT, t.COMPTIME_FLOAT):
            raise Fault(
                "type-mismatch",
                self.span(decl.name),
                f"variable {name!r} has type {type_}, which has no size",
                f"write its type, such as var {name}: {'i16' if type_ == t.COMPTIME_INT else 'f32'}",
            )
        storage = self._storage(name, type_, None if value is None else copied(value), decl, const=not decl.mutable)
        if decl.align is not None:
            storage.align = evaluator.alignment(decl.align, self.scope)
        return storage

    def _bind(self, name: str, value: Value, decl: Global) -> Value | Storage:
        if isinstance(value.type, t.ArrayType):
            storage = self._storage(name, value.type, value, decl, const=True)
            if isinstance(decl, ast.VarDecl) and decl.align is not None:
                storage.align = self.session.evaluator.alignment(decl.align, self.scope)
            return storage
        return value

    def _storage(self, name: str, type_: t.Type, value: Value | None, decl: Global, const: bool) -> Storage:
        storage = Storage(name, type_, value, self.span(decl.name), const, placed=t.is_runtime(type_))
        storage.order = self.file.order[name]
        storage.instance = self
        self.storages[name] = storage
        return storage

    def storage_of(self, name: str) -> Storage | None:
        """Memory for global `name`; made on the first wish for its address where it is a constant."""
        found = self.get(name)
        if isinstance(found, Storage):
            return found
        if found is None or not t.is_runtime(found.type) or found.type == t.VOID:
            return None
        if name not in self.storages:
            self._storage(name, found.type, found, self.file.decls[name], const=True)
        return self.storages[name]
