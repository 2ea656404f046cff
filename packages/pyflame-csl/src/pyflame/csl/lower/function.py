"""Lowering of one function or task."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..comptime import types as t
from ..comptime.faults import Fault
from ..comptime.scope import Binding, Scope
from ..comptime.values import FunctionRef, Register
from ..ir import NO_REG
from ..syntax import ast
from . import builtins as _builtins, intrinsics as _intrinsics, operations as _operations  # noqa: F401  (fill the registry)
from .calls import RunTimeCalls, bind_parameters
from .code import Emitter, FunctionCode
from .loops import Loop

if TYPE_CHECKING:
    from ..comptime.session import Session

_T = TypeVar("_T")


class Lowering(RunTimeCalls):
    """Turns one function into register code."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.loops: list[Loop] = []
        self.poisoned: set[str] = set()

    def lower(self, code: FunctionCode, binding: list[Binding], types: list[t.Type], result: t.Type) -> None:
        decl = code.ref.decl
        self.function = code
        self.emitter = Emitter(code)
        self.emitter.span = (decl.name.start, decl.name.end)
        self.result_type = result
        code.result = "void" if result == t.VOID else "u16" if t.in_memory(result) else t.scalar_of(result)
        if decl.body is None:
            code.failed = True
            raise Fault("unsupported", code.ref.span, f"{code.name!r} is extern: it has no body here")
        self.addressed = self.session.addressed_names(decl.body)
        scope = bind_parameters(self, code, binding, types)
        left = self.run_block(decl.body, scope)
        if not left:
            if result != t.VOID and not code.failed:
                self.report_fault(
                    Fault("missing-return", code.ref.span, f"{code.name!r} may end without returning a {result}")
                )
            self.emitter.emit("ret", a=NO_REG)

    def report_fault(self, fault: Fault) -> None:
        self.function.failed = True
        self.session.report.fault(fault)

    def dry(self, action: Callable[[], _T]) -> _T:
        """What an action gives, without the code that it emits."""
        code, emitter = self.function, self.emitter
        lists = (code.code, code.starts, code.relocs, code.dsd_ops, code.maps, code.dsr_loads, code.uses)
        lengths = [len(entries) for entries in lists]
        top, target, registers, calls = emitter.top, emitter.target, code.registers, dict(code.calls)
        try:
            return action()
        finally:
            for entries, length in zip(lists, lengths, strict=True):
                del entries[length:]  # type: ignore[attr-defined]
            emitter.top, emitter.target, code.registers, code.calls = top, target, registers, calls

    def binding(self, node: ast.Name, scope: Scope) -> Binding:
        if node.id in self.poisoned and scope.lookup(node.id) is None:
            fault = Fault("unknown-name", scope.span(node), f"{node.id!r} could not be declared")
            fault.reported = True
            raise fault
        return super().binding(node, scope)


def lower_root(session: Session, ref: FunctionRef) -> FunctionCode | None:
    """The code of a task or of a function that the host or the hardware calls; None if it has errors."""
    try:
        signature = session.evaluator.signature(ref)
        if signature is None or not all(t.is_runtime(type_) and type_ != t.VOID for type_ in signature[0]):
            raise Fault(
                "type-mismatch", ref.span, f"{ref.name!r} is called from outside and cannot take such arguments"
            )
        if ref.is_task and signature[1] != t.VOID:
            raise Fault("type-mismatch", ref.span, f"task {ref.name!r} returns a {signature[1]}: tasks return void")
        binding: list[Binding] = [Register(type_, i) for i, type_ in enumerate(signature[0])]
        return Lowering(session).specialised(ref, binding, list(signature[0]), signature[1])
    except Fault as fault:
        session.report.fault(fault)
        return None
