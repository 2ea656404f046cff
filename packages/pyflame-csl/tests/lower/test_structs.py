"""Structs at run time and while compiling, and as the host copies them."""

import numpy as np

from pyflame.csl.sim.simulator import Simulator

MEMCPY = 'const memcpy = @import_module("<memcpy/get_params>", .{ .width = 1, .height = 1 });\n'
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
        head=MEMCPY + 'const sparse = @import_module("sparse.csl");',
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
