"""The evaluator of what is known while compiling: a tree walk over expressions and statements."""

from __future__ import annotations

from ..syntax import ast
from .access import Access
from .base import Base
from .calls import Calls
from .literals import Literals
from .operators import Operators
from .statements import Statements
from .structs import Structs


class Evaluator(Calls, Statements, Operators, Structs, Access, Literals, Base):
    """Evaluates comptime code."""

    HANDLERS = {
        ast.Name: Literals.name,
        ast.IntLiteral: Literals.int_literal,
        ast.FloatLiteral: Literals.float_literal,
        ast.StringLiteral: Literals.string_literal,
        ast.BoolLiteral: Literals.bool_literal,
        ast.VoidLiteral: Literals.void_literal,
        ast.EnumLiteral: Literals.enum_literal,
        ast.StructLiteral: Literals.struct_literal,
        ast.ArrayLiteral: Literals.array_literal,
        ast.Unary: Operators.unary,
        ast.Binary: Operators.binary,
        ast.Call: Calls.call,
        ast.BuiltinCall: Calls.builtin_call,
        ast.Member: Access.member,
        ast.Deref: Access.deref,
        ast.Index: Access.index,
        ast.TensorAccess: Literals.tensor_access,
        ast.ComptimeExpr: Literals.comptime_expr,
        ast.IfExpr: Operators.if_expr,
        ast.Switch: Operators.switch_expr,
        ast.Block: Literals.block_value,
        ast.ArrayType: Literals.array_type,
        ast.PointerType: Literals.pointer_type,
        ast.FnType: Literals.fn_type,
        ast.EnumType: Literals.enum_type,
        ast.NullLiteral: Literals.refuse,
        ast.UndefinedLiteral: Literals.refuse,
        ast.Slice: Literals.refuse,
        ast.Range: Literals.refuse,
        ast.ContainerType: Structs.container_type,
        ast.ErrorNode: Literals.refuse,
    }
    STATEMENTS = {
        ast.Block: Statements.block,
        ast.ExprStatement: Statements.expression_statement,
        ast.Assign: Statements.assign,
        ast.If: Statements.if_statement,
        ast.While: Statements.while_statement,
        ast.For: Statements.for_statement,
        ast.Switch: Statements.switch_statement,
        ast.Break: Statements.break_statement,
        ast.Continue: Statements.continue_statement,
        ast.Return: Statements.return_statement,
        ast.VarDecl: Statements.declare,
        ast.ComptimeBlock: Statements.comptime_block,
        ast.ErrorNode: Statements.error_statement,
    }
