"""Routes and switches as the layout gives them."""

from pyflame.csl.ir import Direction

W, E, R = Direction.WEST, Direction.EAST, Direction.RAMP


def positions(build, switches):
    config = f".{{ .routes = .{{ .rx = .{{ WEST }}, .tx = .{{ EAST, RAMP }} }}, .switches = .{{ {switches} }} }}"
    built = build("", layout=f"@set_color_config(1, 0, @get_color(1), {config});", size=(3, 1))
    assert built.program is not None, built.found
    return built.program.routes[0][1][1].positions


def test_a_position_changes_one_side_of_what_the_one_before_it_left(build):
    assert positions(build, ".pos1 = .{ .tx = EAST }, .pos2 = .{ .rx = RAMP }") == ((W, E | R), (W, E), (R, E))
    assert positions(build, ".pos1 = .{ .rx = RAMP }, .pos2 = .{ .tx = RAMP }, .pos3 = .{ .rx = WEST }") == (
        (W, E | R),
        (R, E | R),
        (R, R),
        (W, R),
    )


def test_invalid_positions_at_the_end_do_not_exist(build):
    found = positions(build, ".pos1 = .{ .tx = EAST }, .pos2 = .{ .invalid = true }, .pos3 = .{ .invalid = true }")
    assert found == ((W, E | R), (W, E))
