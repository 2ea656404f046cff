"""Sequences of collective operations against the same on NumPy arrays."""

import random

import numpy as np
import pytest

HEAD = """
const c2d = @import_module("<collectives_2d/params>");
const ids = .{
  .x_colors = .{ @get_color(0), @get_color(1) },
  .x_entrypoints = .{ @get_local_task_id(10), @get_local_task_id(11) },
  .y_colors = .{ @get_color(4), @get_color(5) },
  .y_entrypoints = .{ @get_local_task_id(12), @get_local_task_id(13) },
};
"""
PE = """
param c2d_params: comptime_struct;
const line = @import_module("<collectives_2d/pe>", .{
  .dim_params = c2d_params.AXIS,
  .queues = [2]u16{ 2, 4 },
  .dest_dsr_ids = [1]u16{ 1 }, .src0_dsr_ids = [1]u16{ 1 }, .src1_dsr_ids = [1]u16{ 1 },
});
const done = @get_local_task_id(15);

var sent = @zeros([64]f32);
var received = @zeros([64]f32);
var sent_ptr: [*]f32 = &sent;
var received_ptr: [*]f32 = &received;

fn operate(kind: u16, root: u16, count: u16) void {
  line.init();
  const from = @ptrcast([*]u32, &sent);
  const to = @ptrcast([*]u32, &received);
  if (kind == 0) {
    line.broadcast(root, to, count, done);
  } else if (kind == 1) {
    line.scatter(root, from, to, count, done);
  } else if (kind == 2) {
    line.gather(root, from, to, count, done);
  } else {
    line.reduce_fadds(root, &sent, &received, count, done);
  }
}

task finish() void {
  sys_mod.unblock_cmd_stream();
}

comptime {
  @bind_local_task(finish, done);
  @export_symbol(sent_ptr, "sent");
  @export_symbol(received_ptr, "received");
  @export_symbol(operate);
}
"""
EXPORTS = {"sent": "[*]f32", "received": "[*]f32", "operate": "fn(u16, u16, u16) void"}


def expected(kind: int, root: int, count: int, sent, received) -> None:
    """The effect of an operation on the rows of `received`, one row a PE."""
    size = len(sent)
    if kind == 0:
        received[:, :count] = received[root, :count]
    elif kind == 1:
        received[:, :count] = sent[root, : size * count].reshape(size, count)
    elif kind == 2:
        received[root, : size * count] = sent[:, :count].ravel()
    else:
        received[root, :count] = sent[:, :count].sum(axis=0)


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize(("axis", "size"), [("x", (1, 1)), ("x", (2, 2)), ("y", (1, 3)), ("x", (5, 1)), ("y", (2, 4))])
def test_sequences_of_operations(start, arch, axis, size):
    simulator = start(
        PE.replace("AXIS", axis),
        EXPORTS,
        size,
        arch,
        HEAD,
        ".c2d_params = c2d.get_params(x, y, ids)",
        sched_seed=size[0],
    )
    width, height = size
    length = width if axis == "x" else height
    chance = random.Random(f"{axis}{size}")
    shape = (height, width, 64)
    sent = np.array([chance.randrange(100) for _ in range(width * height * 64)], np.float32).reshape(shape)
    received = np.array([chance.randrange(100) for _ in range(width * height * 64)], np.float32).reshape(shape)
    for name, array in (("sent", sent), ("received", received)):
        simulator.memcpy_h2d(name, array.ravel(), 0, 0, width, height, 64)
    for _ in range(12):
        kind, root, count = chance.randrange(4), chance.randrange(length), chance.randrange(1, 64 // length)
        simulator.launch("operate", kind, root, count, nonblock=True)  # PEs may be operations apart
        for number in range(height if axis == "x" else width):
            line = np.s_[number, :] if axis == "x" else np.s_[:, number]
            result = received[line].copy()
            expected(kind, root, count, sent[line], result)
            received[line] = result
    found = np.zeros(received.size, np.float32)
    simulator.memcpy_d2h(found, "received", 0, 0, width, height, 64)
    simulator.stop()
    np.testing.assert_array_equal(found.reshape(shape), received)
    assert not [entry for entry in simulator.diagnostics if entry.code != "uninitialized-read"]


BOTH = """
param c2d_params: comptime_struct;
const rows = @import_module("<collectives_2d/pe>", .{ .dim_params = c2d_params.x });
const columns = @import_module("<collectives_2d/pe>", .{ .dim_params = c2d_params.y });
const half = @get_local_task_id(15);
const done = @get_local_task_id(16);
var value = @zeros([3]f32);
var value_ptr: [*]f32 = &value;

fn spread() void {
  rows.init();
  columns.init();
  rows.broadcast(0, @ptrcast([*]u32, &value), 3, half);
}
task down() void {
  columns.broadcast(0, @ptrcast([*]u32, &value), 3, done);
}
task finish() void {
  sys_mod.unblock_cmd_stream();
}
comptime {
  @bind_local_task(down, half);
  @bind_local_task(finish, done);
  @export_symbol(value_ptr, "value");
  @export_symbol(spread);
}
"""


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_both_axes_have_queues_of_their_own_by_default(start, arch):
    exports = {"value": "[*]f32", "spread": "fn() void"}
    simulator = start(BOTH, exports, (3, 2), arch, HEAD, ".c2d_params = c2d.get_params(x, y, ids)")
    sent = np.arange(18, dtype=np.float32)
    simulator.memcpy_h2d("value", sent, 0, 0, 3, 2, 3)
    simulator.launch("spread")
    found = np.zeros(18, np.float32)
    simulator.memcpy_d2h(found, "value", 0, 0, 3, 2, 3)
    simulator.stop()
    np.testing.assert_array_equal(found.reshape(6, 3), np.tile(sent[:3], (6, 1)))
