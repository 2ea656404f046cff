"""Layouts made in Python: regions, ports, ways between them, streams to the host."""

import numpy as np
import pytest

from pyflame.csl.host.geometry import IntRectangle, IntVector
from pyflame.csl.host.layout import SdkLayout, SdkTarget, SimfabConfig, get_platform
from pyflame.csl.host.regions import Color, Edge, Route, RoutingPosition, get_edge_routing
from pyflame.csl.host.runtime import SdkRuntime

ADD = """
param source: color;
param target: color;
param amount: u32 = 1;
export var weights = @zeros([2]u32);
const in_queue = @get_input_queue(2);
const out_queue = @get_output_queue(2);
const in = @get_dsd(fabin_dsd, .{ .extent = 4, .fabric_color = source, .input_queue = in_queue });
const out = @get_dsd(fabout_dsd, .{ .extent = 4, .fabric_color = target, .output_queue = out_queue });
const id = @get_local_task_id(9);
task add() void {
  @add16(out, in, @as(u16, amount + weights[1]), .{ .async = true });
}
comptime {
  @bind_local_task(add, id);
  @activate(id);
  if (@is_arch("wse3")) {
    @initialize_queue(in_queue, .{ .color = source });
    @initialize_queue(out_queue, .{ .color = target });
  }
}
"""
FROM_RAMP = RoutingPosition().set_input([Route.RAMP])
TO_RAMP = RoutingPosition().set_output([Route.RAMP])


@pytest.fixture(params=SdkTarget)
def layout(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "add.csl").write_text(ADD)
    return SdkLayout(get_platform(None, SimfabConfig(dump_core=True), request.param))


def adder(layout, name, edges, amount, height=1):
    """A region that adds to what comes in; its ports."""
    region = layout.create_code_region("add.csl", name, 1, height)
    source, target = region.color("source"), region.color("target")
    region.set_param_all(source)
    region.set_param_all(target)
    region.set_param_all("amount", amount)
    into = region.create_input_port(source, edges[0], [TO_RAMP], 4)
    return region, into, region.create_output_port(target, edges[1], [FROM_RAMP], 4)


def test_regions_in_a_chain_around_a_corner(layout):
    first, first_in, first_out = adder(layout, "first", (Edge.LEFT, Edge.RIGHT), 10)
    second, second_in, second_out = adder(layout, "second", (Edge.BOTTOM, Edge.TOP), 100)
    first.place(0, 0)
    second.place(4, 3)
    second.set_symbol_all("weights", np.array([0, 1000], np.uint32), 2, 1)
    layout.connect(first_out, second_in)
    into, out = layout.create_input_stream(first_in), layout.create_output_stream(second_out)
    runtime = SdkRuntime(layout.compile(out_prefix="out"), layout.platform, memcpy_required=False)
    runtime.load()
    runtime.run()
    found = np.zeros(4, np.uint32)
    runtime.send(into, np.arange(4, dtype=np.uint32), nonblock=True)
    runtime.receive(out, found, 4, nonblock=True)
    runtime.stop()
    assert found.tolist() == [1110, 1111, 1112, 1113]
    assert runtime.read_symbol(4, 3, "weights", "uint32").tolist() == [0, 1000]


def test_what_cannot_be_connected(layout):
    first, first_in, first_out = adder(layout, "first", (Edge.LEFT, Edge.RIGHT), 1)
    tall, tall_in, _ = adder(layout, "tall", (Edge.LEFT, Edge.RIGHT), 1, height=2)
    tall.place(3, 0)
    with pytest.raises(ValueError, match="an output port and an input port"):
        layout.connect(first_in, tall_in)
    with pytest.raises(ValueError, match="output stream"):
        layout.create_output_stream(first_in)
    layout.connect(first_out, tall_in)
    with pytest.raises(ValueError, match="1 and 2 PEs"):
        layout.compile("out")


def test_routes_of_rectangles_and_edges(layout):
    region = layout.create_code_region("add.csl", "grid", 3, 2)
    color = Color("c")
    through = RoutingPosition().set_input([Route.WEST]).set_output([Route.EAST])
    last = RoutingPosition().set_input([Route.WEST]).set_output([Route.RAMP])
    region.paint_all(color, [through], [get_edge_routing(Edge.RIGHT, [last])])
    assert [region.routes[x, 1][color] for x in range(3)] == [[through], [through], [last]]
    region.paint_range(IntRectangle(IntVector(0, 0), IntVector(1, 2)), color, [last])
    region.paint(IntVector(1, 0), color, [through, last])
    assert region.routes[0, 1][color] == [last] and len(region.routes[1, 0][color]) == 2
    region.set_param_range(IntRectangle(IntVector(1, 1), IntVector(3, 2)), "amount", 7)
    assert [place for place, row in region.params.items() if row] == [(1, 1), (2, 1)]


def test_a_switch_changes_one_end(layout):
    from pyflame.csl.host.layout_text import config

    east = RoutingPosition([Route.WEST], [Route.EAST])
    text = config([east, RoutingPosition([Route.WEST], [Route.RAMP]), RoutingPosition([Route.RAMP], [Route.EAST])])
    assert ".pos1 = .{ .tx = RAMP }" in text and ".pos2 = .{ .rx = RAMP }" in text
    with pytest.raises(ValueError, match="position 1"):
        config([east, RoutingPosition([Route.RAMP], [Route.WEST])])


def test_symbols_must_fit(layout):
    region = layout.create_code_region("add.csl", "grid", 2, 1)
    with pytest.raises(ValueError, match="does not divide"):
        region.set_symbol_all("weights", np.zeros(3, np.uint32), 3, 1)


def test_no_system_is_reached():
    with pytest.raises(NotImplementedError):
        get_platform("1.2.3.4:9000", SimfabConfig(), SdkTarget.WSE3)
