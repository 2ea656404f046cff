"""A program on disk, as cslc writes it."""

import pytest

LAYOUT = """
param size: u16;
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 2, .height = 2 });
layout {
  @set_rectangle(2, 2);
  for (@range(i16, 2)) |x| {
    for (@range(i16, 2)) |y| {
      @set_tile_code(x, y, "pe.csl", .{ .memcpy_params = memcpy.get_params(x), .size = size });
    }
  }
  @set_color_config(0, 0, @get_color(3), .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ EAST, RAMP } } });
  @set_color_config(1, 0, @get_color(3), .{ .routes = .{ .rx = .{ WEST }, .tx = .{ RAMP } } });
  @export_name("x", [*]f32, true);
  @export_name("scale", fn(f32, i16) void);
}
"""
PE = """
param memcpy_params: comptime_struct;
param size: u16;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
const out = @import_module("<simprint>");
const trace = @import_module("<debug>", .{ .key = "steps", .buffer_size = 20 });
var x = @zeros([size]f32);
var x_ptr: [*]f32 = &x;

fn scale(factor: f32, offset: i16) void {
  trace.trace_string("begin");
  for (@range(u16, size)) |i| {
    x[i] = x[i] * factor + @as(f32, offset);
  }
  out.print_string("scaled\\n");
  trace.trace_f32(factor);
  trace.trace_i16(offset);
  trace.trace_bool(true);
  trace.trace_timestamp();
  sys_mod.unblock_cmd_stream();
}

comptime {
  @export_symbol(x_ptr, "x");
  @export_symbol(scale);
}
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder with the sources of the program, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layout.csl").write_text(LAYOUT)
    (tmp_path / "pe.csl").write_text(PE)
    return tmp_path


@pytest.fixture
def compiled(sources):
    """The folder of the compiled program."""
    from pyflame.csl.cslc import main

    assert main(["layout.csl", "--params=size:4", "--arch=wse3", "--fabric-dims=9,4", "-o", "out"]) == 0
    return sources / "out"
