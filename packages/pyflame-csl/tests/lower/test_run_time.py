"""Run-time code: what functions leave in memory when the simulator runs them, against the same thing said in Python."""

import pytest

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
