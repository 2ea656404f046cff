"""Compiled programs on disk: the same program comes back, and nothing else is accepted."""

import dataclasses
import json
import random
import struct
import zlib

import pytest

from pyflame.csl.ir import Instr
from pyflame.csl.serial import MAGIC, FormatError, dump, load
from pyflame.csl.verify import OPERATIONS, VerifyError, verify

PE = """
param x: u16;
const c = @get_color(3);
const oq = @get_output_queue(3);
var data = [3]f32 { 1.0, -0.0, 3.5 };
const out = @get_dsd(fabout_dsd, .{ .extent = 3, .fabric_color = c, .output_queue = oq });
const d = @get_dsd(mem4d_dsd, .{ .tensor_access = |i, j|{2, 3} -> data[j] });
var fifo_buffer = @zeros([8]u16);
const fifo = @allocate_fifo(fifo_buffer, .{ .activate_push = work });
var ptr: [*]f32 = &data;
fn f(k: i16) void {
  @assert(k > 1);
  @fmovs(out, 1.5, .{ .async = true, .activate = work });
  @map(g, d, d);
  @mov16(fifo, 3);
}
fn g(v: f32) f32 { return v * 2.0; }
task work() void {}
comptime {
  @bind_local_task(work, @get_local_task_id(9));
  @activate(work);
  @initialize_queue(oq, .{ .color = c });
  @set_local_color_config(c, .{ .routes = .{ .rx = .{RAMP}, .tx = .{RAMP} },
    .filter = .{ .kind = .{ .counter = true }, .limit1 = 2, .count_data = true } });
  @load_to_dsr(@get_dsr(dsr_dest, 1), out, .{ .async = true, .unblock = work });
  @export_symbol(ptr, "data");
  @export_symbol(f);
}
"""
LAYOUT = '  @export_name("data", [*]f32, true);\n  @export_name("f", fn (i16) void);'


@pytest.fixture
def program(build):
    built = build(PE, size=(3, 2), params=".{ .x = @as(u16, x) }", layout=LAYOUT, fabric_dims=(10, 5))
    assert built.program is not None, built.found
    return built.program


def test_the_same_program_comes_back(program):
    assert load(dump(program)) == program
    assert dump(load(dump(program))) == dump(program)


def test_other_files_and_versions_are_refused(program):
    content = dump(program)
    for other in (b"", b"\x7fELF", MAGIC, content[:40], content[:-3]):
        with pytest.raises(FormatError):
            load(other)
    newer = MAGIC + struct.pack("<H", 99) + content[len(MAGIC) + 2 :]
    with pytest.raises(FormatError, match="form 99.*compile it again"):
        load(newer)


def test_damaged_bytes_are_refused_or_harmless(program):
    content, chance = dump(program), random.Random(7)
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 3))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            verify(load(bytes(damaged)))
        except FormatError:
            pass


def repacked(content, change):
    """The file with its head changed."""
    start = len(MAGIC) + 6
    (length,) = struct.unpack("<I", content[len(MAGIC) + 2 : start])
    head = json.loads(content[start : start + length])
    change(head)
    text = json.dumps(head).encode()
    return content[: len(MAGIC) + 2] + struct.pack("<I", len(text)) + text + content[start + length :]


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.pop("grid"),
        lambda head: head.update(more=1),
        lambda head: head.update(width=2),
        lambda head: head.update(width=True),
        lambda head: head.update(grid=[[99] * 3] * 2),
        lambda head: head["routes"][1][0].__setitem__(0, 99),
        lambda head: head["classes"][0].__setitem__(1, [0, 1 << 40]),
        lambda head: head["classes"][0].__setitem__(1, [-4, 8]),
        lambda head: head.update(ops=["nothing"] * len(head["ops"])),
        lambda head: head.update(ops=[]),
        lambda head: head.update(files=[]),
        lambda head: head.update(classes=[head["classes"][0][:-1]]),
    ],
)
def test_a_head_that_does_not_fit_is_refused(program, change):
    with pytest.raises(FormatError):
        load(repacked(dump(program), change))


def test_packed_data_of_any_size_is_refused(program):
    content = dump(program)
    start = len(MAGIC) + 6
    (length,) = struct.unpack("<I", content[len(MAGIC) + 2 : start])
    bomb = content[: start + length] + zlib.compress(b"\0" * (1 << 20)) + b"rest"
    with pytest.raises(FormatError):
        load(bomb[:-8])


def with_code(program, instr):
    tile = program.classes[0]
    first = tile.functions[0]
    code = (instr, *first.code[1:])
    functions = (dataclasses.replace(first, code=code), *tile.functions[1:])
    return dataclasses.replace(program, classes=(dataclasses.replace(tile, functions=functions), *program.classes[1:]))


@pytest.mark.parametrize(
    "instr",
    [
        Instr("nothing"),
        Instr("move", dst=60000),
        Instr("load.f32", a=60000),
        Instr("jump", imm=1 << 20),
        Instr("call", imm=99),
        Instr("call", a=59999, imm=0),
        Instr("dsd", imm=99),
        Instr("map", imm=99),
        Instr("load_dsr", imm=99),
        Instr("print", imm=99),
        Instr("activate", imm=9),
    ],
)
def test_an_instruction_with_an_index_out_of_range_is_refused(program, instr):
    verify(program)
    with pytest.raises(VerifyError):
        verify(with_code(program, instr))


def test_the_table_of_operations_is_that_of_the_simulator():
    from pyflame.csl import _sim

    assert set(_sim.OPS) == set(OPERATIONS)
