import pytest

from pyflame.csl import CSLError, parse
from pyflame.csl.syntax import ast


def body(text):
    return parse(f"fn f() void {{ {text} }}").items[0].body.body


def one(text):
    (statement,) = body(text)
    return statement


@pytest.mark.parametrize("op", ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="])
def test_assignments(op):
    node = one(f"a[i].b {op} 1;")
    assert isinstance(node, ast.Assign) and node.op == op


def test_if_with_and_without_braces():
    node = one("if (a) x = 1 else if (b) f() else { y = 2; }")
    assert isinstance(node.then, ast.Assign)
    assert isinstance(node.orelse, ast.If) and isinstance(node.orelse.orelse, ast.Block)
    assert one("if (a) x = 1;").orelse is None


def test_statements_of_blocks_need_no_semicolon():
    found = body("if (a) {} while (b) {} for (c) |i| {} switch (d) {} { } comptime {} x = 1;")
    assert [type(node).__name__ for node in found] == [
        *("If", "While", "For", "Switch", "Block", "ComptimeBlock", "Assign"),
    ]


def test_loops():
    node = one("while (i < 4) : (i += 1) f();")
    assert isinstance(node.step, ast.Assign) and isinstance(node.body, ast.ExprStatement)
    node = one("outer: for (values) |_, i| { continue :outer; }")
    assert node.label == "outer" and [name.id for name in node.captures] == ["_", "i"]
    assert one("inline while (true) {}").inline


def test_prongs_of_a_statement_hold_statements():
    node = one("switch (s) { 0 => f(x), 1 => { y = 1; }, 2, 3 => z = 2, .A => return, else => void }")
    assert [type(prong.body).__name__ for prong in node.prongs] == ["Call", "Block", "Assign", "Return", "Name"]


def test_jumps():
    values = body("return; return 1; break; break :l 2; continue;")
    assert values[1].value == ast.IntLiteral(0, 0, 1)
    assert (values[3].label, values[3].value) == ("l", ast.IntLiteral(0, 0, 2))


def test_locals():
    const, var, known = body("const a: u16 = 1; var b align(16) = 2; comptime var c = 3;")
    assert (const.mutable, var.mutable, known.comptime) == (False, True, True)
    assert var.align == ast.IntLiteral(0, 0, 16)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f() g();", "expected ';', found 'g'"),
        ("f(;", r"expected a value or type, found ';'"),
        ("if a { }", r"expected '\(' after 'if'"),
        ("x = ;", "expected a value or type"),
        ("l: 3;", "a loop or block after the label 'l'"),
        ("inline 3;", "after 'inline'"),
        ("const = 1;", "expected a name, found '='"),
    ],
)
def test_errors_say_what_was_wanted(text, message):
    with pytest.raises(CSLError, match=message):
        body(text)
