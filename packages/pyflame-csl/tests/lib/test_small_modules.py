"""<time>, <layout>, <directions>, <simprint>, <debug>, <tile_config>, <empty>."""

import numpy as np
import pytest

RUN = 'comptime { @export_symbol(compute); @export_symbol(results_ptr, "results"); }'
EXPORTS = {"results": "[*]u32", "compute": "fn() void"}


@pytest.fixture
def results(start):
    """Run `compute` of some PE code; what it stored in `results`, one row a PE."""

    def run(body, head="", size=(1, 1), arch="wse3"):
        pe = f"""{head}
        var results = @zeros([4]u32);
        var results_ptr: [*]u32 = &results;
        fn compute() void {{ {body} sys_mod.unblock_cmd_stream(); }}
        {RUN}"""
        simulator = start(pe, EXPORTS, size, arch)
        simulator.launch("compute")
        found = np.zeros(4 * size[0] * size[1], np.uint32)
        simulator.memcpy_d2h(found, "results", 0, 0, *size, 4)
        simulator.stop()
        return found.reshape(-1, 4), simulator

    return run


def test_coordinates(results):
    head = 'const place = @import_module("<layout>");'
    found, _ = results("results[0] = place.get_x_coord(); results[1] = place.get_y_coord();", head, (2, 2))
    assert found[:, :2].tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_time_goes_on_while_enabled(results):
    head = """
    const tsc = @import_module("<time>");
    var stamps = @zeros([3, tsc.tsc_size_words]u16);
    var stamp = @zeros([tsc.tsc_size_words]u16);
    """
    read = "tsc.get_timestamp(&stamp); results[{}] = @as(u32, stamp[0]);"
    work = "for (@range(u16, 100)) |i| { results[3] += 1; }"
    found, _ = results("tsc.enable_tsc();" + read.format(0) + work + read.format(1) + "tsc.disable_tsc();", head)
    assert 100 < found[0, 1] - found[0, 0] < 5000


def test_directions(build):
    built = build("""
        const directions = @import_module("<directions>");
        export var flipped: bool = directions.flip(NORTH) == SOUTH and directions.flip(WEST) == EAST;
        export var turned: bool = directions.rotate_clockwise(WEST) == NORTH;
        export var back: bool = directions.rotate_counterclockwise(NORTH) == WEST;
    """)
    assert [built.values(name) for name in ("flipped", "turned", "back")] == [[True]] * 3


def test_printing(results):
    head = 'const out = @import_module("<simprint>");'
    body = 'out.print_string("a = "); out.print_u16_decimal(7); out.print_string(", "); out.print_i16_decimal(-8);'
    _, simulator = results(body + 'out.print_string("\\n");', head)
    (line,) = simulator.log()
    assert line.startswith("@") and line.endswith("a = 7, -8")


def test_printing_of_several_values(results):
    head = """
    const out = @import_module("<simprint>");
    var n: i16 = -3;
    var wide: u32 = 4000000000;
    var half: f16 = 0.5;
    var x: f32 = -2.25;
    fn label(place: anytype) void { out.fmt_no_nl("{s}{d}: ", .{ "PE ", place.at }); }
    """
    body = """
    label(.{ .at = n + 3 });
    out.fmt("({d},{d}) {x} {f} {f} {d} {d}% done{}", .{ n, wide, wide, half, x, 7, -8, true });
    out.fmt("again", .{});
    """
    _, simulator = results(body, head)
    first, second = simulator.log()
    assert first.endswith("PE 0: (-3,4000000000) ee6b2800 0.5 -2.25 7 -8% done1")
    assert second.endswith(": again")


def test_printing_needs_a_value_for_each_place(build):
    built = build("""
        const out = @import_module("<simprint>");
        fn f(x: u16) void { out.fmt("{d} {d}", .{ x }); }
        task g(x: u16) void { f(x); }
        comptime { @bind_local_task(h, @get_local_task_id(9)); }
        task h() void { f(1); }
    """)
    assert built.codes == ["wrong-arity"] and "2 places for 1 values" in built.found[0].message


@pytest.mark.parametrize(("arch", "base"), [("wse2", 0xFE40), ("wse3", 0xF800)])
def test_router_registers(results, arch, base):
    head = """
    const config = @import_module("<tile_config>");
    const blue: color = @get_color(3);
    comptime { @set_local_color_config(blue, .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ RAMP } } }); }
    """
    body = """
    const address = config.color_config.get_color_config_addr(blue);
    results[0] = @as(u32, address);
    config.color_config.reset_routes(address, .{ .rx = WEST, .tx = [2]direction{ RAMP, EAST } });
    config.switch_config.set_rx_switch_pos1(blue, RAMP);
    config.switch_config.clear_current_position(blue);
    config.switch_config.set_pop_mode(blue, config.switch_config.pop_mode.POP_ON_ADVANCE);
    results[1] = @as(u32, @bitcast(*u16, address).*);
    config.switch_config.set_pop_mode(blue, config.switch_config.pop_mode.NO_POP);
    results[2] = @as(u32, @bitcast(*u16, address).*);
    """
    found, _ = results(body, head, arch=arch)
    assert found[0, 0] == base + 6
    assert found[0, 1] >> 12 == 2 and found[0, 2] == found[0, 1] & 0xFFF


def test_a_module_without_members(build):
    assert build('const nothing = @import_module("<empty>");').codes == []
