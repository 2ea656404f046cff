"""Settings of DSD operations, seen from CSL."""

import numpy as np


def run(start, declarations, body):
    pe = f"""
    var data = [4]f32{{ 1, 2, 4, 8 }};
    var results = @zeros([4]f32);
    var results_ptr: [*]f32 = &results;
    {declarations}
    fn compute() void {{ {body} sys_mod.unblock_cmd_stream(); }}
    comptime {{ @export_symbol(results_ptr, "results"); @export_symbol(compute); }}
    """
    simulator = start(pe, {"results": "[*]f32", "compute": "fn() void"})
    simulator.launch("compute")
    found = np.zeros(4, np.float32)
    simulator.memcpy_d2h(found, "results", 0, 0, 1, 1, 4)
    return found.tolist()


def test_save_address_is_of_one_dsr(start):
    declarations = """
    const to = @get_dsr(dsr_dest, 1);
    const from = @get_dsr(dsr_src0, 1);
    const out = @get_dsd(mem1d_dsd, .{ .base_address = &results, .extent = 2 });
    const in = @get_dsd(mem1d_dsd, .{ .base_address = &data, .extent = 2 });
    """
    body = """
    @load_to_dsr(to, out, .{ .save_address = false });
    @load_to_dsr(from, in, .{ .save_address = true });
    @fmovs(to, from);
    @fmovs(to, from);
    """
    assert run(start, declarations, body) == [4, 8, 0, 0]


def test_an_index_counts_words_of_16_bits(start):
    declarations = """
    const out = @get_dsd(mem1d_dsd, .{ .base_address = &results, .extent = 2 });
    const in = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{2} -> data[i], .wavelet_index_offset = true });
    """
    assert run(start, declarations, "@fmovs(out, in, .{ .index = 4 });") == [4, 8, 0, 0]
