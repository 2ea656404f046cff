"""What each brace, dot, bar and star of a source is, for the formatter: read off the tree."""

from __future__ import annotations

from bisect import bisect_left

from . import ast
from .lexer import Tokens


class Roles:
    """Sets of token starts.

    Attributes:
        lines: tokens that always start a line: items, statements and the closing braces of their blocks.
        bodies: prongs, and statements that are the body of another without being a block.
        joined: tokens that never start one: braces of blocks, and `else` behind a brace.
        flush: `else` of statements, which stands below its `if` where it starts a line.
        prefixes: operators without a space behind them.
        dots: dots that start a field or literal instead of following an object.
        types: brackets that start a type.
        literals: opening braces right behind their type, or behind a dot.
        tight: opening braces without spaces inside: the extents of a tensor access.
        opening, closing: `|` before and behind names.
    """

    def __init__(self, module: ast.Module, tokens: Tokens) -> None:
        self.text, self.kinds, self.starts = module.source.text, tokens.kinds, tokens.starts
        self.lines: set[int] = set()
        self.bodies: set[int] = set()
        self.joined: set[int] = set()
        self.flush: set[int] = set()
        self.prefixes: set[int] = set()
        self.dots: set[int] = set()
        self.types: set[int] = set()
        self.literals: set[int] = set()
        self.tight: set[int] = set()
        self.opening: set[int] = set()
        self.closing: set[int] = set()
        for node in ast.walk(module):
            self._visit(node)

    def _at(self, offset: int) -> int:
        """The number of the first token at or behind `offset`."""
        return bisect_left(self.starts, offset)

    def _visit(self, node: ast.Node) -> None:
        match node:
            case ast.Module():
                self.lines.update(item.start for item in node.items)
            case ast.Block():
                self._block(node)
            case ast.Unary() | ast.PointerType(many=False):
                self.prefixes.add(node.start)
            case ast.ArrayType() | ast.PointerType():
                self.types.add(node.start)
            case ast.EnumLiteral():
                self.dots.add(node.start)
            case ast.FieldInit(name=ast.Name()):
                self.dots.add(node.start)
            case ast.StructLiteral(type=None):
                self.dots.add(node.start)
                self.literals.add(self.starts[self._at(node.start) + 1])
            case ast.StructLiteral(type=kind) | ast.ArrayLiteral(type=kind):
                assert kind is not None
                self.literals.add(self.starts[self._at(kind.end)])
            case ast.TensorAccess():
                brace = self.kinds.index("{", self._at(node.start))
                self._bars(self._at(node.start), brace - 1)
                self.tight.add(self.starts[brace])
            case ast.While():
                self.bodies.add(node.body.start)
            case ast.Prong():
                self.bodies.add(node.start)
            case ast.For():
                self.bodies.add(node.body.start)
                last = self._at(node.body.start) - 1
                self._bars(last - 2 * len(node.captures), last)
            case ast.If():
                self.bodies.add(node.then.start)
                if node.orelse is not None:
                    self._else(self._at(node.orelse.start) - 1)
                    self.bodies.add(node.orelse.start)
            case _:
                pass

    def _bars(self, first: int, last: int) -> None:
        self.opening.add(self.starts[first])
        self.closing.add(self.starts[last])

    def _block(self, node: ast.Block) -> None:
        brace = self.kinds.index("{", self._at(node.start))
        self.joined.add(self.starts[brace])
        if len(node.body) > 1 or "\n" in self.text[node.start : node.end]:
            self.lines.update(statement.start for statement in node.body)
            self.lines.add(node.end - 1)

    def _else(self, word: int) -> None:
        self.flush.add(self.starts[word])
        if self.kinds[word - 1] == "}":
            self.joined.add(self.starts[word])
