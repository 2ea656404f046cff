"""Streams of the host come one after another, however tasks are scheduled."""

import numpy as np
import pytest

HEAD = """
const one: color = @get_color(4);
const two: color = @get_color(5);
const back: color = @get_color(6);
const streams = @import_module("<memcpy/get_params>", .{
  .width = 1, .height = 1, .MEMCPYH2D_1 = one, .MEMCPYH2D_2 = two, .MEMCPYD2H_1 = back,
});
"""
PE = """
const first_in = @get_input_queue(2);
const second_in = @get_input_queue(3);
const out_queue = @get_output_queue(2);
param stream_params: comptime_struct;
const named = @import_module("<memcpy/memcpy>", stream_params);
const first_id = @get_data_task_id(if (@is_arch("wse2")) named.MEMCPYH2D_1 else first_in);
const second_id = @get_data_task_id(if (@is_arch("wse2")) named.MEMCPYH2D_2 else second_in);
const out = @get_dsd(fabout_dsd, .{ .extent = 1, .fabric_color = named.MEMCPYD2H_1, .output_queue = out_queue });
var factor: u32 = 0;
export var memory = @zeros([1]u32);
var memory_ptr: [*]u32 = &memory;
task first(value: u32) void {
  factor = value;
}
task second(value: u32) void {
  @mov32(out, factor * value);
}
fn nothing() void {
  sys_mod.unblock_cmd_stream();
}
comptime {
  @bind_data_task(first, first_id);
  @bind_data_task(second, second_id);
  @export_symbol(memory_ptr, "memory");
  @export_symbol(nothing);
  if (@is_arch("wse3")) {
    @initialize_queue(first_in, .{ .color = named.MEMCPYH2D_1 });
    @initialize_queue(second_in, .{ .color = named.MEMCPYH2D_2 });
    @initialize_queue(out_queue, .{ .color = named.MEMCPYD2H_1 });
  }
}
"""


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
def test_a_stream_comes_after_the_one_before(start, arch):
    exports = {"memory": "[*]u32", "nothing": "fn() void"}  # memory is also `export var`
    for seed in range(6):
        params = ".stream_params = streams.get_params(0)"
        simulator = start(PE, exports, (1, 1), arch, HEAD, params, sched_seed=seed)
        simulator.memcpy_h2d(4, np.array([7], np.uint32), 0, 0, 1, 1, 1, streaming=True, nonblock=True)
        simulator.memcpy_h2d(5, np.array([1, 2, 3], np.uint32), 0, 0, 1, 1, 3, streaming=True, nonblock=True)
        found = np.zeros(3, np.uint32)
        simulator.memcpy_d2h(found, 6, 0, 0, 1, 1, 3, streaming=True, nonblock=True)
        simulator.stop()
        assert found.tolist() == [7, 14, 21]
