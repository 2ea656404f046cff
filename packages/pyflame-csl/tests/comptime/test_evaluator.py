"""What comptime code gives, read back from the memory image."""

import math

import pytest

from pyflame.csl import Severity

VALUES = [
    # integers wrap as on the machine, comptime_int does not
    ("i16", "32767 + @as(i16, 1)", -32768),
    ("u16", "@as(u16, 3) - 5", 65534),
    ("i32", "(1 << 40) >> 38", 4),
    ("i16", "-7 / 2", -3),
    ("i16", "-7 % 2", -1),
    ("u16", "@as(u16, 1) << 16", 0),
    ("i16", "@as(i16, -32768) >> 15", -1),
    ("u8", "~@as(u8, 0x0f)", 0xF0),
    ("u32", "0xdead_beef & 0xffff", 0xBEEF),
    ("u64", "1 << 63", 1 << 63),
    ("bool", "3 < 4 and !(1 == 2)", True),
    ("bool", "false and (1 / 0 == 1)", False),
    ("bool", "@as(u16, 5) > -1", True),
    # conversions
    ("i16", "@as(i16, 2.9)", 2),
    ("i16", "@as(i16, -2.9)", -2),
    ("u8", "@as(u8, 0x1ff)", 0xFF),
    ("u8", "@as(u8, 300.0)", 255),
    ("bool", "@as(bool, 0.5)", True),
    ("f32", "@as(f32, @as(u16, 7))", 7.0),
    ("u32", "@bitcast(u32, @as(f32, 1.0))", 0x3F800000),
    ("f32", "@bitcast(f32, @as(u32, 0x40490fdb))", 3.1415927410125732),
    ("i16", "@bitcast(i16, @as(u16, 0xffff))", -1),
    # floats round at every step
    ("f32", "@as(f32, 16777216.0) + 1.0", 16777216.0),
    ("f16", "@as(f16, 2048.0) + 1.0", 2048.0),
    ("f16", "@as(f16, 60000.0) * 2.0", math.inf),
    ("f32", "1.0 / @as(f32, 3.0)", 0.3333333432674408),
    ("f32", "-@as(f32, 0.0) / 1.0", -0.0),
    # control in expressions
    ("i16", 'if (@is_arch("wse3")) 3 else undefined_there', 3),
    ("i16", "switch (@as(u16, 3)) { 0 => 10, 2...4 => 20, else => 30 }", 20),
    ("i16", "comptime square(7)", 49),
    ("u16", "sum(.{ .a = 3, .b = @as(u16, 4) })", 7),
    ("i16", "fibonacci(15)", 610),
    ("u16", "@as(u16, mode.LOUD) + 1", 6),
    ("u16", "@get_int(@get_color(9))", 9),
    ("u16", "@get_rectangle().width", 2),
    ("i32", "loops(10)", 25),
    ("u16", "@element_count([3, 4]f32)", 12),
    ("bool", "@is_same_type(@type_of(x), i16)", True),
    ("u16", '@strlen(@strcat("ab", "cde"))', 5),
    ("i16", "later", 12),
    ("i16", '@field(.{ .depth = 4 }, "depth")', 4),
    ("f32", '@import_module("<math>").sqrt_f32(2.0)', 1.4142135381698608),
]

PROGRAM = """
const mode = enum(u16) {{ QUIET, LOUD = 5 }};
const x: i16 = 1;
const later = first * 3;
const first = @as(i16, 4);
fn square(n: i16) i16 {{ return n * n; }}
fn sum(s: comptime_struct) u16 {{ return s.a + s.b; }}
fn fibonacci(n: i16) i16 {{
  if (n < 2) return n;
  return fibonacci(n - 1) + fibonacci(n - 2);
}}
fn loops(n: i16) i32 {{
  var total: i32 = 0;
  for (@range(i16, n)) |i| {{
    if (i % 2 == 0) continue;
    total += @as(i32, i);
  }}
  var steps: i16 = 0;
  while (true) : (steps += 1) {{
    if (steps == 3) break;
  }}
  return total + @as(i32, steps) - 3;
}}
export var result: {type} = {value};
"""


@pytest.mark.parametrize(("type_", "expression", "expected"), VALUES)
def test_an_expression(build, type_, expression, expected):
    built = build(PROGRAM.format(type=type_, value=expression), size=(2, 1))
    assert built.codes == []
    (found,) = built.values("result")
    assert found == expected and math.copysign(1, found) == math.copysign(1, expected)


def test_arrays(build):
    built = build("""
      fn reversed(a: [4]u16) [4]u16 {
        var b = @zeros([4]u16);
        for (a) |v, i| { b[3 - i] = v; }
        return b;
      }
      const given = [4]u16 { 1, 2, 3, 4 };
      export var back: [4]u16 = reversed(given);
      export var same = given;
      export var grid = @constants([2, 3]f32, 1.5);
      export var mixed: [3]i16 = .{ 1, -2, 3 };
      export var dims = @dimensions([2, 3]f32);
      export var corner: u16 = matrix()[1, 2];
      fn matrix() [2, 3]u16 {
        var m = @zeros([2, 3]u16);
        m[1, 2] = 7;
        return m;
      }
    """)
    assert built.values("back") == [4, 3, 2, 1]
    assert built.values("same") == [1, 2, 3, 4]
    assert built.values("grid") == [1.5] * 6
    assert built.values("mixed") == [1, -2, 3]
    assert built.values("dims") == [2, 3]
    assert built.values("corner") == [7]


def test_pointers_into_memory(build):
    built = build("""
      var a = [4]f32 { 1.0, 2.0, 3.0, 4.0 };
      export var p: [*]f32 = &a;
      export var q: *f32 = &a[2];
      export var r = @ptrcast([*]u32, &a);
    """)
    tile = built.program.classes[0]
    at = {symbol.name: symbol.address for symbol in tile.symbols}
    address = {name: int.from_bytes(tile.memory[at[name] : at[name] + 2], "little") for name in "pqr"}
    assert address == {"p": at["a"], "q": at["a"] + 8, "r": at["a"]}


def test_comptime_pointers(build):
    built = build("""
      fn bump(p: *u16) void { p.* += 2; }
      fn twice() u16 {
        var n: u16 = 1;
        bump(&n);
        bump(&n);
        return n;
      }
      export var result: u16 = twice();
    """)
    assert built.values("result") == [5]


def test_two_imports_have_separate_state(build):
    built = build(
        """
        const a = @import_module("part.csl", .{ .start = 3 });
        const b = @import_module("part.csl", .{ .start = 4 });
        const c = if (@is_arch("wse2")) @import_module("missing.csl") else a;
        export var sum: u16 = a.doubled + b.doubled + c.doubled;
        export var pa: *u16 = &a.state;
        export var pb: *u16 = &b.state;
        """,
        files={"part.csl": "param start: u16;\nvar state: u16 = start;\nconst doubled = start * 2;\n"},
    )
    assert built.values("sum") == [6 + 8 + 6]
    assert [symbol.name for symbol in built.program.classes[0].symbols].count("state") == 2


def test_a_parameter_takes_a_function(build):
    built = build(
        'const part = @import_module("part.csl", .{ .f = triple });\n'
        "fn triple(n: i16) i16 { return n * 3; }\nexport var result: i16 = part.apply(5);\n",
        files={"part.csl": "param f: fn (i16) i16;\nfn apply(n: i16) i16 { return f(n) + 1; }\n"},
    )
    assert built.values("result") == [16]


def test_anytype_and_type_parameters(build):
    built = build("""
      fn least(a: anytype, b: @type_of(a)) @type_of(a) { return if (b < a) b else a; }
      fn filled(comptime T: type, v: T) [2]T { return @constants([2]T, v); }
      export var i: i16 = least(@as(i16, 3), 2);
      export var f: f32 = least(@as(f32, 0.5), 2);
      export var a = filled(u32, 9);
    """)
    assert (built.values("i"), built.values("f"), built.values("a")) == ([2], [0.5], [9, 9])


def test_comptime_print_is_a_note(build):
    (found,) = build('comptime { @comptime_print("width", @get_rectangle().width, u16); }', size=(3, 1)).found
    assert (found.code, found.severity, found.message) == ("comptime-print", Severity.NOTE, "width 3 u16")
