"""Builtins of the layout block: the rectangle, its tiles, routes and exported names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..syntax import ast
from ..syntax.source import Span
from . import types as t
from .builtins import struct_of, text_of
from .effects import id_argument
from .faults import Fault
from .registry import builtin
from .routes import RouteConfig, read_config
from .scope import Result, Scope
from .values import VOID_VALUE, Value, copied

if TYPE_CHECKING:
    from .evaluator import Evaluator

Want = t.Type | None
MAX_PES = 757 * 1172


@dataclass
class Tile:
    """What runs on one PE."""

    path: str
    params: dict[str, Value]
    span: Span


@dataclass
class ExportName:
    type: t.Type
    writable: bool
    span: Span


@dataclass
class Layout:
    """What the layout block has said."""

    tiles: dict[tuple[int, int], Tile] = field(default_factory=dict)
    colors: dict[tuple[int, int], dict[int, RouteConfig]] = field(default_factory=dict)
    exports: dict[str, ExportName] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)  # names that some PE exports
    span: Span | None = None


def _layout(ev: Evaluator, node: ast.BuiltinCall, scope: Scope) -> Layout:
    if ev.session.layout is None:
        raise Fault("wrong-context", scope.span(node), f"@{node.name} belongs into the layout block")
    return ev.session.layout


@builtin("set_rectangle", 2)
def set_rectangle(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    layout = _layout(ev, node, scope)
    if ev.session.rectangle is not None:
        raise Fault("duplicate-name", scope.span(node), "the rectangle is set twice")
    width, height = (ev.integer(arg, scope) for arg in node.args)
    if width < 1 or height < 1 or width * height > MAX_PES:
        raise Fault("value-range", scope.span(node), f"a rectangle of {width} x {height} PEs is impossible")
    ev.session.rectangle = (width, height)
    layout.span = scope.span(node)
    return VOID_VALUE


def _position(ev: Evaluator, node: ast.BuiltinCall, scope: Scope) -> tuple[int, int]:
    if ev.session.rectangle is None:
        raise Fault("wrong-context", scope.span(node), "the rectangle is not set yet", "call @set_rectangle first")
    x, y = (ev.integer(arg, scope) for arg in node.args[:2])
    width, height = ev.session.rectangle
    if not (0 <= x < width and 0 <= y < height):
        raise Fault(
            "outside-rectangle", scope.span(node), f"PE ({x}, {y}) is outside of the {width} x {height} rectangle"
        )
    return x, y


@builtin("set_tile_code", 3, 4)
def set_tile_code(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    layout = _layout(ev, node, scope)
    at = _position(ev, node, scope)
    if at in layout.tiles:
        raise Fault("duplicate-name", scope.span(node), f"PE {at} has its code set twice")
    path = text_of(ev, node.args[2], scope)
    given = struct_of(ev, node.args[3], scope) if len(node.args) > 3 else {}
    params = {name: copied(value) for name, value in given.items() if type(value) is Value}
    resolved = ev.session.resolve(path, scope.instance, scope.span(node.args[2]))
    layout.tiles[at] = Tile(resolved, params, scope.span(node))
    return VOID_VALUE


@builtin("set_color_config", 4)
def set_color_config(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    layout = _layout(ev, node, scope)
    at = _position(ev, node, scope)
    color = id_argument(ev, node.args[2], t.COLOR, scope)
    layout.colors.setdefault(at, {})[color] = read_config(ev.value(node.args[3], scope), scope.span(node))
    return VOID_VALUE


@builtin("export_name", 2, 3)
def export_name(ev: Evaluator, node: ast.BuiltinCall, scope: Scope, want: Want) -> Result:
    layout = _layout(ev, node, scope)
    name = text_of(ev, node.args[0], scope)
    type_ = ev.type(node.args[1], scope)
    writable = False
    if len(node.args) > 2:
        found = ev.value(node.args[2], scope)
        if found.type != t.BOOL:
            raise Fault("type-mismatch", scope.span(node.args[2]), f"a bool belongs here, this is a {found.type}")
        writable = found.data
    if name in layout.exports:
        raise Fault("duplicate-name", scope.span(node), f"{name!r} is exported twice")
    layout.exports[name] = ExportName(type_, writable, scope.span(node))
    return VOID_VALUE
