"""Builtins of comptime blocks in PE programs: what they leave behind is the initial state of the PE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..ir import IdSpace
from ..syntax import ast
from ..syntax.source import Span
from . import types as t
from .builtins import struct_of, text_of
from .dsds import flag
from .faults import Fault
from .literals import suggestion
from .registry import builtin
from .routes import RouteConfig, read_config
from .scope import Result, Scope
from .values import VOID_VALUE, DsdValue, FunctionRef, Pointer, Storage, Value

if TYPE_CHECKING:
    from .evaluator import Evaluator
    from .modules import Instance

SPACES = {
    t.LOCAL_TASK_ID: IdSpace.LOCAL_TASK,
    t.DATA_TASK_ID: IdSpace.DATA_TASK,
    t.CONTROL_TASK_ID: IdSpace.CONTROL_TASK,
    t.COLOR: IdSpace.COLOR,
    t.INPUT_QUEUE: IdSpace.INPUT_QUEUE,
    t.UT_ID: IdSpace.UT,
}
Want = t.Type | None


@dataclass(frozen=True)
class TaskUse:
    """An id of a space, or a task whose id its binding tells."""

    space: IdSpace | None
    id: int
    task: FunctionRef | None = None


@dataclass(frozen=True)
class Bind:
    space: IdSpace
    id: int
    task: FunctionRef
    span: Span


@dataclass(frozen=True)
class StateChange:
    """`kind` is activate, block or unblock."""

    kind: str
    use: TaskUse
    span: Span


@dataclass(frozen=True)
class QueueColor:
    output: bool
    queue: int
    color: int
    span: Span


@dataclass(frozen=True)
class LocalColor:
    color: int
    config: RouteConfig
    span: Span


@dataclass(frozen=True)
class TeardownHandler:
    color: int
    handler: FunctionRef
    span: Span


@dataclass(frozen=True)
class ExportSymbol:
    name: str
    target: Storage | FunctionRef
    span: Span
    direct: bool = False


@dataclass(frozen=True)
class InitialDsr:
    kind: t.Type
    number: int
    dsd: DsdValue
    options: Any
    span: Span


@dataclass(frozen=True)
class SymbolName:
    """A further name of a variable in the symbol table."""

    name: str
    storage: Storage
    span: Span


Effect = SymbolName | Bind | StateChange | QueueColor | LocalColor | TeardownHandler | ExportSymbol | InitialDsr


def _leave(ev: Evaluator, effect: Effect, node: ast.BuiltinCall, scope: Scope) -> Value:
    if ev.session.effects is None:
        raise Fault("wrong-context", scope.span(node), f"@{node.name} belongs into a comptime block of a PE program")
    ev.session.effects.append(effect)
    return VOID_VALUE


def id_argument(ev: Evaluator, node: ast.Expr, type_: t.Type, scope: Scope) -> int:
    """A known id of one type."""
    found = ev.value(node, scope)
    if found.type != type_:
        raise Fault("type-mismatch", scope.span(node), f"a {type_} belongs here, this is a {found.type}")
    return found.data


def function_argument(ev: Evaluator, node: ast.Expr, scope: Scope, task: bool) -> FunctionRef:
    """A function, or where `task` a task."""
    found = ev.value(node, scope)
    if not isinstance(found.data, FunctionRef) or (task and not found.data.is_task):
        raise Fault("type-mismatch", scope.span(node), f"a {'task' if task else 'function'} belongs here")
    return found.data


def _register_bind(name: str, type_: t.Type) -> None:
    @builtin(name, 2)
    def handler(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        task = function_argument(ev, node.args[0], scope, task=True)
        number = id_argument(ev, node.args[1], type_, scope)
        return _leave(ev, Bind(SPACES[type_], number, task, scope.span(node)), node, scope)


_register_bind("bind_local_task", t.LOCAL_TASK_ID)
_register_bind("bind_data_task", t.DATA_TASK_ID)
_register_bind("bind_control_task", t.CONTROL_TASK_ID)


def task_use(found: Value, kind: str, span: Span) -> TaskUse:
    """What an id or task handed to activate, block or unblock stands for."""
    if isinstance(found.data, FunctionRef) and found.data.is_task:
        return TaskUse(None, 0, found.data)
    if found.type not in SPACES or (
        kind == "activate" and found.type not in (t.LOCAL_TASK_ID, t.DATA_TASK_ID, t.CONTROL_TASK_ID)
    ):
        raise Fault(
            "type-mismatch", span, f"a value of type {found.type} cannot be {kind}d".replace("blockd", "blocked")
        )
    return TaskUse(SPACES[found.type], found.data)


def _register_state(kind: str) -> None:
    @builtin(kind, 1)
    def handler(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
        use = task_use(ev.value(node.args[0], scope), kind, scope.span(node.args[0]))
        return _leave(ev, StateChange(kind, use, scope.span(node)), node, scope)


for _kind in ("activate", "block", "unblock"):
    _register_state(_kind)


@builtin("initialize_queue", 2)
def initialize_queue(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    queue = ev.value(node.args[0], scope)
    if queue.type not in (t.INPUT_QUEUE, t.OUTPUT_QUEUE):
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a queue belongs here, this is a {queue.type}")
    fields = struct_of(ev, node.args[1], scope)
    color = fields.get("color")
    if type(color) is not Value or color.type != t.COLOR or len(fields) != 1:
        raise Fault("missing-field", scope.span(node.args[1]), "a queue is initialised with .{ .color = ... }")
    effect = QueueColor(queue.type == t.OUTPUT_QUEUE, queue.data, color.data, scope.span(node))
    return _leave(ev, effect, node, scope)


@builtin("set_local_color_config", 2)
def set_local_color_config(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    color = id_argument(ev, node.args[0], t.COLOR, scope)
    config = read_config(ev.value(node.args[1], scope), scope.span(node))
    return _leave(ev, LocalColor(color, config, scope.span(node)), node, scope)


@builtin("set_teardown_handler", 2)
def set_teardown_handler(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    handler = function_argument(ev, node.args[0], scope, task=False)
    color = id_argument(ev, node.args[1], t.COLOR, scope)
    return _leave(ev, TeardownHandler(color, handler, scope.span(node)), node, scope)


@builtin("export_symbol", 1, 2)
def export_symbol(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    target = node.args[0]
    if len(node.args) > 1:
        name = text_of(ev, node.args[1], scope)
    elif isinstance(target, ast.Name):
        name = target.id
    else:
        raise Fault("wrong-arity", scope.span(node), "this symbol needs a name", 'write @export_symbol(..., "name")')
    found = exported(ev, target, scope)
    return _leave(ev, ExportSymbol(name, found, scope.span(node)), node, scope)


def exported(ev: Evaluator, target: ast.Expr, scope: Scope) -> Storage | FunctionRef:
    """The variable or function that an export names."""
    instance: Instance = scope.instance
    name = target
    if isinstance(target, ast.Member):
        module = ev.value(target.object, scope)
        if module.type == t.MODULE:
            instance, name = module.data, target.name
    if isinstance(name, ast.Name):
        found = ev.eval(target, scope)
        if type(found) is Value and isinstance(found.data, FunctionRef):
            return found.data
        storage = instance.storage_of(name.id)
        if storage is not None:
            return storage
    raise Fault("type-mismatch", scope.span(target), "only global variables and functions can be exported")


@builtin("load_to_dsr", 2, 3)
def load_to_dsr(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    dsr, dsd = (ev.value(arg, scope) for arg in node.args[:2])
    check_dsr_load(dsr, dsd.type, node, scope)
    options = struct_of(ev, node.args[2], scope) if len(node.args) > 2 else {}
    known = option_values(options, DSR_OPTIONS, node.args[-1], scope)
    return _leave(ev, InitialDsr(dsr.type, dsr.data, dsd.data, known, scope.span(node)), node, scope)


DSR_OPTIONS = {
    "async", "activate", "unblock", "ut_id", "single_step", "save_address", "on_control", "priority", "index",
}  # fmt: skip


def option_values(options: dict[str, Result], allowed: set[str], node: ast.Expr, scope: Scope) -> dict[str, Any]:
    """The options of a DSD operation: bools as such, ids as `TaskUse`, others as given."""
    where = scope.span(node)
    for name in options:
        if name not in allowed:
            raise Fault("unknown-field", where, f"there is no option {name!r}", suggestion(name, allowed))
    known: dict[str, Any] = {}
    if flag(options, "single_step", lambda _: where):
        raise Fault("unsupported", where, "the simulator has no single_step: an operation runs to its end")
    for name, found in options.items():
        if name in ("async", "save_address"):
            known[name] = flag(options, name, lambda _: where)
        elif name in ("activate", "unblock") and type(found) is Value:
            known[name] = task_use(found, name, where)
        else:
            known[name] = found
    return known


def check_dsr_load(dsr: Value, dsd: t.Type, node: ast.BuiltinCall, scope: Scope) -> None:
    """Refuse a descriptor that does not belong into a register of this file."""
    if dsr.type not in t.DSRS or dsd not in t.DSDS:
        where = scope.span(node)
        raise Fault("type-mismatch", where, f"@load_to_dsr takes a DSR and a DSD, not {dsr.type} and {dsd}")
    destination = dsr.type.name in ("dsr_dest", "dsr_fifo_dest")
    if dsd == (t.FABIN if destination else t.FABOUT):
        raise Fault(
            "dsr-direction",
            scope.span(node),
            f"a {dsd} cannot be loaded into a {dsr.type}",
            "fabout goes into dsr_dest, fabin into dsr_src0 or dsr_src1",
        )


@builtin("pyflame_symbol", 2)
def symbol(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    name, pointer = text_of(ev, node.args[0], scope), ev.value(node.args[1], scope)
    if not isinstance(pointer.data, Pointer):
        raise Fault("type-mismatch", scope.span(node.args[1]), f"a pointer belongs here, this is a {pointer.type}")
    return _leave(ev, SymbolName(name, pointer.data.storage, scope.span(node)), node, scope)
