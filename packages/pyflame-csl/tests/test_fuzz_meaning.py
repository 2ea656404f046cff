"""Damaged programs give diagnostics, and what still compiles is well formed. `--mutations 50000` damages that many."""

import os
import random
from pathlib import Path

import pytest

from pyflame.csl import check, compile_program, tokens
from pyflame.csl.diagnostics import has_errors
from pyflame.csl.verify import verify

LAYOUT = """
param n: u16;
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 2, .height = 1, .MEMCPYH2D_1 = @get_color(7) });
const c = @get_color(3);
layout {
  @set_rectangle(2, 1);
  for (@range(i16, 2)) |x| {
    const base = .{ .memcpy_params = memcpy.get_params(x), .n = n, .c = c };
    @set_tile_code(x, 0, "pe.csl", @concat_structs(base, .{ .first = x == 0 }));
    const end = if (x == 0) .{ .rx = .{ RAMP }, .tx = .{ EAST } } else .{ .rx = .{ WEST }, .tx = .{ RAMP } };
    @set_color_config(x, 0, c, .{ .routes = end, .switches = .{ .pos1 = .{ .rx = RAMP }, .ring_mode = true } });
  }
  @export_name("data", [*]f32, true);
  @export_name("main", fn (u16) void);
}
"""
PE = """
param memcpy_params: comptime_struct;
param n: u16;
param c: color;
param first: bool;
const sys = @import_module("<memcpy/memcpy>", memcpy_params);
const math = @import_module("<math>");
const print = @import_module("<simprint>");
const point = struct { x: f32, at: [2]u16 };
var points = [2]point{ .{ .x = 1.0, .at = .{ 1, 2 } }, point{ .x = -2.5, .at = .{ 3, 4 } } };
var last: point = points[1];
const part = @import_module("part.csl", .{ .T = f32, .size = n, .values = &data, .done = finish });
const iq = @get_input_queue(2);
const oq = @get_output_queue(3);
const id = @get_local_task_id(9);
const states = enum(u16) { IDLE, BUSY = 4 };
var state: states = states.IDLE;
var data = @zeros([n]f32);
var grid = @constants([2, n]i16, 3);
const table = squares();
var ptr: [*]f32 = &data;
const out = @get_dsd(fabout_dsd, .{ .extent = n, .fabric_color = c, .output_queue = oq });
const in = @get_dsd(fabin_dsd, .{ .extent = n, .fabric_color = c, .input_queue = iq });
var dd = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{n} -> data[i] });
const dest = @get_dsr(dsr_dest, 1);
fn squares() [4]u16 {
  var t = @zeros([4]u16);
  for (t) |_, i| { t[i] = i * i; }
  return t;
}
fn main(k: u16) void {
  if (first) {
    @fmovs(out, dd, .{ .async = true, .activate = id });
  } else {
    @load_to_dsr(dest, dd, .{ .save_address = true });
    @fadds(dest, dd, in, .{ .async = true, .activate = work, .priority = .{ .high = true } });
  }
  var i: u16 = 0;
  while (i < k) : (i += 1) {
    switch (state) {
      states.IDLE => { state = states.BUSY; grid[0, i] += @as(i16, table[i & 3]); },
      else => { data[i] = math.sqrt(data[i]) * 2.0; continue; }
    }
    if (i == 7 or data[i] > 1.5e3) break;
  }
  @map(curve, dd, 2.0, dd);
  part.run(&i);
  points[k & 1] = moved(last, i);
  const p: *point = &last;
  p.at[1] += points[0].at[k & 1];
  print.fmt("{d} {f}", .{ p.at[0], last.x });
}
fn moved(p: point, by: u16) point { return .{ .x = p.x * 2.0, .at = [2]u16{ p.at[0] + by, squares()[by & 3] } }; }
fn curve(x: f32, y: f32) f32 { return if (x < y) x else -y; }
fn finish() void { @assert(state == states.BUSY); dd = @increment_dsd_offset(dd, 1, f32); }
task work() void { sys.unblock_cmd_stream(); @block(id); @unblock(id); }
task wavelet(x: u32) void { data[0] = @bitcast(f32, x << 16 >> @as(u16, 3)); }
comptime {
  @comptime_assert(n > 0, "n");
  @bind_local_task(work, id);
  @bind_data_task(wavelet, if (@is_arch("wse2")) @get_data_task_id(c) else @get_data_task_id(iq));
  if (@is_arch("wse3")) { @initialize_queue(iq, .{ .color = c }); @initialize_queue(oq, .{ .color = c }); }
  @export_symbol(ptr, "data");
  @export_symbol(main);
}
"""
PART = """
param T: type;
param size: u16;
param values: *[size]T;
param done: fn () void;
const half = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{size / 2} -> values[2 * i] });
fn run(count: *u16) void {
  @fmuls(half, half, @as(f32, count.*));
  count.* += 1;
  done();
}
"""
WORDS = """
0 1 -1 3.5 true u16 f32 i16 [4]u16 *f32 [*]u16 x @zeros const var fn task if else while for {} .{} ( ) { } , ;
= + @as undefined & .* [0] comptime return void EAST @get_color 99999999999 70000 type |i| .. ... % << "text"
break comptime_struct anytype switch struct point .x .at[0] last points => @import_module @get_dsd direction data n main
part
""".split()


def mutate(text: str, chance: random.Random) -> str:
    """Cut, repeat, replace or exchange a few tokens."""
    words = [token.text for token in tokens(text)]
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at, other = chance.randrange(len(words)), chance.randrange(len(words))
        match chance.randrange(5):
            case 0:
                words[at] = ""
            case 1:
                words.insert(at, chance.choice(WORDS))
            case 2:
                words[at] = chance.choice(WORDS)
            case 3:
                words[at] = words[other]
            case _:
                words[at], words[other] = words[other], words[at]
    return "\n".join(words)


def compiled(folder: Path, layout: str, arch: str, params: dict[str, str]) -> bool:
    program, found = compile_program(folder / layout, arch, params, step_limit=20_000)
    assert (program is None) == has_errors(found), found
    for diagnostic in found:
        assert str(diagnostic) and (diagnostic.span is None or diagnostic.span.utf16)
    if program is not None:
        verify(program)
    return program is not None


def test_damaged_programs(tmp_path, request):
    chance = random.Random(os.environ.get("FUZZ_SEED", "csl"))
    files = {"layout.csl": LAYOUT, "pe.csl": PE, "part.csl": PART}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert all(compiled(tmp_path, "layout.csl", arch, {"n": "8"}) for arch in ("wse2", "wse3"))
    whole = 0
    for _ in range(request.config.getoption("--mutations") // 2):
        name = chance.choice(list(files))
        damaged = mutate(files[name], chance)
        (tmp_path / name).write_text(damaged)
        whole += compiled(tmp_path, "layout.csl", chance.choice(("wse2", "wse3")), {"n": "8"})
        assert isinstance(check(damaged), list)
        (tmp_path / name).write_text(files[name])
    assert whole  # some damage is none


@pytest.mark.parametrize("value", ["0", "-1", "1e3", "true", "99999999999999999999", "0x10"])
def test_parameters_that_do_not_fit(tmp_path, value):
    for name, text in {"layout.csl": LAYOUT, "pe.csl": PE, "part.csl": PART}.items():
        (tmp_path / name).write_text(text)
    assert compiled(tmp_path, "layout.csl", "wse3", {"n": value}) == (value == "0x10")


def test_parameters_that_are_no_values(tmp_path):
    (tmp_path / "layout.csl").write_text(LAYOUT)
    program, found = compile_program(tmp_path / "layout.csl", "wse3", {"n": "many"})
    assert program is None and [entry.code for entry in found] == ["value-range"]


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_damaged_public_examples(examples, tmp_path, arch, request):
    chance = random.Random(arch)
    params = {"M": "4", "N": "6"}
    folder = examples / "tutorials" / "gemv-07-routes-2"
    texts = {path.name: path.read_text() for path in folder.glob("*.csl")}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for _ in range(request.config.getoption("--mutations") // 8):
        name = chance.choice(sorted(texts))
        (tmp_path / name).write_text(mutate(texts[name], chance))
        compiled(tmp_path, "layout.csl", arch, params)
        (tmp_path / name).write_text(texts[name])
