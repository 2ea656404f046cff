"""Counting events on all PEs."""

import numpy as np
import pytest

HEAD = """
param expected: u32 = EXPECTED;
const tally = @import_module("<kernels/tally/layout>", .{
  .kernel_width = WIDTH, .kernel_height = HEIGHT, .phase2_tally = expected,
  .colors = [3]color{ @get_color(2), @get_color(3), @get_color(4) }, .output_color = @get_color(5),
});
"""
PE = """
param tally_params: comptime_struct;
const place = @import_module("<layout>");
const done = @get_local_task_id(15);
const tally = @import_module("<kernels/tally/pe>", @concat_structs(tally_params, .{
  .output_queues = [2]u16{ 4, 5 }, .input_queues = [2]u16{ 6, 7 }, .callback = done,
}));
var total = @zeros([1]u32);
var total_ptr: [*]u32 = &total;

fn count() void {
  tally.bump_tally(@as(u32, place.get_x_coord()) + 10 * @as(u32, place.get_y_coord()));
  tally.signal_completion();
  tally.bump_tally(1);
  sys_mod.unblock_cmd_stream();
}

task finish() void {
  total[0] = tally.local_tally;
}

comptime {
  @bind_local_task(finish, done);
  @export_symbol(total_ptr, "total");
  @export_symbol(count);
}
"""


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 3), (4, 3)])
def test_the_corner_learns_when_all_is_counted(start, arch, size):
    width, height = size
    expected = sum(x + 10 * y + 1 for x in range(width) for y in range(height))
    head = HEAD.replace("EXPECTED", str(expected)).replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    exports = {"total": "[*]u32", "count": "fn() void"}
    simulator = start(PE, exports, size, arch, head, ".tally_params = tally.get_params(x, y)")
    simulator.launch("count")
    found = np.zeros(width * height, np.uint32)
    simulator.memcpy_d2h(found, "total", 0, 0, width, height, 1)
    simulator.stop()
    assert found.reshape(height, width)[0, -1] == expected and np.count_nonzero(found) == 1
