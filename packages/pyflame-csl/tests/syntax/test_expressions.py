import pytest

from pyflame.csl import parse
from pyflame.csl.syntax import ast


def expression(text):
    return parse(f"const x = {text};").items[0].value


def shape(node):
    """An expression as nested tuples of its operators."""
    if isinstance(node, ast.Binary):
        return node.op, shape(node.left), shape(node.right)
    if isinstance(node, ast.Unary):
        return node.op, shape(node.operand)
    return node.id if isinstance(node, ast.Name) else node.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", ("+", "a", ("*", "b", "c"))),
        ("a * b + c", ("+", ("*", "a", "b"), "c")),
        ("a - b - c", ("-", ("-", "a", "b"), "c")),
        ("(a - (b)) - c", ("-", ("-", "a", "b"), "c")),
        ("a - (b - c)", ("-", "a", ("-", "b", "c"))),
        ("a << b + c", ("<<", "a", ("+", "b", "c"))),
        ("a & b == c", ("==", ("&", "a", "b"), "c")),
        ("a or b and c == d | e << f + g * -h",
         ("or", "a", ("and", "b", ("==", "c", ("|", "d", ("<<", "e", ("+", "f", ("*", "g", ("-", "h"))))))))),
        ("a * b + c << d | e == f and g or h",
         ("or", ("and", ("==", ("|", ("<<", ("+", ("*", "a", "b"), "c"), "d"), "e"), "f"), "g"), "h")),
        ("- -a", ("-", ("-", "a"))),
        ("!a and ~b == c", ("and", ("!", "a"), ("==", ("~", "b"), "c"))),
    ],
)  # fmt: skip
def test_precedence(text, expected):
    assert shape(expression(text)) == expected


def test_suffixes_bind_tighter_than_prefixes():
    node = expression("-a.b[1].*(2)")
    assert isinstance(node, ast.Unary)
    call = node.operand
    assert isinstance(call, ast.Call) and isinstance(call.callee, ast.Deref)
    assert isinstance(call.callee.pointer, ast.Index) and isinstance(call.callee.pointer.object, ast.Member)


def test_struct_literals_mix_named_and_positional_fields():
    node = expression(".{ .a = 1, 2, .b = .{}, .C, }")
    assert [field.name.id if field.name else None for field in node.fields] == ["a", None, "b", None]
    assert isinstance(node.fields[2].value, ast.StructLiteral)
    assert node.fields[3].value == ast.EnumLiteral(0, 0, ast.Name(0, 0, "C"))


def test_a_type_before_braces_makes_its_literal():
    array = expression("[2]u16{ 1, 2 }")
    assert isinstance(array, ast.ArrayLiteral) and len(array.elements) == 2
    struct = expression("m.Point{ .x = 1 }")
    assert isinstance(struct, ast.StructLiteral) and isinstance(struct.type, ast.Member)


def test_indices_of_higher_rank_and_slices():
    assert len(expression("a[i, j + 1]").indices) == 2
    assert expression("a[1..]").stop is None
    assert expression("a[1..n]").stop == ast.Name(0, 0, "n")


def test_tensor_access():
    node = expression("|i, j|{ 4, N } -> A[i, 2 * j]")
    assert [name.id for name in node.variables] == ["i", "j"] and len(node.extents) == 2
    assert isinstance(node.target, ast.Index)


def test_if_is_an_expression_with_or_without_else():
    node = expression("if (a) 1 else if (b) 2")
    assert isinstance(node.orelse, ast.IfExpr) and node.orelse.orelse is None


def test_comptime_takes_the_whole_expression():
    assert isinstance(expression("comptime a + 1").value, ast.Binary)


def test_empty_braces_are_the_void_value_and_others_a_block():
    assert isinstance(expression("f({})").args[0], ast.VoidLiteral)
    block = expression("blk: { break :blk 1; }")
    assert isinstance(block, ast.Block) and block.label == "blk" and isinstance(block.body[0], ast.Break)


def test_keywords_are_names_behind_a_dot():
    assert expression(".{ .align = a.export }").fields[0].name.id == "align"


def test_a_switch_expression_has_values_in_its_prongs():
    node = expression("switch (a) { 0, 2 => 1, 5...9 => 2, else => 3 }")
    assert [len(prong.items) for prong in node.prongs] == [2, 1, 0]
    assert isinstance(node.prongs[1].items[0], ast.Range)
    assert node.prongs[2].body == ast.IntLiteral(0, 0, 3)


def test_builtins_have_arguments_of_any_kind():
    node = expression("@get_dsd(mem1d_dsd, .{ .tensor_access = |i|{N} -> A[i] },)")
    assert node.name == "get_dsd" and len(node.args) == 2
