"""Builtins that give hardware ids, and the ranges they must lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax import ast
from . import types as t
from .faults import Fault
from .registry import builtin
from .scope import Result, Scope
from .values import Value

if TYPE_CHECKING:
    from .evaluator import Evaluator

COLORS = 24
# type: (lowest, highest) per architecture
RANGES: dict[str, dict[t.Type, tuple[int, int]]] = {
    "wse2": {
        t.COLOR: (0, COLORS - 1), t.INPUT_QUEUE: (0, 7), t.OUTPUT_QUEUE: (0, 5), t.LOCAL_TASK_ID: (0, 30),
        t.CONTROL_TASK_ID: (0, 63), t.DATA_TASK_ID: (0, COLORS - 1),
    },
    "wse3": {
        t.COLOR: (0, COLORS - 1), t.INPUT_QUEUE: (0, 7), t.OUTPUT_QUEUE: (0, 7), t.LOCAL_TASK_ID: (8, 30),
        t.CONTROL_TASK_ID: (0, 63), t.DATA_TASK_ID: (0, 7), t.UT_ID: (0, 7),
    },
}  # fmt: skip
DSR_COUNT = 16


def make_id(ev: Evaluator, type_: t.Type, node: ast.BuiltinCall, scope: Scope) -> Value:
    """An id of `type_` from a known number."""
    allowed = RANGES[ev.session.arch].get(type_)
    if allowed is None:
        raise Fault("value-range", scope.span(node), f"{ev.session.arch} has no {type_}", "guard it with @is_arch")
    number = ev.integer(node.args[0], scope)
    low, high = allowed
    if not low <= number <= high:
        raise Fault(
            "value-range", scope.span(node), f"{number} is no {type_} of {ev.session.arch}: {low} to {high} are"
        )
    return Value(type_, number)


def _register(name: str, type_: t.Type) -> None:
    @builtin(name, 1)
    def handler(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
        return make_id(ev, type_, node, scope)


_register("get_color", t.COLOR)
_register("get_input_queue", t.INPUT_QUEUE)
_register("get_output_queue", t.OUTPUT_QUEUE)
_register("get_ut_id", t.UT_ID)
_register("get_local_task_id", t.LOCAL_TASK_ID)
_register("get_control_task_id", t.CONTROL_TASK_ID)


@builtin("get_data_task_id", 1)
def get_data_task_id(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    found = ev.value(node.args[0], scope)
    wanted = t.COLOR if ev.session.arch == "wse2" else t.INPUT_QUEUE
    if found.type != wanted:
        raise Fault(
            "type-mismatch",
            scope.span(node.args[0]),
            f"data tasks of {ev.session.arch} hang on a value of type {wanted}, this is a {found.type}",
            "choose with @is_arch",
        )
    return Value(t.DATA_TASK_ID, found.data)


@builtin("get_int", 1)
def get_int(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    found = ev.value(node.args[0], scope)
    if found.type not in t.IDS and found.type != t.DIRECTION and not isinstance(found.type, t.EnumType):
        raise Fault("type-mismatch", scope.span(node.args[0]), f"@get_int takes an id, this is a {found.type}")
    return Value(t.U16, found.data)


@builtin("get_dsr", 2)
def get_dsr(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
    type_ = ev.type(node.args[0], scope)
    if type_ not in t.DSRS:
        raise Fault("type-mismatch", scope.span(node.args[0]), f"a kind of DSR belongs here, this is {type_}")
    number = ev.integer(node.args[1], scope)
    if not 0 <= number < DSR_COUNT:
        raise Fault("too-many-dsrs", scope.span(node), f"there is no {type_} {number}: a file has {DSR_COUNT}")
    return Value(type_, number)
