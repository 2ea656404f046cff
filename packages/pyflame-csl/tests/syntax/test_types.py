import pytest

from pyflame.csl import parse
from pyflame.csl.syntax import ast


def of(text):
    return parse(f"var x: {text};").items[0].type


def test_arrays_and_pointers():
    assert of("[4, N]f32") == ast.ArrayType(0, 0, [ast.IntLiteral(0, 0, 4), ast.Name(0, 0, "N")], ast.Name(0, 0, "f32"))
    assert of("[*]f32") == ast.PointerType(0, 0, True, False, ast.Name(0, 0, "f32"))
    assert of("*const [4]f32").const
    assert of("[2][3]u16").element.dims == [ast.IntLiteral(0, 0, 3)]
    double = of("**u16")
    assert isinstance(double.target, ast.PointerType) and double.end - double.start == 5


@pytest.mark.parametrize("kind", ["fn", "task"])
def test_function_types(kind):
    node = of(f"{kind} (u16, a: *f32) void")
    assert isinstance(node, ast.FnType) and node.kind == kind
    assert [param.name.id if param.name else None for param in node.params] == [None, "a"]


def test_a_function_type_is_an_argument():
    call = parse('layout { @export_name("f", fn()void, true); }').items[0].body.body[0].value
    assert isinstance(call.args[1], ast.FnType) and len(call.args) == 3


def test_a_function_may_be_called_task():
    assert isinstance(parse("const x = task(1) + 1;").items[0].value, ast.Binary)


def test_enums():
    node = parse("const E = enum(u16) { A, B = 4, };").items[0].value
    assert [(member.name.id, member.value) for member in node.members] == [("A", None), ("B", ast.IntLiteral(0, 0, 4))]


def test_structs_and_unions():
    node = parse("const S = packed struct { a: u8, b: u8 = 1, fn f() void {} };").items[0].value
    assert (node.kind, node.modifier, len(node.members)) == ("struct", "packed", 3)
    assert parse("const U = extern union { a: u32, b: f32 };").items[0].value.kind == "union"


def test_types_may_be_computed():
    assert isinstance(of("@type_of(y)"), ast.BuiltinCall)
    assert isinstance(of("lib.T"), ast.Member)
