import pytest

from pyflame.csl import CSLError, parse
from pyflame.csl.syntax import ast


def item(text):
    (found,) = parse(text).items
    return found


def test_parameters():
    assert item("param x;") == ast.ParamDecl(0, 0, ast.Name(0, 0, "x"), None, None)
    assert item("param f: fn() void = g;").default == ast.Name(0, 0, "g")


def test_variables():
    node = item('export var x: [4]f32 align(16) linksection("a") = @zeros([4]f32);')
    assert node.export and node.mutable and node.align and node.linksection and node.value
    assert item("extern const y: u16;").extern


def test_functions_and_tasks():
    node = item("export fn f(a: u16, comptime T: type, b: anytype) T { return a; }")
    assert node.export and [param.comptime for param in node.params] == [False, True, False]
    assert item("extern fn g(u16) void;").body is None
    assert item("inline fn h() void {}").inline
    assert isinstance(item("task t(x: f32, i: u16) void {}"), ast.TaskDecl)


def test_blocks():
    assert isinstance(item("comptime { @bind_local_task(t, id); }"), ast.ComptimeBlock)
    assert isinstance(item("layout { @set_rectangle(1, 1); }"), ast.LayoutBlock)


def test_contextual_words_are_names_elsewhere():
    node = item("fn layout(param: u16, task: u16) u16 { return param + task; }")
    assert node.name.id == "layout" and len(node.body.body) == 1


@pytest.mark.parametrize("text", ["foo;", "}", "export 3;", "fn;", "task t(", "layout", "x = 1;"])
def test_what_is_no_declaration_is_an_error(text):
    with pytest.raises(CSLError):
        parse(text)
