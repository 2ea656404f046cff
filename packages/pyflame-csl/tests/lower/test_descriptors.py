"""Operations on descriptors, against the same thing said in Python."""

import numpy as np
import pytest

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
