"""Run-time code: what functions leave in memory when the simulator runs them, against the same thing said in Python."""

import numpy as np
import pytest

from pyflame.csl.sim.simulator import Simulator

HOST = '  @export_name("f", fn ({}) void);'
HEAD = """
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 1, .height = 1 });
"""
PROGRAM = """
param memcpy_params: comptime_struct;
const sys = @import_module("<memcpy/memcpy>", memcpy_params);
{before}
fn f({params}) void {{
{body}
  sys.unblock_cmd_stream();
}}
comptime {{ @export_symbol(f); }}
"""


@pytest.fixture
def run(build):
    """Run the body of a function on one PE; gives a function from variable name to values."""

    def go(body, before="", arguments=(), params="", types="", arch="wse3"):
        built = build(
            PROGRAM.format(body=body, before=before, params=params),
            arch=arch,
            params=".{ .memcpy_params = memcpy.get_params(0) }",
            head=HEAD,
            layout=HOST.format(types),
        )
        assert built.found == [], "\n".join(map(str, built.found))
        simulator = Simulator(built.program)
        simulator.load()
        simulator.run()
        simulator.launch("f", *arguments)
        simulator.stop()
        kinds = {symbol.name: symbol.scalar for symbol in built.program.classes[0].symbols}
        names = {"f16": "float16", "f32": "float32", "bool": "bool"} | {
            f"{short}{bits}": f"{long}{bits}"
            for short, long in (("i", "int"), ("u", "uint"))
            for bits in (8, 16, 32, 64)
        }
        return lambda name: simulator.read_symbol(0, 0, name, np.dtype(names[kinds[name]])).tolist()

    return go


SCALARS = [
    # type, expression over run-time a and b, a, b, expected
    ("i16", "a + b", 32767, 2, -32767),
    ("i16", "a * b", 300, 300, 300 * 300 - 65536),
    ("i16", "a / b", -7, 2, -3),
    ("i16", "a % b", -7, 2, -1),
    ("f32", "a % b", -7.5, 2.0, -1.5),
    ("u16", "a - b", 1, 2, 65535),
    ("u16", "a / b", 65535, 7, 9362),
    ("u16", "a << b", 0x1234, 4, 0x2340),
    ("i16", "a >> b", -256, 4, -16),
    ("u32", "(a ^ b) | (a & 3)", 6, 5, 3),
    ("u32", "~a", 5, 0, 0xFFFFFFFA),
    ("i32", "-a", 5, 0, -5),
    ("i32", "if (a < b) a else b", 5, -3, -3),
    ("u16", "if (a > 3 and b / (a - 3) > 1) 10 else 20", 3, 9, 20),
    ("u16", "if (a == 3 or b / (a - 3) > 1) 10 else 20", 3, 9, 10),
    ("f32", "a * b + 1.0", 1.5, 2.5, 4.75),
    ("f16", "a + b", 2048.0, 1.0, 2048.0),
    ("f32", "a / b", 1.0, 3.0, 0.3333333432674408),
    ("f32", "-a", 0.5, 0.0, -0.5),
    ("i16", "@as(i16, @as(f32, a) / 2.0)", -7, 0, -3),
    ("u16", "@as(u16, @as(u32, a) * 70000 >> 16)", 3, 0, 3 * 70000 >> 16),
    ("i32", "@as(i32, @bitcast(i16, @as(u16, @as(u32, a) & 0xffff)))", 0xFFFF, 0, -1),
    ("u32", "@bitcast(u32, @as(f32, a))", 2, 0, 0x40000000),
    ("i16", "@as(i16, @as(bool, a)) + @as(i16, a != b)", 4, 4, 1),
    ("i16", "switch (a) { 1, 2 => 10, 3...5 => 20, else => b }", 4, 7, 20),
    ("i16", "switch (a) { 1, 2 => 10, 3...5 => 20, else => b }", 9, 7, 7),
]


@pytest.mark.parametrize(("type_", "expression", "a", "b", "expected"), SCALARS)
def test_a_scalar_expression(run, type_, expression, a, b, expected):
    before = f"var a: {type_} = {a};\nvar b: {type_} = {b};\nvar result: {type_} = 0;"
    value = run(f"  result = {expression};", before)("result")
    assert value == [expected]


def test_loops(run):
    read = run(
        """
        var i: u16 = 0;
        while (i < 10) : (i += 1) {
          if (i == 2) continue;
          if (i == 7) break;
          sums[0] += i;
        }
        for (@range(u16, 2, n, 3)) |k| { sums[1] = sums[1] * 10 + k; }
        for (@range(i16, 5, -1, -2)) |k| { down = down * 10 + k; }
        for (values) |v, at| { sums[2] += v * at; }
        for (@range(u8, 250, 255, 4)) |k| { sums[3] += @as(u16, k); }
        for (@range(u16, n, 3, 1)) |k| { sums[4] += 1; }
        outer: while (true) {
          while (true) { sums[4] += 5; break :outer; }
        }
        """,
        "var sums = @zeros([5]u16);\nvar n: u16 = 12;\nvar down: i16 = 0;\nvar values = [3]u16 { 5, 6, 7 };",
    )
    assert read("sums") == [0 + 1 + 3 + 4 + 5 + 6, 2 * 1000 + 5 * 100 + 8 * 10 + 11, 6 + 14, 250 + 254, 5]
    assert read("down") == [531]


def test_a_loop_up_to_the_largest_value(run):
    assert run("for (@range(u8, 0, 255, 5)) |k| { turns += 1; }", "var turns: u16 = 0;")("turns") == [51]
    assert run("for (@range(u8, 255)) |k| { turns += 1; }", "var turns: u16 = 0;")("turns") == [255]


def test_arrays_of_any_rank(run):
    read = run(
        """
        for (@range(u16, 2)) |i| {
          for (@range(u16, 3)) |j| { grid[i, j] = 10 * i + j; }
        }
        const row = p[3];
        flat = @as(u16, row) + grid[n, 2] + nested[n][1];
        var local = [3]u16 { 7, 8, 9 };
        local[n] += 10;
        copied = local;
        """,
        "var grid = @zeros([2, 3]u16);\nvar p: [*]u16 = &grid;\nvar n: u16 = 1;\nvar flat: u16;\n"
        "var copied: [3]u16;\nvar nested = [2][2]u16 { [2]u16 { 1, 2 }, [2]u16 { 3, 4 } };",
    )
    assert read("grid") == [0, 1, 2, 10, 11, 12]
    assert (read("flat"), read("copied")) == ([10 + 12 + 4], [7, 18, 9])


def test_pointers(run):
    read = run(
        """
        var x: i16 = 3;
        bump(&x);
        bump(&values[1]);
        const q = if (x == 5) &values else &other;
        total = x + q.*[1] + last(q);
        swap();
        p[0] = 77;
        """,
        """
        var values = [3]i16 { 10, 20, 30 };
        var other = [3]i16 { 0, 0, 0 };
        var total: i16;
        var p: [*]i16 = &values;
        fn bump(v: *i16) void { v.* += 2; }
        fn last(v: *[3]i16) i16 { return (v.*)[2]; }
        fn swap() void { p = &other; }
        """,
    )
    assert (read("total"), read("values"), read("other")) == ([5 + 22 + 30], [10, 22, 30], [77, 0, 0])


def test_functions(run):
    read = run(
        """
        results[0] = factorial(6);
        results[1] = choose(add, 3, 4);
        results[2] = choose(sub, 3, 4);
        results[3] = scaled(.{ .by = 3, .then = 1 }, results[1]);
        results[4] = @as(i16, least(@as(i32, -4), 2));
        results[5] = sum3([3]i16 { results[0], 1, 2 });
        """,
        """
        var results = @zeros([6]i16);
        fn factorial(n: i16) i16 { return if (n < 2) 1 else n * factorial(n - 1); }
        fn add(a: i16, b: i16) i16 { return a + b; }
        fn sub(a: i16, b: i16) i16 { return a - b; }
        fn choose(g: fn (i16, i16) i16, a: i16, b: i16) i16 { return g(a, b); }
        fn scaled(how: comptime_struct, a: i16) i16 { return a * how.by + how.then; }
        fn least(a: anytype, b: @type_of(a)) @type_of(a) { return if (b < a) b else a; }
        fn sum3(v: [3]i16) i16 { return v[0] + v[1] + v[2]; }
        """,
    )
    assert read("results") == [720, 7, -1, 22, -4, 723]


def test_a_switch_statement_with_enums(run):
    read = run(
        """
        for (@range(u16, 3)) |i| {
          switch (mode) {
            states.A => { seen[i] = 1; mode = states.B; },
            states.B => { seen[i] = 2; mode = states.C; },
            else => seen[i] = 3,
          }
        }
        """,
        "const states = enum(u16) { A, B, C };\nvar mode: states = states.A;\nvar seen = @zeros([3]u16);",
    )
    assert read("seen") == [1, 2, 3]


def test_arguments_of_a_launch(run):
    read = run(
        "  x = a; y = b; z = c;",
        "var x: i16; var y: f32; var z: u32;",
        (-5, 1.5, 70000),
        "a: i16, b: f32, c: u32",
        "i16, f32, u32",
    )
    assert (read("x"), read("y"), read("z")) == ([-5], [1.5], [70000])


MEMORY = """
var a = [6]f32 { 1.0, 2.0, 3.0, 4.0, 5.0, 6.0 };
var b = [6]f32 { 10.0, 20.0, 30.0, 40.0, 50.0, 60.0 };
var total: f32 = 0.0;
var n: u16 = 2;
const da = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{3} -> a[i] });
const db = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{3} -> b[2 * i + 1] });
var moving = da;
"""


def test_descriptors(run):
    read = run(
        """
        @fadds(da, da, db);
        @fmacs(db, db, da, 0.5);
        moving = @increment_dsd_offset(moving, @as(i16, n) + 1, f32);
        @fmovs(@set_dsd_length(moving, n), 9.0);
        var back = @set_dsd_base_addr(moving, &b);
        back = @set_dsd_length(@set_dsd_stride(back, 2), n);
        @fnegs(back, back);
        @fmaxs(&total, total, da);
        """,
        MEMORY,
    )
    a, b = np.arange(1.0, 7.0), np.arange(10.0, 70.0, 10.0)
    a[:3] += b[1::2]
    b[1::2] += a[:3] * 0.5
    a[3:5] = 9
    b[0:3:2] *= -1
    assert read("a") == a.tolist() and read("b") == b.tolist() and read("total") == [a[:3].max()]


def test_descriptors_made_at_run_time(run):
    read = run(
        """
        const part = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{n} -> a[2 * i + n] });
        @fmovs(part, 0.0);
        const based = @get_dsd(mem1d_dsd, .{ .base_address = p, .extent = n, .stride = 3 });
        @fmuls(based, based, scale);
        """,
        MEMORY + "var p: [*]f32 = &b;\nvar scale: f32 = 2.0;",
    )
    assert read("a") == [1, 2, 0, 4, 0, 6]
    assert read("b") == [20, 20, 30, 80, 50, 60]


def test_map(run):
    read = run(
        """
        @map(curve, da, 2.0, da);
        @map(add_up, db, &total, &total);
        @map(count, da);
        """,
        MEMORY
        + """
        var calls: u16 = 0;
        fn curve(x: f32, k: f32) f32 { return x * x + k; }
        fn add_up(x: f32, sum: *f32) f32 { return sum.* + x; }
        fn count(x: f32) void { calls += 1; }
        """,
    )
    assert (read("a"), read("total"), read("calls")) == ([3, 6, 11, 4, 5, 6], [20 + 40 + 60], [3])


def test_registers_for_descriptors(run):
    read = run(
        """
        @load_to_dsr(dest, da);
        @load_to_dsr(src0, da, .{ .save_address = true });
        @load_to_dsr(src1, db);
        @fadds(dest, src0, src1);
        """,
        MEMORY
        + "const dest = @get_dsr(dsr_dest, 1);\n"
        + "const src0 = @get_dsr(dsr_src0, 1);\nconst src1 = @get_dsr(dsr_src1, 1);",
    )
    assert read("a") == [21, 42, 63, 4, 5, 6]


def test_four_dimensions(run):
    read = run(
        """
        const cube = @get_dsd(mem4d_dsd, .{ .tensor_access = |i, j, k|{2, 2, 3} -> v[i, j, k] });
        const rows = @get_dsd(mem4d_dsd, .{ .tensor_access = |i, j, k|{2, 2, 3} -> sum[k] });
        @fadds(rows, rows, cube);
        """,
        "var v = @constants([2, 2, 3]f32, 1.5);\nvar sum = @zeros([3]f32);",
    )
    assert read("sum") == [6.0, 6.0, 6.0]


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_tasks_activate_block_and_unblock(run, arch):
    read = run(
        "  @activate(first_id); @activate(second_id);",
        """
        const first_id = @get_local_task_id(9);
        const second_id = @get_local_task_id(10);
        var order = @zeros([3]u16);
        var at: u16 = 0;
        fn note(k: u16) void { order[at] = k; at += 1; }
        task first() void { note(1); @unblock(second_id); }
        task second() void { note(2); @block(second); @fmovs(d, 1.0, .{ .async = true, .activate = third }); }
        task third() void { note(3); }
        var v = @zeros([2]f32);
        const d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 2 });
        comptime {
          @bind_local_task(first, first_id);
          @bind_local_task(second, second_id);
          @bind_local_task(third, @get_local_task_id(11));
          @block(second);
        }
        """,
        arch=arch,
    )
    assert (read("order"), read("v")) == ([1, 2, 3], [1, 1])


def test_bits_of_a_library_function(run):
    read = run(
        """
        out[0] = math.sqrt(x);
        out[1] = math.abs(-x);
        out[2] = math.exp(@as(f32, 0.0));
        out[3] = math.max(x, 3.0);
        """,
        'const math = @import_module("<math>");\nvar x: f32 = 2.25;\nvar out = @zeros([4]f32);',
    )
    assert read("out") == [1.5, 2.25, 1.0, 3.0]


@pytest.mark.parametrize("mode", ["simd_32", "simd_64"])
def test_full_wavelets(run, mode):
    read = run(
        "  @mov16(out, halves, .{ .async = true });\n  @mov32(words, in);",
        f"""
        const c = @get_color(2);
        const iq = @get_input_queue(2);
        const oq = @get_output_queue(3);
        var x = [4]u16{{ 1, 2, 3, 4 }};
        var y = @zeros([2]u32);
        const halves = @get_dsd(mem1d_dsd, .{{ .base_address = &x, .extent = 4 }});
        const words = @get_dsd(mem1d_dsd, .{{ .base_address = &y, .extent = 2 }});
        const out = @get_dsd(fabout_dsd, .{{ .extent = 4, .output_queue = oq, .simd_mode = .{{ .{mode} = true }} }});
        const in = @get_dsd(fabin_dsd, .{{ .extent = 2, .input_queue = iq }});
        comptime {{
          @initialize_queue(iq, .{{ .color = c }});
          @initialize_queue(oq, .{{ .color = c }});
          @set_local_color_config(c, .{{ .routes = .{{ .rx = .{{ RAMP }}, .tx = .{{ RAMP }} }} }});
        }}
        """,
    )
    assert read("y") == [2 << 16 | 1, 4 << 16 | 3]


STRUCTS = """
const Point = struct { x: u16, y: f32, inside: bool };
const Pair = struct { first: Point, values: [3]i16, next: *i16 };
var number: i16 = 7;
var point: Point;
var points = [2]Point{ Point{ .x = 1, .y = 2.5, .inside = true }, .{ .x = 3, .y = -1.0, .inside = false } };
var pair: Pair = .{ .first = .{ .x = 9, .y = 0.5, .inside = true }, .values = .{ 4, 5, 6 }, .next = &number };
const unit = Point{ .x = 1, .y = 1.0, .inside = true };
var out = @zeros([8]f32);
"""


def test_structs_in_memory(run):
    read = run(
        """
        point = points[1];
        point.x += 4;
        out[0] = @as(f32, point.x);
        out[1] = points[1].y;
        pair.first = point;
        pair.values[n] *= 2;
        pair.next.* += 1;
        out[2] = pair.first.y * @as(f32, pair.values[n]);
        out[3] = @as(f32, pair.next.*);
        points[n] = .{ .x = pair.first.x, .y = unit.y, .inside = !points[0].inside };
        out[4] = @as(f32, points[1].x) + points[1].y;
        out[5] = if (points[1].inside) 1.0 else 0.0;
        const p: *Point = &points[0];
        p.y = p.*.y + 1.0;
        out[6] = points[0].y;
        """,
        "var n: u16 = 1;" + STRUCTS,
    )
    assert read("out") == [7.0, -1.0, -10.0, 8.0, 8.0, 0.0, 3.5, 0.0]
    assert read("number") == [8]


def test_structs_and_arrays_as_arguments_and_results(run):
    read = run(
        """
        const a = scaled(points[0], n);
        const b = scaled(a, n);
        out[0] = a.y;
        out[1] = b.y;
        out[2] = total(steps(n), steps(3));
        var sum: f32 = 0.0;
        for (points) |entry, i| {
          sum += entry.y * @as(f32, i + 1);
        }
        out[3] = sum;
        for (steps(5)) |step, i| {
          out[4 + i] = @as(f32, step);
        }
        """,
        "var n: u16 = 2;"
        + STRUCTS
        + """
        fn scaled(p: Point, factor: u16) Point {
          return .{ .x = p.x * factor, .y = p.y * @as(f32, factor), .inside = p.inside };
        }
        fn steps(by: u16) [3]u16 {
          var result = @zeros([3]u16);
          for (@range(u16, 3)) |i| {
            result[i] = i * by;
          }
          return result;
        }
        fn total(a: [3]u16, b: [3]u16) f32 { return @as(f32, a[2] * 100 + b[2]); }
        """,
    )
    assert read("out")[:7] == [5.0, 10.0, 406.0, 0.5, 0.0, 5.0, 10.0]


def test_a_local_constant_as_a_comptime_argument(run):
    read = run(
        "  const known = [2]u16{ 3, 4 };\n  out = sum(2, known, n);",
        """
        var n: u16 = 5;
        var out: u16 = 0;
        fn sum(comptime count: u16, comptime values: [count]u16, more: u16) u16 {
          var total = more;
          for (@range(u16, count)) |i| {
            total += values[i];
          }
          return total;
        }
        """,
    )
    assert read("out") == [12]


def test_structs_while_compiling(build):
    built = build(
        STRUCTS
        + """
        fn moved(p: Point, by: u16) Point {
          var result = p;
          result.x += by;
          return result;
        }
        fn corners() [2]Point {
          var result: [2]Point = .{ unit, unit };
          result[1].x = 8;
          result[1].y = result[0].y + 2.0;
          return result;
        }
        export var x: u16 = moved(unit, 4).x + unit.x;
        export var y: f32 = corners()[1].y;
        export var both = corners();
        comptime { @comptime_assert(@is_same_type(@type_of(unit), Point)); }
        """
    )
    assert (built.values("x"), built.values("y")) == ([6], [3.0])
    assert built.program is not None
    (symbol,) = (entry for entry in built.program.classes[0].symbols if entry.name == "both")
    memory = built.program.classes[0].memory[symbol.address : symbol.address + symbol.bytes]
    fields = {"names": ["x", "y", "inside"], "formats": ["<u2", "<f4", "?"], "offsets": [0, 4, 8], "itemsize": 12}
    assert np.frombuffer(memory, np.dtype(fields)).tolist() == [(1, 1.0, True), (8, 3.0, True)]


def test_comptime_variables_and_unrolled_loops(run):
    read = run(
        """
        comptime var i = 0;
        comptime var power: u16 = 1;
        inline while (i < 4) : (i += 1) {
          if (i == 3) break;
          values[i] = n * power;
          power *= 10;
        }
        values[3] = power + i;
        """,
        "var n: u16 = 7;\nvar values = @zeros([4]u16);",
    )
    assert read("values") == [7, 70, 700, 1003]


def test_the_host_copies_arrays_of_structs(build):
    built = build(
        """
        param memcpy_params: comptime_struct;
        const sys = @import_module("<memcpy/memcpy>", memcpy_params);
        const sparse = @import_module("sparse.csl");
        var entries: [3]sparse.entry;
        var ptr: [*]sparse.entry = &entries;
        var row = @zeros([4]f32);
        var row_ptr: [*]f32 = &row;
        fn f() void {
          var e: sparse.entry;
          for (@range(u16, 3)) |i| {
            e = entries[i];
            row[e.column] += e.value * @as(f32, e.row);
          }
          sys.unblock_cmd_stream();
        }
        comptime {
          @export_symbol(ptr, "entries");
          @export_symbol(row_ptr, "row");
          @export_symbol(f);
        }
        """,
        params=".{ .memcpy_params = memcpy.get_params(0) }",
        head=HEAD + 'const sparse = @import_module("sparse.csl");',
        layout="""
          @export_name("entries", [*]sparse.entry, true);
          @export_name("row", [*]f32, true);
          @export_name("f", fn () void);
        """,
        files={"sparse.csl": "const entry = struct { row: u16, column: u16, value: f32 };"},
    )
    assert built.program is not None, built.found
    entries = np.array([(2, 1, 0.5), (3, 3, 4.0), (1, 1, 8.0)], dtype="<u2, <u2, <f4")
    simulator = Simulator(built.program)
    simulator.load()
    simulator.run()
    simulator.memcpy_h2d("entries", entries.view(np.uint32), 0, 0, 1, 1, 6)
    simulator.launch("f")
    row = np.zeros(4, np.float32)
    simulator.memcpy_d2h(row, "row", 0, 0, 1, 1, 4)
    simulator.stop()
    assert row.tolist() == [0.0, 9.0, 0.0, 12.0]
    assert simulator.get_symbol(0, 0, "entries").tolist() == entries.view(np.uint32).tolist()
