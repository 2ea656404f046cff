import pytest

from pyflame.csl import CSLError, Source, parse
from pyflame.csl.syntax import ast
from pyflame.csl.syntax.parser import parse_source


def recover(text):
    """The kinds of the items, and the codes and lines of what is reported."""
    module, diagnostics = parse_source(Source(text))
    return [type(item).__name__ for item in module.items], [(found.code, found.span.line) for found in diagnostics]


def test_the_tree_has_spans_in_bytes():
    source = "// é\nvar x: u16 = a + 1;"
    module = parse(source)
    value = module.items[0].value
    assert source.encode()[value.start : value.end] == b"a + 1"
    assert module.comments[0].end == 5


def test_parse_raises_with_all_errors():
    with pytest.raises(CSLError) as caught:
        parse("var x = ;\nvar y = ;", "f.csl")
    assert [found.span.line for found in caught.value.diagnostics] == [1, 2]
    assert "f.csl:1:9" in str(caught.value)


def test_an_error_in_a_statement_leaves_the_next_ones_whole():
    module, diagnostics = parse_source(Source("fn f() void {\n  g(a.;\n  b = ) 1;\n  c = 2;\n}\nvar y = 3;"))
    assert len(diagnostics) == 2
    body = module.items[0].body.body
    assert body[-1] == ast.Assign(0, 0, "=", ast.Name(0, 0, "c"), ast.IntLiteral(0, 0, 2))
    assert isinstance(module.items[1], ast.VarDecl)


def test_what_stands_before_an_error_is_in_the_tree():
    module, _ = parse_source(Source("fn f() void { lib. }"))
    member = module.items[0].body.body[0].value
    assert isinstance(member, ast.Member) and member.object == ast.Name(0, 0, "lib") and member.name.id == ""


def test_a_missing_semicolon_is_reported_behind_the_statement():
    kinds, found = recover("var a = 1\nvar b = 2;\n")
    assert kinds == ["VarDecl", "VarDecl"] and found == [("expected-token", 1)]


def test_a_missing_brace_ends_at_the_next_item():
    kinds, found = recover("fn f() void {\n  if (a) {\n    x = 1;\n\nfn g() void {}\nparam p: u16;\n")
    assert kinds == ["FnDecl", "FnDecl", "ParamDecl"] and len(found) == 1


def test_garbage_between_items_is_skipped():
    kinds, found = recover("var a = 1;\n} ? foo { bar; } baz\nvar b = 2;")
    assert kinds[0] == kinds[-1] == "VarDecl" and "ErrorNode" in kinds and found


@pytest.mark.parametrize(
    "text",
    [
        *("(" * 20000, "{" * 20000, "[" * 20000, "fn f() void " + "{" * 20000, "const x = " + "-" * 20000),
        *("const x = " + "a." * 20000, "const x = " + "1 + " * 20000 + "1;", "const x: " + "*" * 20000 + "u8;"),
        "const x: " + "[1]" * 20000 + "u8;",
        "fn f() void { " + "if (a) " * 20000,
        "fn f() void { " + "if (a) {" * 20000,
        "fn f() void { " + "if (a) x = 1 else " * 20000,
        "const x = " + "task(" * 20000,
        "const x = " + "fn(" * 20000,
        "const x = " + "if (a) b else " * 5000,
        "const x = " + ".{ .a = " * 20000,
        "const x = " + "struct { a: " * 5000,
        "fn f() void { " + "switch (a) { 0 => " * 5000,
        "const x = " + "comptime " * 20000,
        "fn f() void { " + "while (a) " * 20000,
    ],
    ids=lambda text: text[:24],
)
def test_deep_nesting_is_a_report(text):
    module, diagnostics = parse_source(Source(text))
    assert diagnostics
    level, height = [module], 0
    while level:
        level = [child for parent in level for child in ast.children(parent)]
        height += 1
    assert height <= ast.MAX_HEIGHT


def test_a_long_sum_is_cut_and_told():
    module, diagnostics = parse_source(Source("const x = " + " + ".join("abcde" * 200) + ";\nconst y = 1;"))
    assert [found.code for found in diagnostics] == ["nested-too-deep"]
    assert isinstance(module.items[0], ast.ErrorNode) and isinstance(module.items[1], ast.VarDecl)


def test_ordinary_nesting_is_not_too_deep():
    nested = "".join(f"{'  ' * depth}if (a) {{\n" for depth in range(40)) + "x = 1;" + "}" * 40
    total = " + ".join(["a"] * 150)
    assert parse(f"fn f() void {{ {nested} }}\nconst x = {total};")
    assert parse(f"const x = {'(' * 60}a{')' * 60};")


def test_comparison_ignores_positions():
    assert parse("var x=1;") == parse("var  x = (1);")
    assert parse("var x=1;") != parse("var x=2;")
