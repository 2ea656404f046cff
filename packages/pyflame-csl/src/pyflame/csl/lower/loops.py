"""Loops of run-time code, and the ways out of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..comptime import types as t
from ..comptime.faults import Fault
from ..comptime.scope import Result, Scope
from ..comptime.statements import bind_captures, elements
from ..comptime.values import Place, Register, Value
from ..syntax import ast
from .dsds import RunTimeDsds

MAX_UNROLLED = 4096


@dataclass
class Loop:
    """Jumps out of a loop that wait for their targets."""

    label: str | None
    breaks: list[int] = field(default_factory=list)
    continues: list[int] = field(default_factory=list)
    is_block: bool = False


class RunTimeLoops(RunTimeDsds):
    """`while`, `for`, `break` and `continue` as instructions."""

    loops: list[Loop]

    if TYPE_CHECKING:  # defined by the other parts of lowering

        def branch(self, node: ast.Statement, scope: Scope) -> bool: ...
        def guarded(self, statement: ast.Statement, scope: Scope) -> bool: ...
        def settle(self, source: int, mark: int) -> int: ...

    def run_while(self, node: ast.While, scope: Scope) -> bool:
        if node.inline:
            return self._unrolled_while(node, scope)
        emitter, top = self.emitter, self.emitter.top
        condition = self.condition(node.condition, scope)
        if type(condition) is Value and not condition.data:
            return False
        loop = Loop(node.label)
        out = [] if type(condition) is Value else [emitter.jump("branch_not", condition.reg)]  # type: ignore[union-attr]
        emitter.top = top
        start = emitter.here()
        self._loop_body(loop, node.body, scope)
        emitter.land(*loop.continues)
        self.emitter.span = (node.start, node.end)
        if node.step is not None:
            self.branch(node.step, scope)
        if type(condition) is Value:
            emitter.emit("jump", imm=start)
        else:  # tested again at the end, so that a turn costs one branch
            again = self.condition(node.condition, scope)
            emitter.emit("branch", 0, self.reg(again, scope, node), 0, start)
        emitter.top = top
        emitter.land(*out, *loop.breaks)
        return type(condition) is Value and not loop.breaks

    def _unrolled_while(self, node: ast.While, scope: Scope) -> bool:
        for turn in range(MAX_UNROLLED + 1):
            condition = self.condition(node.condition, scope)
            if type(condition) is not Value:
                message = "'inline while' needs a condition that is known while compiling"
                raise Fault("comptime-required", scope.span(node.condition), message, "count in a 'comptime var'")
            if not condition.data:
                return False
            if turn == MAX_UNROLLED:
                raise Fault("too-complex", scope.span(node), f"'inline while' has more than {MAX_UNROLLED} turns")
            loop = Loop(node.label)
            self.loops.append(loop)
            left = self.guarded(node.body, Scope(scope.instance, scope))
            self.loops.pop()
            if loop.continues or (loop.breaks and not left):
                # What the rest of the turn does to comptime variables would depend on run time.
                message = "run time cannot decide about leaving a turn of an 'inline while'"
                raise Fault("comptime-required", scope.span(node), message, "use 'inline for'")
            self.emitter.land(*loop.breaks)
            if left:
                return not loop.breaks
            if node.step is not None:
                self.guarded(node.step, scope)
        raise AssertionError("the last turn is refused")

    def _loop_body(self, loop: Loop, body: ast.Statement, scope: Scope) -> None:
        self.loops.append(loop)
        self.branch(body, scope)
        self.loops.pop()

    def run_for(self, node: ast.For, scope: Scope) -> bool:
        top = self.emitter.top
        iterable = self.rvalue(self.eval(node.iterable, scope), scope, node.iterable)
        if node.inline:
            left = self._unrolled(iterable, node, scope)
        elif isinstance(iterable.type, t.RangeType):
            assert type(iterable) is Value
            self._counted(iterable.type.element, list(iterable.data), node, scope)
            left = False
        else:
            self._over_array(iterable, node, scope)
            left = False
        self.emitter.top = top
        return left

    def _unrolled(self, iterable: Result, node: ast.For, scope: Scope) -> bool:
        if type(iterable) is not Value:
            raise Fault("comptime-required", scope.span(node.iterable), "'inline for' needs a known range or array")
        loop = Loop(node.label)
        for turn, entry in enumerate(elements(iterable, node, scope)):
            if turn >= MAX_UNROLLED:
                raise Fault("too-complex", scope.span(node), f"'inline for' has more than {MAX_UNROLLED} turns")
            inner = Scope(scope.instance, scope)
            bind_captures(node, inner, entry, Value(t.U16, turn))
            self.loops.append(loop)
            left = self.guarded(node.body, inner)
            self.loops.pop()
            self.emitter.land(*loop.continues)
            loop.continues.clear()
            if left and not loop.breaks:
                return True
        self.emitter.land(*loop.breaks)
        return False

    def _counted(self, type_: t.Type, bounds: list[Result], node: ast.For, scope: Scope) -> None:
        """`for (@range(...)) |value, index|`; the counter never passes the end, so that it cannot wrap."""
        if type_ == t.COMPTIME_INT:
            raise Fault("type-mismatch", scope.span(node.iterable), "comptime_int has no size at run time")
        emitter = self.emitter
        start, end, step = bounds
        down = type(step) is Value and step.data < 0
        counter = emitter.allocate()
        emitter.move(counter, self.reg(start, scope, node), counter + 1)
        limit = self._kept(end, scope, node)
        stride = self._kept(step, scope, node)
        index = emitter.compute("const", imm=0) if len(node.captures) > 1 else None
        top = emitter.top
        out = []
        if not (
            type(start) is Value and type(end) is Value and (start.data > end.data if down else start.data < end.data)
        ):
            order = (limit, counter) if down else (counter, limit)
            out.append(emitter.jump("branch_not", emitter.compute(f"lt.{type_}", *order)))
            emitter.top = top
        begin = emitter.here()
        inner = Scope(scope.instance, scope)
        values = [Register(type_, counter)] + ([Register(t.U16, index)] if index is not None else [])
        bind_captures(node, inner, *values)
        loop = Loop(node.label)
        self._loop_body(loop, node.body, inner)
        emitter.land(*loop.continues)
        self.emitter.span = (node.start, node.end)
        if index is not None:
            emitter.emit("add.u16", index, index, emitter.compute("const", imm=1))
        unit = type(step) is Value and step.data == 1
        if not unit:  # the last turn is the one with no room for another step
            room = emitter.compute(f"sub.{type_}", *((counter, limit) if down else (limit, counter)))
            size = emitter.compute(f"neg.{type_}", stride) if down else stride
            out.append(emitter.jump("branch", emitter.compute(f"le.{type_}", room, size)))
        emitter.emit(f"add.{type_}", counter, counter, stride)
        order = (limit, counter) if down else (counter, limit)
        if unit:
            emitter.emit("branch", 0, emitter.compute(f"lt.{type_}", *order), 0, begin)
        else:
            emitter.emit("jump", imm=begin)
        emitter.land(*out, *loop.breaks)

    def _kept(self, found: Result, scope: Scope, node: ast.Node) -> int:
        """A register of its own, which assignments in the loop do not change."""
        mark = self.emitter.top
        source = self.reg(found, scope, node)
        return self.settle(source, mark)

    def _over_array(self, iterable: Result, node: ast.For, scope: Scope) -> None:
        type_ = iterable.type
        if not isinstance(type_, t.ArrayType) or len(type_.shape) != 1:
            raise Fault(
                "type-mismatch", scope.span(node.iterable), f"'for' cannot go over a {type_}", "use @range or an array"
            )
        emitter = self.emitter
        address = self._kept(Register(t.U16, self.reg(iterable, scope, node)), scope, node)
        index = self._kept(Value(t.U16, 0), scope, node)
        limit = self._kept(Value(t.U16, type_.count), scope, node)
        if type_.count == 0:
            return
        begin = emitter.here()
        top = emitter.top
        inner = Scope(scope.instance, scope)
        entry = Place(type_.element, address, None, 0, const=True)
        value: Result = entry
        if not t.in_memory(type_.element) and node.captures and node.captures[0].id != "_":
            value = Register(type_.element, emitter.load(type_.element, address, None, 0))
        bind_captures(node, inner, value, Register(t.U16, index))
        loop = Loop(node.label)
        self._loop_body(loop, node.body, inner)
        emitter.land(*loop.continues)
        emitter.emit("add.u16", address, address, emitter.compute("const", imm=t.size_of(type_.element)))
        emitter.emit("add.u16", index, index, emitter.compute("const", imm=1))
        emitter.emit("branch", 0, emitter.compute("lt.u16", index, limit), 0, begin)
        emitter.top = top
        emitter.land(*loop.breaks)

    def _loop_of(self, node: ast.Break | ast.Continue, scope: Scope) -> Loop:
        for loop in reversed(self.loops):
            if node.label == loop.label if node.label is not None else not loop.is_block:
                return loop
        what = "break" if isinstance(node, ast.Break) else "continue"
        raise Fault("wrong-context", scope.span(node), f"{what!r} stands outside of its loop")

    def run_break(self, node: ast.Break, scope: Scope) -> bool:
        if node.value is not None:
            raise Fault("unsupported", scope.span(node), "'break' with a value is not supported")
        self._loop_of(node, scope).breaks.append(self.emitter.jump())
        return True

    def run_continue(self, node: ast.Continue, scope: Scope) -> bool:
        loop = self._loop_of(node, scope)
        if loop.is_block:
            raise Fault("wrong-context", scope.span(node), "'continue' names a block, not a loop")
        loop.continues.append(self.emitter.jump())
        return True
