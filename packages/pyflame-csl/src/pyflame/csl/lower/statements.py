"""Statements of run-time code. Each handler tells whether control leaves for good, so that what follows is dead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..comptime import types as t
from ..comptime.faults import Fault
from ..comptime.scope import Local, Result, Scope
from ..comptime.statements import not_assignable
from ..comptime.values import Place, Register, Storage, Value, copied
from ..ir import NO_REG
from ..syntax import ast
from .loops import Loop, RunTimeLoops

INLINE_STORES = 8  # arrays up to this many elements are initialised by stores, longer ones by a copy


class RunTimeStatements(RunTimeLoops):
    """Statements as instructions."""

    result_type: t.Type
    addressed: set[str]

    def statement(self, node: ast.Statement, scope: Scope) -> bool:
        self.session.step(node, scope)
        self.emitter.span = (node.start, node.end)
        return self.RUN_TIME[type(node)](self, node, scope)

    def run_block(self, node: ast.Block, scope: Scope) -> bool:
        inner = Scope(scope.instance, scope)
        top = self.emitter.top
        loop = Loop(node.label, is_block=True)
        if node.label is not None:
            self.loops.append(loop)
        left = False
        for statement in node.body:
            if self.guarded(statement, inner):
                left = True
                break
        if node.label is not None:
            self.loops.pop()
            self.emitter.land(*loop.breaks)
            left = left and not loop.breaks
        self.emitter.top = top
        return left

    def guarded(self, statement: ast.Statement, scope: Scope) -> bool:
        """Lower a statement; an error in it is reported and the next ones are still looked at."""
        top, loops, branches = self.emitter.top, len(self.loops), self.depth_of_branches
        try:
            return self.statement(statement, scope)
        except Fault as fault:
            if fault.code == "step-limit":
                raise
            self.report_fault(fault)
            del self.loops[loops:]
            self.emitter.top = max(top, self.emitter.top) if isinstance(statement, ast.VarDecl) else top
            self.depth_of_branches = branches
            if isinstance(statement, ast.VarDecl):
                self.poisoned.add(statement.name.id)
            return False

    poisoned: set[str]

    def report_fault(self, fault: Fault) -> None:
        raise NotImplementedError

    def run_expression(self, node: ast.ExprStatement, scope: Scope) -> bool:
        top = self.emitter.top
        self.check_unused(self.eval(node.value, scope), node, scope)
        self.emitter.top = top
        return False

    def run_declare(self, node: ast.VarDecl, scope: Scope) -> bool:
        if node.comptime:
            return self._declare_known(node, scope)
        self.check_fresh(node.name, scope)
        name, span = node.name.id, scope.span(node.name)
        mark = self.emitter.top
        type_ = self.type(node.type, scope) if node.type else t.ANY
        found: Result | None = None
        if node.value is not None and not isinstance(node.value, ast.UndefinedLiteral):
            found = self.rvalue(self.eval(node.value, scope, type_), scope, node.value)
            found = self.coerced(found, type_, scope.span(node.value))
            type_ = found.type
        elif type_ == t.ANY or not node.mutable:
            raise Fault("type-mismatch", span, f"{name!r} needs a value")
        if not node.mutable:
            assert found is not None
            scope.names[name] = self._constant(name, found, mark, scope, node)
            return False
        if type_ in (t.COMPTIME_INT, t.COMPTIME_FLOAT):
            example = "i16" if type_ == t.COMPTIME_INT else "f32"
            raise Fault(
                "type-mismatch", span, f"variable {name!r} has type {type_}, which has no size at run time",
                f"write its type, such as var {name}: {example}",
            )  # fmt: skip
        scope.names[name] = self._variable(name, type_, found, mark, scope, node)
        return False

    def _declare_known(self, node: ast.VarDecl, scope: Scope) -> bool:
        with self.session.inside(running=True):
            self.session.evaluator.declare(node, scope)
        declared = scope.names[node.name.id]
        if type(declared) is Storage:
            declared.depth = self.depth_of_branches
        return False

    def _constant(self, name: str, found: Result, mark: int, scope: Scope, node: ast.VarDecl) -> Result:
        span = scope.span(node.name)
        if type(found) is Value:
            if t.in_memory(found.type) and t.is_runtime(found.type):
                return self.constant_place(found, span)
            if name not in self.addressed or not t.scalar_of(found.type):
                return found
        if type(found) is Place and not found.const:
            storage = self.static(name, found.type, span)
            self._copy(storage, found, scope, node)
            self.emitter.top = mark
            return Place(found.type, None, storage, 0, const=True)
        if type(found) is Place:
            return found
        if name in self.addressed:
            storage = self.static(name, found.type, span)
            self.emitter.store(found.type, None, storage, 0, self.reg(found, scope, node))
            self.emitter.top = mark
            return Place(found.type, None, storage, 0, const=True)
        assert type(found) is Register
        return Register(found.type, self.settle(found.reg, mark))

    def settle(self, source: int, mark: int) -> int:
        """Keep a value in the register `mark` and free all above it."""
        self.emitter.top = mark
        register = self.emitter.allocate()
        self.emitter.move(register, source, mark)
        return register

    def _variable(
        self, name: str, type_: t.Type, found: Result | None, mark: int, scope: Scope, node: ast.VarDecl
    ) -> Storage | Local | Place:
        span = scope.span(node.name)
        if not t.is_runtime(type_) or type_ == t.VOID:
            storage = Storage(name, type_, copied(found) if type(found) is Value else None, span)
            storage.depth = self.depth_of_branches
            return storage
        if t.in_memory(type_) or name in self.addressed:
            storage = self.static(name, type_, span)
            if node.align is not None:
                storage.align = self.session.evaluator.alignment(node.align, scope)
            if found is not None:
                self._initialise(storage, found, scope, node)
            self.emitter.top = mark
            return Place(type_, None, storage, 0)
        if found is None:
            return Local(type_, self.emitter.allocate())
        return Local(type_, self.settle(self.reg(found, scope, node), mark))

    def _initialise(self, storage: Storage, found: Result, scope: Scope, node: ast.VarDecl) -> None:
        type_ = storage.type
        if not t.in_memory(type_):
            self.emitter.store(type_, None, storage, 0, self.reg(found, scope, node))
            return
        inner = t.element_of(type_)
        if type(found) is Value and t.total_of(type_) <= INLINE_STORES and not isinstance(inner, t.StructType):
            size = t.size_of(inner)
            for position, entry in enumerate(found.data):
                top = self.emitter.top
                source = self.emitter.constant(Value(inner, entry))
                self.emitter.store(inner, None, storage, position * size, source)
                self.emitter.top = top
            return
        self._copy(storage, found, scope, node)

    def _copy(self, storage: Storage, found: Result, scope: Scope, node: ast.Node) -> None:
        source = self.reg(found, scope, node)
        target = self.address(Place(storage.type, None, storage, 0))
        self.emitter.emit("copy", 0, target, source, t.size_of(storage.type))

    def run_assign(self, node: ast.Assign, scope: Scope) -> bool:
        top = self.emitter.top
        if isinstance(node.target, ast.Name) and node.target.id == "_":
            self.eval(node.value, scope)
        else:
            found = self.locate(node.target, scope)
            if type(found) is Local:
                value = self._assigned(Register(found.type, found.reg), found.type, node, scope)
                self.emitter.move(found.reg, self.reg(value, scope, node.value), top)
            elif type(found) is Place and not found.const:
                self._assign_place(found, node, scope)
            else:
                raise not_assignable(node.target, scope)
        self.emitter.top = top
        return False

    def _assigned(self, before: Result, type_: t.Type, node: ast.Assign, scope: Scope) -> Result:
        value: Result = self.rvalue(self.eval(node.value, scope, type_), scope, node.value)
        if node.op != "=":
            value = self.operate(node.op[:-1], self.rvalue(before, scope, node.target), value, node, scope)
        return self.coerced(value, type_, scope.span(node.value))

    def _assign_place(self, place: Place, node: ast.Assign, scope: Scope) -> None:
        storage = place.storage
        if storage is not None and not storage.placed:
            if storage.instance is not None or storage.depth < self.depth_of_branches:
                raise Fault(
                    "comptime-required", scope.span(node.target),
                    f"{storage.name!r} exists only at comptime and is assigned where run time decides",
                )  # fmt: skip
            value = self._assigned(place, place.type, node, scope)
            if type(value) is not Value:
                raise Fault("comptime-required", scope.span(node.value), "this value must be known while compiling")
            self.store_comptime(place, value, scope, node)
            return
        value = self._assigned(place, place.type, node, scope)
        if t.in_memory(place.type):
            target, source = self.address(place), self.reg(value, scope, node.value)
            self.emitter.emit("copy", 0, target, source, t.size_of(place.type))
            return
        source = self.reg(value, scope, node.value)
        self.emitter.store(place.type, place.base, storage, place.offset, source)

    def run_if(self, node: ast.If, scope: Scope) -> bool:
        top = self.emitter.top
        condition = self.condition(node.condition, scope)
        if type(condition) is Value:
            side = node.then if condition.data else node.orelse
            return side is not None and self.statement(side, Scope(scope.instance, scope))
        assert type(condition) is Register
        emitter = self.emitter
        otherwise = emitter.jump("branch_not", condition.reg)
        emitter.top = top
        then_left = self.branch(node.then, scope)
        if node.orelse is None:
            emitter.land(otherwise)
            return False
        end = None if then_left else emitter.jump()
        emitter.land(otherwise)
        else_left = self.branch(node.orelse, scope)
        if end is not None:
            emitter.land(end)
        return then_left and else_left

    def branch(self, node: ast.Statement, scope: Scope) -> bool:
        """A statement that run time may skip."""
        top = self.emitter.top
        self.depth_of_branches += 1
        left = self.guarded(node, Scope(scope.instance, scope))
        self.depth_of_branches -= 1
        self.emitter.top = top
        return left

    def run_switch(self, node: ast.Switch, scope: Scope) -> bool:
        mark = self.emitter.top
        subject = self.subject(node, scope)
        if type(subject) is Value:
            prong = self.matching_prong(subject, node, scope)
            return prong is not None and self._prong(prong, scope)
        assert type(subject) is Register
        subject = Register(subject.type, self.settle(subject.reg, mark))
        ends: list[int] = []
        all_left = True
        for prong, skip in self.prong_tests(subject, node, scope):
            self.depth_of_branches += 1
            left = self._prong(prong, scope)
            self.depth_of_branches -= 1
            all_left = all_left and left
            if not left:
                ends.append(self.emitter.jump())
            self.emitter.land(*skip)
        self.emitter.land(*ends)
        self.emitter.top = mark
        return all_left and any(not prong.items for prong in node.prongs)

    def prong_tests(self, subject: Register, node: ast.Switch, scope: Scope) -> Iterator[tuple[ast.Prong, list[int]]]:
        """Emit the tests of each prong before its body; gives the jumps that pass it by."""
        emitter, type_ = self.emitter, subject.type
        scalar = t.scalar_of(type_)
        seen: set[int] = set()
        for prong in sorted(node.prongs, key=lambda prong: not prong.items):
            hits, skip = [], []
            for item in prong.items:
                top = emitter.top
                low, high = self.session.evaluator.prong_range(item, type_, scope)
                if low in seen:
                    raise Fault("duplicate-name", scope.span(item), f"{low} has two prongs")
                seen.add(low)
                first = emitter.constant(Value(type_, low))
                if low == high:
                    hits.append(emitter.jump("branch", emitter.compute(f"eq.{scalar}", subject.reg, first)))
                else:
                    below = emitter.compute(f"le.{scalar}", first, subject.reg)
                    above = emitter.compute(f"le.{scalar}", subject.reg, emitter.constant(Value(type_, high)))
                    hits.append(emitter.jump("branch", emitter.compute("and.bool", below, above)))
                emitter.top = top
            if prong.items:
                skip.append(emitter.jump())
                emitter.land(*hits)
            yield prong, skip

    def _prong(self, prong: ast.Prong, scope: Scope) -> bool:
        top = self.emitter.top
        inner = Scope(scope.instance, scope)
        if type(prong.body) in self.RUN_TIME:
            left = self.guarded(prong.body, inner)  # type: ignore[arg-type]
        else:
            self.eval(prong.body, inner)  # type: ignore[arg-type]
            left = False
        self.emitter.top = top
        return left

    def run_return(self, node: ast.Return, scope: Scope) -> bool:
        top = self.emitter.top
        if node.value is None or self.result_type == t.VOID:
            if self.result_type != t.VOID:
                raise Fault("type-mismatch", scope.span(node), f"the function returns a {self.result_type}")
            if node.value is not None:
                found = self.eval(node.value, scope)
                if found.type != t.VOID:
                    raise Fault("type-mismatch", scope.span(node), "a function of result void returns no value")
            self.emitter.emit("ret", a=NO_REG)
        else:
            value = self.rvalue(self.eval(node.value, scope, self.result_type), scope, node.value)
            value = self.coerced(value, self.result_type, scope.span(node.value))  # type: ignore[assignment]
            self.emitter.emit("ret", a=self.reg(value, scope, node.value))
        self.emitter.top = top
        return True

    def run_comptime(self, node: ast.ComptimeBlock, scope: Scope) -> bool:
        with self.session.inside(running=True):
            self.session.evaluator.block(node.body, scope)
        return False

    def run_error(self, node: ast.ErrorNode, scope: Scope) -> bool:
        self.error_statement(node, scope)
        return False

    RUN_TIME: dict[type[ast.Node], Any] = {
        ast.Block: run_block,
        ast.ExprStatement: run_expression,
        ast.Assign: run_assign,
        ast.If: run_if,
        ast.While: RunTimeLoops.run_while,
        ast.For: RunTimeLoops.run_for,
        ast.Switch: run_switch,
        ast.Break: RunTimeLoops.run_break,
        ast.Continue: RunTimeLoops.run_continue,
        ast.Return: run_return,
        ast.VarDecl: run_declare,
        ast.ComptimeBlock: run_comptime,
        ast.ErrorNode: run_error,
    }
