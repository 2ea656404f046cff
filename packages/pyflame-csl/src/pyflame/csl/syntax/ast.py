"""The syntax tree. Positions are byte offsets into the source and take no part in comparison.

Types are expressions here, as in the language: `[4]f32`, `*const T` and `fn(u16) void` may stand where a value may.
A tree is never deeper than `MAX_HEIGHT`, so walking it recursively is safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from .source import Source

MAX_HEIGHT = 200


@dataclass(slots=True)
class Node:
    """What all nodes have: the bytes `start:end` of the source they were read from."""

    start: int = field(compare=False, repr=False)
    end: int = field(compare=False, repr=False)


@dataclass(slots=True)
class ErrorNode(Node):
    """A stretch of source that is no valid item, statement or expression; a diagnostic tells why."""


# Expressions


@dataclass(slots=True)
class Name(Node):
    """An identifier: a use, or the name in a declaration."""

    id: str


@dataclass(slots=True)
class IntLiteral(Node):
    value: int


@dataclass(slots=True)
class FloatLiteral(Node):
    value: float


@dataclass(slots=True)
class StringLiteral(Node):
    """`value` has its escapes replaced."""

    value: str


@dataclass(slots=True)
class BoolLiteral(Node):
    value: bool


@dataclass(slots=True)
class NullLiteral(Node):
    """`null`."""


@dataclass(slots=True)
class UndefinedLiteral(Node):
    """`undefined`."""


@dataclass(slots=True)
class VoidLiteral(Node):
    """`{}` where a value stands: the only value of type void."""


@dataclass(slots=True)
class EnumLiteral(Node):
    """`.name`: a member of an enum type that the context gives."""

    name: Name


@dataclass(slots=True)
class FieldInit(Node):
    """One entry of a `StructLiteral`; `name` is None for a positional one."""

    name: Name | None
    value: Expr


@dataclass(slots=True)
class StructLiteral(Node):
    """`.{ .a = 1, 2 }`, with `type` set for `T{ .a = 1 }`."""

    type: Expr | None
    fields: list[FieldInit]


@dataclass(slots=True)
class ArrayLiteral(Node):
    """`[2]u16 { 1, 2 }`."""

    type: ArrayType
    elements: list[Expr]


@dataclass(slots=True)
class Unary(Node):
    """`op` is one of `-` `-%` `!` `~` `&`."""

    op: str
    operand: Expr


@dataclass(slots=True)
class Binary(Node):
    """`op` as written: arithmetic, bit, shift, comparison, `and`, `or`, `++`, `**`."""

    op: str
    left: Expr
    right: Expr


@dataclass(slots=True)
class Call(Node):
    callee: Expr
    args: list[Expr]


@dataclass(slots=True)
class BuiltinCall(Node):
    """`@name(args)`; `name` is without the `@`."""

    name: str
    args: list[Expr]


@dataclass(slots=True)
class Member(Node):
    """`object.name`."""

    object: Expr
    name: Name


@dataclass(slots=True)
class Deref(Node):
    """`pointer.*`."""

    pointer: Expr


@dataclass(slots=True)
class Index(Node):
    """`object[i]`, or `object[i, j]` for an array of rank 2."""

    object: Expr
    indices: list[Expr]


@dataclass(slots=True)
class Slice(Node):
    """`object[begin..stop]`; `stop` is None for an open end."""

    object: Expr
    begin: Expr
    stop: Expr | None


@dataclass(slots=True)
class Range(Node):
    """`low...high` in a prong of a `Switch`, both ends included."""

    low: Expr
    high: Expr


@dataclass(slots=True)
class TensorAccess(Node):
    """`|i, j|{4, 8} -> A[i, j]`."""

    variables: list[Name]
    extents: list[Expr]
    target: Expr


@dataclass(slots=True)
class ComptimeExpr(Node):
    """`comptime value`."""

    value: Expr


@dataclass(slots=True)
class IfExpr(Node):
    """`if (condition) a else b` where a value stands."""

    condition: Expr
    then: Expr
    orelse: Expr | None


# Types


@dataclass(slots=True)
class ArrayType(Node):
    """`[m, n]T`."""

    dims: list[Expr]
    element: Expr


@dataclass(slots=True)
class PointerType(Node):
    """`*T`, or `[*]T` if `many`."""

    many: bool
    const: bool
    target: Expr


@dataclass(slots=True)
class FnType(Node):
    """`fn(u16) void` and `task(u16) void`; `kind` is the keyword."""

    kind: str
    params: list[Param]
    result: Expr


@dataclass(slots=True)
class EnumMember(Node):
    name: Name
    value: Expr | None


@dataclass(slots=True)
class EnumType(Node):
    """`enum(u16) { A, B = 4 }`."""

    tag: Expr | None
    members: list[EnumMember]


@dataclass(slots=True)
class FieldDecl(Node):
    name: Name
    type: Expr
    default: Expr | None


@dataclass(slots=True)
class ContainerType(Node):
    """`struct { a: u16, }` and `union { ... }`; `kind` is the keyword, `modifier` `packed`, `extern` or empty."""

    kind: str
    modifier: str
    members: list[FieldDecl | Item]


# Statements


@dataclass(slots=True)
class Block(Node):
    """`{ ... }`; with a label it may also stand as an expression, left by `break :label value`."""

    body: list[Statement]
    label: str | None = None


@dataclass(slots=True)
class ExprStatement(Node):
    value: Expr


@dataclass(slots=True)
class Assign(Node):
    """`target op value;` where `op` is `=`, `+=` and so on."""

    op: str
    target: Expr
    value: Expr


@dataclass(slots=True)
class If(Node):
    """`if (condition) then else orelse`; neither side need be a block."""

    condition: Expr
    then: Statement
    orelse: Statement | None


@dataclass(slots=True)
class While(Node):
    """`while (condition) : (step) body`."""

    condition: Expr
    step: Statement | None
    body: Statement
    label: str | None = None
    inline: bool = False


@dataclass(slots=True)
class For(Node):
    """`for (iterable) |value, index| body`."""

    iterable: Expr
    captures: list[Name]
    body: Statement
    label: str | None = None
    inline: bool = False


@dataclass(slots=True)
class Prong(Node):
    """One arm of a `Switch`; no `items` means `else`."""

    items: list[Expr]
    body: Statement | Expr


@dataclass(slots=True)
class Switch(Node):
    """`switch (subject) { 0 => ..., else => ... }`, as statement and as expression."""

    subject: Expr
    prongs: list[Prong]


@dataclass(slots=True)
class Break(Node):
    label: str | None
    value: Expr | None


@dataclass(slots=True)
class Continue(Node):
    label: str | None


@dataclass(slots=True)
class Return(Node):
    value: Expr | None


# Declarations


@dataclass(slots=True)
class Param(Node):
    """A parameter of a function or task; `name` is None in a type such as `fn(u16) void`."""

    name: Name | None
    type: Expr
    comptime: bool = False


@dataclass(slots=True)
class VarDecl(Node):
    """`const` or, if `mutable`, `var`; global or local."""

    name: Name
    type: Expr | None
    value: Expr | None
    mutable: bool
    align: Expr | None = None
    linksection: Expr | None = None
    export: bool = False
    extern: bool = False
    comptime: bool = False


@dataclass(slots=True)
class ParamDecl(Node):
    """`param name: type = default;`."""

    name: Name
    type: Expr | None
    default: Expr | None


@dataclass(slots=True)
class FnDecl(Node):
    """`body` is None for `extern fn`."""

    name: Name
    params: list[Param]
    result: Expr | None
    body: Block | None
    export: bool = False
    extern: bool = False
    inline: bool = False


@dataclass(slots=True)
class TaskDecl(Node):
    name: Name
    params: list[Param]
    result: Expr | None
    body: Block


@dataclass(slots=True)
class ComptimeBlock(Node):
    """`comptime { ... }`, at the top or as a statement."""

    body: Block


@dataclass(slots=True)
class LayoutBlock(Node):
    """`layout { ... }`."""

    body: Block


@dataclass(slots=True)
class Comment:
    """`//` up to the end of its line."""

    start: int
    end: int


@dataclass(slots=True)
class Module(Node):
    """A whole file."""

    items: list[Item]
    source: Source = field(compare=False, repr=False)
    comments: list[Comment] = field(compare=False, repr=False)


Expr: TypeAlias = (
    Name | IntLiteral | FloatLiteral | StringLiteral | BoolLiteral | NullLiteral | UndefinedLiteral | VoidLiteral
    | EnumLiteral | StructLiteral | ArrayLiteral | Unary | Binary | Call | BuiltinCall | Member | Deref | Index | Slice
    | Range | TensorAccess | ComptimeExpr | IfExpr | Switch | Block | ArrayType | PointerType | FnType | EnumType
    | ContainerType | ErrorNode
)  # fmt: skip
Statement: TypeAlias = (
    Block | ExprStatement | Assign | If | While | For | Switch | Break | Continue | Return | VarDecl | ComptimeBlock
    | ErrorNode
)  # fmt: skip
Item: TypeAlias = VarDecl | ParamDecl | FnDecl | TaskDecl | ComptimeBlock | LayoutBlock | ErrorNode


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly below `node`, in the order of the source."""
    for name in FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, Node):
                    yield entry


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and everything below it, parents first."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(list(children(current)))


FIELDS = {
    kind: [entry.name for entry in fields(kind) if entry.name not in {"start", "end", "source", "comments"}]
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Node)
}
